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

// Sheet is what can be told of a module without running it.
type Sheet struct {
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
	// Manifest is the one in the custom section; nil without one. Describes says that the
	// module gives it only when it runs.
	Manifest  *Manifest `json:"manifest,omitempty"`
	Describes bool      `json:"describes"`
	// Faults are everything for which the module would not be loaded.
	Faults []string `json:"faults"`
}

// Inspect reads a module and says what it is and what is wrong with it, without running
// it. CheckTests reads its manifest's tests. The error is for bytes that are no module at
// all.
func Inspect(wasm []byte, checkTests func(json.RawMessage) error) (*Sheet, error) {
	o, err := fuel.Parse(wasm)
	if err != nil {
		return nil, fmt.Errorf("inspect: %w", err)
	}
	sum := sha256.Sum256(wasm)
	s := &Sheet{Size: len(wasm), SHA256: hex.EncodeToString(sum[:]), MemoryDefault: memoryFor(o), Exports: slices.Sorted(maps.Keys(o.Exports)),
		Grants: neededGrants(o), Describes: described(o), Hooks: []string{}, Imports: []string{}, Faults: []string{}}
	if len(o.Memories) > 0 {
		s.MemoryInitial, s.MemoryMax = int64(o.Memories[0].Min)*pageSize, int64(o.Memories[0].Max)*pageSize
	}
	for _, i := range o.Imports {
		s.Imports = append(s.Imports, i.Module+"."+i.Name)
	}
	for h := range hook.Count {
		if _, ok := o.Exports[h.String()]; ok {
			s.Hooks = append(s.Hooks, h.String())
		}
	}
	var bad error
	if s.Manifest, bad = readManifest(o); bad != nil {
		s.Faults = append(s.Faults, bad.Error())
	} else if s.Manifest != nil {
		if err := checkTests(s.Manifest.Tests); err != nil {
			s.Faults = append(s.Faults, "manifest: "+err.Error())
		}
	}
	s.Kinds = kindsOf(o, s.Manifest)
	s.Faults = append(s.Faults, loadFaults(o, len(wasm))...)
	return s, nil
}

// loadFaults lists what vet and the fuel pass have against the module.
func loadFaults(o *fuel.Module, size int) []string {
	var list []string
	if size > maxModule {
		list = append(list, fmt.Sprintf("the file has %d bytes; at most %d are accepted", size, maxModule))
	}
	list = flatten(list, vet(o, memoryFor(o), hook.AllGrants()))
	if len(list) == 0 {
		_, err := o.Instrument(fuel.PerStretch)
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

// neededGrants are the grants that the module's imports need, each once.
func neededGrants(o *fuel.Module) []string {
	list := []string{}
	for _, i := range o.Imports {
		f, ok := hostFuncs(i.Module)[i.Name]
		if ok && f.grant != "" && !slices.Contains(list, f.grant) {
			list = append(list, f.grant)
		}
	}
	slices.Sort(list)
	return list
}

// kindsOf is what a module with these hooks can be loaded as: what its manifest says, if
// it says anything.
func kindsOf(o *fuel.Module, m *Manifest) []string {
	if m != nil && m.Kind != "" {
		return []string{m.Kind}
	}
	has := func(hooks ...hook.Hook) (all, any bool) {
		all = true
		for _, h := range hooks {
			_, ok := o.Exports[h.String()]
			all, any = all && ok, any || ok
		}
		return all, any
	}
	list := []string{}
	if _, ok := has(hook.RouteFlat, hook.Route); ok {
		list = append(list, KindRouter)
	}
	all, some := has(hook.TransformRequest, hook.NormaliseResponse, hook.NormaliseEvent)
	if some {
		list = append(list, KindTransform)
	}
	if client, _ := has(hook.AcceptRequest, hook.RenderResponse, hook.RenderEvent); all || client {
		list = append(list, KindDialect)
	}
	return list
}
