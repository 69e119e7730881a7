package wasm

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestInspectTellsWhatAModuleIs(t *testing.T) {
	a := guest(RouteFlat, result(0, 0))
	a.imports = []asmImport{{"penstock", "kv_get", "iiii", "i"}, {"penstock", "log", "iii", ""}, {"penstock", "now_ms", "", "I"}, {fromWASI, "fd_write", "iiii", "i"}}
	a.memories = [][]byte{{1, 2, 5}}
	wasm, err := WithManifest(a.bytes(), []byte(`{"name":"x","kind":"router"}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(wasm)
	if err != nil {
		t.Fatal(err)
	}
	want := &Sheet{Size: len(wasm), MemoryInitial: 2 * pageSize, MemoryMax: 5 * pageSize, MemoryDefault: 16 << 20,
		Hooks: []string{"penstock_route_flat"}, Kinds: []string{"router"},
		Exports: []string{"memory", "penstock_abi_version", "penstock_alloc", "penstock_route_flat"},
		Imports: []string{"penstock.kv_get", "penstock.log", "penstock.now_ms", "wasi_snapshot_preview1.fd_write"}, Grants: []string{"clock", "kv"},
		Manifest: &Manifest{Name: "x", Kind: "router"}, Faults: []string{}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Sheet{}, "SHA256")); diff != "" || len(got.SHA256) != 64 {
		t.Errorf("sheet (-want +got)\n%s", diff)
	}
}

func TestInspectListsEveryFault(t *testing.T) {
	a := asm{noMemory: true, imports: []asmImport{{"os", "exec", "", ""}}, funcs: []asmFunc{{export: "_start"}}}
	s, err := Inspect(a.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`lacks the export "memory"`, exportVersion, exportAlloc, exportStart, "os.exec", "none of the hooks"} {
		if !slices.ContainsFunc(s.Faults, func(f string) bool { return strings.Contains(f, want) }) {
			t.Errorf("faults %q, want one with %q", s.Faults, want)
		}
	}
	b := echo()
	b.funcs[0].code = []byte{0x12, 0}
	if s, err := Inspect(b.bytes()); err != nil || len(s.Faults) != 1 || !strings.Contains(s.Faults[0], "unknown instruction 0x12") {
		t.Errorf("a tail call: %+v, %v", s, err)
	}
	if _, err := Inspect([]byte("text")); err == nil || !strings.Contains(err.Error(), "not a WebAssembly file") {
		t.Errorf("text: %v", err)
	}
}

func TestInspectNamesTheKindsThatHooksAllow(t *testing.T) {
	for _, c := range []struct {
		hooks []Hook
		want  []string
	}{
		{[]Hook{Route}, []string{KindRouter}},
		{[]Hook{TransformRequest}, []string{KindTransform}},
		{[]Hook{TransformRequest, NormaliseResponse, NormaliseEvent}, []string{KindTransform, KindDialect}},
		{[]Hook{AcceptRequest, RenderResponse, RenderEvent}, []string{KindDialect}},
	} {
		a := guest(c.hooks[0], result(0, 0))
		for _, h := range c.hooks[1:] {
			a.funcs = append(a.funcs, asmFunc{export: h.String(), params: "ii", results: "I", code: result(0, 0)})
		}
		if s, err := Inspect(a.bytes()); err != nil || !cmp.Equal(s.Kinds, c.want) || len(s.Faults) > 0 {
			t.Errorf("%v: %+v, %v, want %q", c.hooks, s, err, c.want)
		}
	}
}

// custom appends a custom section.
func custom(wasm []byte, name, body string) []byte {
	return appendSection(wasm[:len(wasm):len(wasm)], secCustom, cat(sized([]byte(name)), []byte(body)))
}

func TestAGoModuleMayHoldMoreMemory(t *testing.T) {
	producers := func(field, value string) string {
		return string(cat([]byte{1}, sized([]byte(field)), []byte{1}, sized([]byte(value)), sized([]byte("1.26"))))
	}
	wasm := echo().bytes()
	for _, c := range []struct {
		wasm []byte
		want int64
	}{
		{wasm, 16 << 20},
		{custom(wasm, "go:buildid", "x"), 64 << 20},
		{custom(wasm, "producers", producers("language", "Go")), 64 << 20},
		{custom(wasm, "producers", producers("language", "C11")), 16 << 20},
		{custom(wasm, "producers", producers("processed-by", "Go")), 16 << 20},
		{custom(wasm, "producers", "\xff\xff"), 16 << 20},
		{custom(wasm, "go:buildid2", ""), 16 << 20},
	} {
		if s, err := Inspect(c.wasm); err != nil || s.MemoryDefault != c.want {
			t.Errorf("%+v, %v, want %d", s, err, c.want)
		}
	}
}

func TestTheGoToolchainIsRecognised(t *testing.T) {
	if testing.Short() {
		t.Skip("building a Go guest takes seconds")
	}
	wasm, err := goGuest()
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Inspect(wasm); err != nil || s.MemoryDefault != 64<<20 {
		t.Errorf("a module by the Go toolchain that runs the tests: %+v, %v", s, err)
	}
}
