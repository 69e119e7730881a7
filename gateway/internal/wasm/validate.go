package wasm

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// The signatures of the contract.
var (
	sigVersion  = fuel.Signature{Results: []api.ValueType{i32}}
	sigAlloc    = fuel.Signature{Params: []api.ValueType{i32}, Results: []api.ValueType{i32}}
	sigDescribe = fuel.Signature{Results: []api.ValueType{i64}}
	sigHook     = fuel.Signature{Params: []api.ValueType{i32, i32}, Results: []api.ValueType{i64}}
	sigNone     = fuel.Signature{}
)

// validate checks a module against the contract, the memory that an instance may have and
// the operator's grants, and reports everything that is wrong at once.
func validate(info *fuel.Module, memory int64, grants hook.Grants) error {
	return errors.Join(validateStructure(info, memory), validateExports(info), validateImports(info, grants))
}

// validateStructure checks what the isolation of modules depends on.
func validateStructure(info *fuel.Module, memory int64) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if info.Start {
		bad("it has a start section, which would run before the host is ready: export %s instead "+
			"(AssemblyScript: --exportStart %s)", hook.ExportInitialize, hook.ExportInitialize)
	}
	if len(info.Memories) > 1 {
		bad("it has %d memories; only one is allowed", len(info.Memories))
	}
	for _, m := range info.Memories {
		switch {
		case m.Wide64:
			bad("its memory is 64-bit; only wasm32 is supported")
		case m.Shared:
			bad("its memory is shared (threads); only unshared memory is supported")
		case int64(m.Min)*pageSize > memory:
			bad("it starts with %d bytes of memory, more than the %d it may have: raise its max memory",
				int64(m.Min)*pageSize, memory)
		}
	}
	return errors.Join(append(errs, info.CheckBounds())...)
}

func validateExports(info *fuel.Module) error {
	var errs []error
	if _, ok := info.Exports[hook.ExportStart]; ok {
		errs = append(errs, fmt.Errorf("it exports %s: it is a program, not a library; build it as a reactor "+
			"(Go: -buildmode=c-shared, clang: -mexec-model=reactor, Rust: --crate-type=cdylib)", hook.ExportStart))
	}
	if _, ok := info.Exports[fuel.GlobalName]; ok {
		errs = append(errs, fmt.Errorf("it exports %q, a name that is the host's own", fuel.GlobalName))
	}
	for _, name := range slices.Sorted(maps.Keys(info.Exports)) {
		if e := info.Exports[name]; e.Kind == fuel.KindGlobal && int64(e.Index) >= int64(info.Globals) {
			errs = append(errs, fmt.Errorf("its export %q exports global %d, of which there are %d", name, e.Index, info.Globals))
		}
	}
	errs = append(errs, requireMemory(info),
		requireExport(info, hook.ExportVersion, sigVersion), requireExport(info, hook.ExportAlloc, sigAlloc),
		checkExport(info, hook.ExportInit, sigHook), checkExport(info, hook.ExportInitialize, sigNone), checkExport(info, hook.ExportDescribe, sigDescribe))
	hooks, all := 0, []string{}
	for h := range hook.Count {
		if _, ok := info.Exports[h.String()]; ok {
			hooks++
		}
		all = append(all, h.String())
		errs = append(errs, checkExport(info, h.String(), sigHook))
	}
	if hooks == 0 {
		errs = append(errs, fmt.Errorf("it exports none of the hooks: %q", all))
	}
	return errors.Join(errs...)
}

func requireMemory(info *fuel.Module) error {
	e, ok := info.Exports[hook.ExportMemory]
	switch {
	case !ok:
		return fmt.Errorf("it lacks the export %q", hook.ExportMemory)
	case e.Kind != fuel.KindMemory:
		return fmt.Errorf("its export %q is a %s, not a memory", hook.ExportMemory, e.Kind)
	case len(info.Memories) == 0:
		return fmt.Errorf("its export %q is not a memory of its own", hook.ExportMemory)
	}
	return nil
}

// requireExport checks a function that must be exported, checkExport one that may be.
func requireExport(info *fuel.Module, name string, want fuel.Signature) error {
	if _, ok := info.Exports[name]; !ok {
		return fmt.Errorf("it lacks the export %s %s", name, want)
	}
	return checkExport(info, name, want)
}

func checkExport(info *fuel.Module, name string, want fuel.Signature) error {
	e, ok := info.Exports[name]
	switch {
	case !ok:
		return nil
	case e.Kind != fuel.KindFunction:
		return fmt.Errorf("its export %s is a %s, not a function", name, e.Kind)
	case int(e.Index) >= len(info.Funcs):
		return fmt.Errorf("its export %s names function %d, of which there are %d", name, e.Index, len(info.Funcs))
	}
	if have := info.Types[info.Funcs[e.Index]]; !have.Equal(want) {
		return fmt.Errorf("its export %s is %s; it must be %s", name, have, want)
	}
	return nil
}

func validateImports(info *fuel.Module, grants hook.Grants) error {
	var errs []error
	for _, i := range info.Imports {
		if _, err := resolve(info, i, grants); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// resolve finds the host function behind an import.
func resolve(info *fuel.Module, i fuel.Import, grants hook.Grants) (hostFunc, error) {
	if i.Kind != fuel.KindFunction {
		return hostFunc{}, fmt.Errorf("it imports the %s %s.%s; only functions can be imported",
			i.Kind, i.Module, i.Name)
	}
	want := info.Types[i.Type]
	f, known := hostFuncs(i.Module)[i.Name]
	if !known && i.Module == fromWASI && slices.Equal(want.Results, []api.ValueType{i32}) {
		return wasiDenied(i.Name, want), nil
	}
	if !known {
		return hostFunc{}, fmt.Errorf("it imports %s.%s, which this gateway does not have", i.Module, i.Name)
	}
	if f.grant != "" && !grants.Has(f.grant) {
		return hostFunc{}, fmt.Errorf("it imports %s.%s, which needs the grant %q", i.Module, i.Name, f.grant)
	}
	if have := (fuel.Signature{Params: f.params, Results: f.results}); !have.Equal(want) {
		return hostFunc{}, fmt.Errorf("it imports %s.%s as %s; it is %s", i.Module, i.Name, want, have)
	}
	return f, nil
}

func hostFuncs(module string) map[string]hostFunc {
	switch module {
	case fromPenstock:
		return penstockFuncs()
	case fromWASI:
		return wasiFuncs()
	case fromEnv:
		return envFuncs()
	}
	return nil
}
