package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Inspection describes a module as far as that is possible without running it.
type Inspection struct {
	// Size is in bytes, SHA256 hexadecimal.
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
	// MemoryInitial and MemoryMax are what the module declares, in bytes; a maximum of
	// zero means that it declares none. MemoryDefault is what an instance may hold when
	// the operator does not say.
	MemoryInitial int64 `json:"memory_initial"`
	MemoryMax     int64 `json:"memory_max"`
	MemoryDefault int64 `json:"memory_default"`
	// Hooks are the exported ones, Kinds what such a module can be loaded as, Exports all
	// names that it exports.
	Hooks   []string `json:"hooks"`
	Kinds   []string `json:"kinds"`
	Exports []string `json:"exports"`
	// Imports are "module.name", Grants what they need.
	Imports []string `json:"imports"`
	Grants  []string `json:"grants"`
	// Manifest is the one in the custom section; nil without one. Describes reports that the
	// module returns it only when it runs.
	Manifest  *Manifest `json:"manifest,omitempty"`
	Describes bool      `json:"describes"`
	// Faults are the reasons for which the module would not be loaded.
	Faults []string `json:"faults"`
}

// Inspect describes a module and lists what is wrong with it, without running it. CheckTests
// checks its manifest's tests. The error is for bytes that are no module at all.
func Inspect(wasm []byte, checkTests func(json.RawMessage) error) (*Inspection, error) {
	info, err := fuel.Parse(wasm)
	if err != nil {
		return nil, fmt.Errorf("inspect: %w", err)
	}
	sum := sha256.Sum256(wasm)
	s := &Inspection{Size: len(wasm), SHA256: hex.EncodeToString(sum[:]), MemoryDefault: memoryFor(info), Exports: slices.Sorted(maps.Keys(info.Exports)),
		Grants: neededGrants(info), Describes: hasDescribe(info), Hooks: []string{}, Imports: []string{}, Faults: []string{}}
	if len(info.Memories) > 0 {
		s.MemoryInitial, s.MemoryMax = int64(info.Memories[0].Min)*pageSize, int64(info.Memories[0].Max)*pageSize
	}
	for _, i := range info.Imports {
		s.Imports = append(s.Imports, i.Module+"."+i.Name)
	}
	for h := range hook.Count {
		if _, ok := info.Exports[h.String()]; ok {
			s.Hooks = append(s.Hooks, h.String())
		}
	}
	if s.Manifest, err = readManifest(info); err != nil {
		s.Faults = append(s.Faults, err.Error())
	} else if s.Manifest != nil {
		if err := checkTests(s.Manifest.Tests); err != nil {
			s.Faults = append(s.Faults, "manifest: "+err.Error())
		}
	}
	s.Kinds = kindsOf(info, s.Manifest)
	s.Faults = append(s.Faults, loadFaults(info, len(wasm))...)
	return s, nil
}

// loadFaults lists the errors of validation and of the fuel pass.
func loadFaults(info *fuel.Module, size int) []string {
	var list []string
	if size > maxModule {
		list = append(list, fmt.Sprintf("the file has %d bytes; at most %d are accepted", size, maxModule))
	}
	list = flatten(list, validate(info, memoryFor(info), hook.AllGrants()))
	if len(list) == 0 {
		_, err := info.Instrument(fuel.PerStretch)
		list = flatten(list, err)
	}
	return list
}

// flatten appends the messages of the errors that were joined to err.
func flatten(list []string, err error) []string {
	if err == nil {
		return list
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return append(list, err.Error())
	}
	for _, e := range joined.Unwrap() {
		list = flatten(list, e)
	}
	return list
}

// neededGrants lists the grants that the module's imports need, each once.
func neededGrants(info *fuel.Module) []string {
	list := []string{}
	for _, i := range info.Imports {
		f, ok := hostFuncs(i.Module)[i.Name]
		if ok && f.grant != "" && !slices.Contains(list, f.grant) {
			list = append(list, f.grant)
		}
	}
	slices.Sort(list)
	return list
}

// kindsOf lists the kinds that the module can be loaded as: the manifest's, if it names one,
// else those that its hooks allow.
func kindsOf(info *fuel.Module, m *Manifest) []string {
	if m != nil && m.Kind != "" {
		return []string{m.Kind}
	}
	has := func(hooks ...hook.Hook) (all, any bool) {
		all = true
		for _, h := range hooks {
			_, ok := info.Exports[h.String()]
			all, any = all && ok, any || ok
		}
		return all, any
	}
	list := []string{}
	if _, ok := has(hook.RouteFlat, hook.Route); ok {
		list = append(list, KindRouter)
	}
	all, some := has(hook.TransformRequest, hook.NormalizeResponse, hook.NormalizeEvent)
	if some {
		list = append(list, KindTransform)
	}
	if client, _ := has(hook.AcceptRequest, hook.RenderResponse, hook.RenderEvent); all || client {
		list = append(list, KindDialect)
	}
	return list
}
