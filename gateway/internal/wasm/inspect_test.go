package wasm

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

func TestInspectTellsWhatAModuleIs(t *testing.T) {
	a := asm.Guest(hook.RouteFlat, asm.Result(0, 0))
	a.Imports = []asm.Import{{Module: "penstock", Name: "kv_get", Params: "iiii", Results: "i"}, {Module: "penstock", Name: "log", Params: "iii", Results: ""}, {Module: "penstock", Name: "now_ms", Params: "", Results: "I"}, {Module: fromWASI, Name: "fd_write", Params: "iiii", Results: "i"}}
	a.Memories = [][]byte{{1, 2, 5}}
	wasm, err := WithManifest(a.Bytes(), []byte(`{"name":"x","kind":"router"}`), anyTests)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(wasm, anyTests)
	if err != nil {
		t.Fatal(err)
	}
	want := &Inspection{Size: len(wasm), MemoryInitial: 2 * pageSize, MemoryMax: 5 * pageSize, MemoryDefault: 16 << 20,
		Hooks: []string{"penstock_route_flat"}, Kinds: []string{"router"},
		Exports: []string{"memory", "penstock_abi_version", "penstock_alloc", "penstock_route_flat"},
		Imports: []string{"penstock.kv_get", "penstock.log", "penstock.now_ms", "wasi_snapshot_preview1.fd_write"}, Grants: []string{"clock", "kv"},
		Manifest: &Manifest{Name: "x", Kind: "router"}, Faults: []string{}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Inspection{}, "SHA256")); diff != "" || len(got.SHA256) != 64 {
		t.Errorf("sheet (-want +got)\n%s", diff)
	}
}

func TestInspectListsEveryFault(t *testing.T) {
	a := asm.Module{NoMemory: true, Imports: []asm.Import{{Module: "os", Name: "exec", Params: "", Results: ""}}, Funcs: []asm.Func{{Export: "_start"}}}
	s, err := Inspect(a.Bytes(), anyTests)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`lacks the export "memory"`, hook.ExportVersion, hook.ExportAlloc, hook.ExportStart, "os.exec", "none of the hooks"} {
		if !slices.ContainsFunc(s.Faults, func(f string) bool { return strings.Contains(f, want) }) {
			t.Errorf("faults %q, want one with %q", s.Faults, want)
		}
	}
	b := asm.Echo()
	b.Funcs[0].Code = []byte{0x12, 0}
	if s, err := Inspect(b.Bytes(), anyTests); err != nil || len(s.Faults) != 1 || !strings.Contains(s.Faults[0], "unknown instruction 0x12") {
		t.Errorf("a tail call: %+v, %v", s, err)
	}
	if _, err := Inspect([]byte("text"), anyTests); err == nil || !strings.Contains(err.Error(), "not a WebAssembly file") {
		t.Errorf("text: %v", err)
	}
}

func TestInspectNamesTheKindsThatHooksAllow(t *testing.T) {
	for _, c := range []struct {
		hooks []hook.Hook
		want  []string
	}{
		{[]hook.Hook{hook.Route}, []string{KindRouter}},
		{[]hook.Hook{hook.TransformRequest}, []string{KindTransform}},
		{[]hook.Hook{hook.TransformRequest, hook.NormalizeResponse, hook.NormalizeEvent}, []string{KindTransform, KindDialect}},
		{[]hook.Hook{hook.AcceptRequest, hook.RenderResponse, hook.RenderEvent}, []string{KindDialect}},
	} {
		a := asm.Guest(c.hooks[0], asm.Result(0, 0))
		for _, h := range c.hooks[1:] {
			a.Funcs = append(a.Funcs, asm.Func{Export: h.String(), Params: "ii", Results: "I", Code: asm.Result(0, 0)})
		}
		if s, err := Inspect(a.Bytes(), anyTests); err != nil || !cmp.Equal(s.Kinds, c.want) || len(s.Faults) > 0 {
			t.Errorf("%v: %+v, %v, want %q", c.hooks, s, err, c.want)
		}
	}
}

// custom appends a custom section.
func custom(wasm []byte, name, body string) []byte {
	return asm.Cat(wasm, asm.Section(0, asm.Cat(asm.Sized([]byte(name)), []byte(body))))
}

func TestAGoModuleMayHoldMoreMemory(t *testing.T) {
	producers := func(field, value string) string {
		return string(asm.Cat([]byte{1}, asm.Sized([]byte(field)), []byte{1}, asm.Sized([]byte(value)), asm.Sized([]byte("1.26"))))
	}
	wasm := asm.Echo().Bytes()
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
		if s, err := Inspect(c.wasm, anyTests); err != nil || s.MemoryDefault != c.want {
			t.Errorf("%+v, %v, want %d", s, err, c.want)
		}
	}
}

func TestTheGoToolchainIsRecognized(t *testing.T) {
	if testing.Short() {
		t.Skip("building a Go guest takes seconds")
	}
	wasm, err := goGuest()
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Inspect(wasm, anyTests); err != nil || s.MemoryDefault != 64<<20 {
		t.Errorf("a module by the Go toolchain that runs the tests: %+v, %v", s, err)
	}
}
