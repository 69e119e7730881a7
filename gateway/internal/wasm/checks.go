package wasm

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// The signatures of the contract.
var (
	sigVersion  = signature{results: []api.ValueType{i32}}
	sigAlloc    = signature{params: []api.ValueType{i32}, results: []api.ValueType{i32}}
	sigDescribe = signature{results: []api.ValueType{i64}}
	sigHook     = signature{params: []api.ValueType{i32, i32}, results: []api.ValueType{i64}}
	sigNone     = signature{}
)

// vet holds a module's outline against the contract, the memory that an instance may
// have and the operator's grants, and reports everything that is wrong at once.
func (o *outline) vet(memory int64, grants Grants) error {
	return errors.Join(o.vetShape(memory), o.vetExports(), o.vetImports(grants))
}

// vetShape checks what the sandbox rests on.
func (o *outline) vetShape(memory int64) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.start {
		bad("it has a start section, which would run before the host is ready: export %s instead "+
			"(AssemblyScript: --exportStart %s)", exportInitialize, exportInitialize)
	}
	if len(o.memories) > 1 {
		bad("it has %d memories; only one is allowed", len(o.memories))
	}
	for _, m := range o.memories {
		switch {
		case m.wide64:
			bad("its memory is 64-bit; only wasm32 is supported")
		case m.shared:
			bad("its memory is shared (threads); only unshared memory is supported")
		case int64(m.min)*pageSize > memory:
			bad("it starts with %d bytes of memory, more than the %d it may have: raise its max memory",
				int64(m.min)*pageSize, memory)
		}
	}
	return errors.Join(append(errs, o.vetTables(), o.vetCounts())...)
}

func (o *outline) vetTables() error {
	if len(o.tables) > maxTables {
		return fmt.Errorf("it has %d tables; at most %d are allowed", len(o.tables), maxTables)
	}
	for _, t := range o.tables {
		if t.wide64 || t.shared || t.min > maxElements {
			return fmt.Errorf("it has a table that is 64-bit, shared or larger than %d elements", maxElements)
		}
	}
	return nil
}

func (o *outline) vetExports() error {
	var errs []error
	if _, ok := o.exports[exportStart]; ok {
		errs = append(errs, fmt.Errorf("it exports %s: it is a program, not a library; build it as a reactor "+
			"(Go: -buildmode=c-shared, clang: -mexec-model=reactor, Rust: --crate-type=cdylib)", exportStart))
	}
	if _, ok := o.exports[exportFuel]; ok {
		errs = append(errs, fmt.Errorf("it exports %q, a name that is the host's own", exportFuel))
	}
	for _, name := range sorted(o.exports) {
		if e := o.exports[name]; e.kind == kindGlobal && int64(e.index) >= int64(o.globals) {
			errs = append(errs, fmt.Errorf("its export %q exports global %d, of which there are %d", name, e.index, o.globals))
		}
	}
	errs = append(errs, o.needMemory(),
		o.need(exportVersion, sigVersion), o.need(exportAlloc, sigAlloc),
		o.may(exportInit, sigHook), o.may(exportInitialize, sigNone), o.may(exportDescribe, sigDescribe))
	hooks := 0
	for _, name := range hookNames {
		if _, ok := o.exports[name]; ok {
			hooks++
		}
		errs = append(errs, o.may(name, sigHook))
	}
	if hooks == 0 {
		errs = append(errs, fmt.Errorf("it exports none of the hooks: %q", hookNames))
	}
	return errors.Join(errs...)
}

func (o *outline) needMemory() error {
	e, ok := o.exports[exportMemory]
	switch {
	case !ok:
		return fmt.Errorf("it lacks the export %q", exportMemory)
	case e.kind != kindMemory:
		return fmt.Errorf("its export %q is a %s, not a memory", exportMemory, kindNames[e.kind])
	case len(o.memories) == 0:
		return fmt.Errorf("its export %q is not a memory of its own", exportMemory)
	}
	return nil
}

// need checks a function that must be exported, may one that can be.
func (o *outline) need(name string, want signature) error {
	if _, ok := o.exports[name]; !ok {
		return fmt.Errorf("it lacks the export %s %s", name, want)
	}
	return o.may(name, want)
}

func (o *outline) may(name string, want signature) error {
	e, ok := o.exports[name]
	switch {
	case !ok:
		return nil
	case e.kind != kindFunc:
		return fmt.Errorf("its export %s is a %s, not a function", name, kindNames[e.kind])
	case int(e.index) >= len(o.funcs):
		return fmt.Errorf("its export %s names function %d, of which there are %d", name, e.index, len(o.funcs))
	}
	if have := o.types[o.funcs[e.index]]; !have.equal(want) {
		return fmt.Errorf("its export %s is %s; it must be %s", name, have, want)
	}
	return nil
}

func (o *outline) vetImports(grants Grants) error {
	var errs []error
	for _, i := range o.imports {
		if _, err := o.resolve(i, grants); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// resolve finds the host function behind an import.
func (o *outline) resolve(i importEntry, grants Grants) (hostFunc, error) {
	if i.kind != kindFunc {
		return hostFunc{}, fmt.Errorf("it imports the %s %s.%s; only functions can be imported",
			kindNames[i.kind], i.module, i.name)
	}
	want := o.types[i.typ]
	f, known := hostFuncs(i.module)[i.name]
	if !known && i.module == fromWASI && slices.Equal(want.results, []api.ValueType{i32}) {
		return wasiDenied(i.name, want), nil
	}
	if !known {
		return hostFunc{}, fmt.Errorf("it imports %s.%s, which this gateway does not have", i.module, i.name)
	}
	if f.grant != "" && !grants.Has(f.grant) {
		return hostFunc{}, fmt.Errorf("it imports %s.%s, which needs the grant %q", i.module, i.name, f.grant)
	}
	if have := (signature{f.params, f.results}); !have.equal(want) {
		return hostFunc{}, fmt.Errorf("it imports %s.%s as %s; it is %s", i.module, i.name, want, have)
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
