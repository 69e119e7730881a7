package wasm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// refusal returns why a module can't be loaded.
func refusal(t *testing.T, s Spec) string {
	t.Helper()
	if s.Name == "" {
		s.Name = "bad"
	}
	_, err := newTestHost(t).Load(context.Background(), s)
	if err == nil {
		t.Fatal("Load accepted the module")
	}
	return err.Error()
}

func TestLoadRefusesWhatItCannotTrust(t *testing.T) {
	with := func(change func(*asm.Module)) []byte {
		a := asm.Echo()
		change(&a)
		return a.Bytes()
	}
	importing := func(module, name, params, results string) []byte {
		return with(func(a *asm.Module) {
			a.Imports = []asm.Import{{Module: module, Name: name, Params: params, Results: results}}
		})
	}
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"nothing", nil, "not a WebAssembly file"},
		{"text", []byte("(module)"), "not a WebAssembly file"},
		{"a component", []byte("\x00asm\x0d\x00\x01\x00"), "is it a component"},
		{"cut short", asm.Echo().Bytes()[:60], "cut short"},
		{"too large", make([]byte, maxModule+1), "at most 16777216"},
		{"no memory", with(func(a *asm.Module) { a.NoMemory = true }), `lacks the export "memory"`},
		{"no version", with(func(a *asm.Module) { a.Funcs[0].Export = "x" }), "lacks the export penstock_abi_version () -> (i32)"},
		{"no alloc", with(func(a *asm.Module) { a.Funcs[1].Export = "" }), "lacks the export penstock_alloc (i32) -> (i32)"},
		{"no hook", with(func(a *asm.Module) { a.Funcs[2].Export = "route" }), "exports none of the hooks"},
		{"hook with another signature", with(func(a *asm.Module) { a.Funcs[2].Params, a.Funcs[2].Code = "i", asm.Result(0, 0) }),
			"its export penstock_route is (i32) -> (i64); it must be (i32, i32) -> (i64)"},
		{"hook that is a memory", with(func(a *asm.Module) {
			a.Funcs[2].Export = ""
			a.Exports = []asm.Export{{Name: "penstock_route", Kind: 2}}
		}), "is a memory, not a function"},
		{"another major version", with(func(a *asm.Module) { a.Funcs[0].Code = asm.I32(2 << 16) }), "implements version 2.0"},
		{"a program", with(func(a *asm.Module) { a.Funcs = append(a.Funcs, asm.Func{Export: "_start"}) }), "exports _start"},
		{"start section", with(func(a *asm.Module) { a.Funcs = append(a.Funcs, asm.Func{}); a.Start = 4 }), "start section"},
		{"two memories", with(func(a *asm.Module) { a.Memories = [][]byte{{0, 1}, {0, 1}} }), "2 memories"},
		{"64-bit memory", with(func(a *asm.Module) { a.Memories = [][]byte{{4, 1}} }), "64-bit"},
		{"shared memory", with(func(a *asm.Module) { a.Memories = [][]byte{{3, 1, 2}} }), "shared"},
		{"more memory than allowed", with(func(a *asm.Module) { a.Memories = [][]byte{asm.Cat([]byte{0}, asm.LEB(2000))} }), "raise its max memory"},
		{"a huge table", with(func(a *asm.Module) { a.Tables = [][]byte{asm.Cat([]byte{0x70, 0}, asm.LEB(1<<30))} }), "larger than"},
		{"many tables", with(func(a *asm.Module) {
			for range 5 {
				a.Tables = append(a.Tables, []byte{0x70, 0, 1})
			}
		}), "5 tables"},
		{"unknown import", importing("penstock", "open_socket", "ii", "i"), "imports penstock.open_socket, which this gateway does not have"},
		{"unknown namespace", importing("os", "exec", "", ""), "imports os.exec"},
		{"import without its grant", importing("penstock", "now_ms", "", "I"), `imports penstock.now_ms, which needs the grant "clock"`},
		{"import with another signature", importing("penstock", "log", "i", ""), "imports penstock.log as (i32) -> (); it is (i32, i32, i32) -> ()"},
		{"the fuel's export name", with(func(a *asm.Module) { a.Funcs[2].Export = fuel.GlobalName }), "the host's own"},
		{"the fuel's global, read", with(func(a *asm.Module) { a.Funcs[2].Code = asm.GlobalGet(0) }), "uses global 0, of which there are 0"},
		{"the fuel's global, written", with(func(a *asm.Module) { a.Funcs[2].Code = asm.Cat(asm.I64(1<<40), asm.GlobalSet(0), asm.Result(0, 0)) }), "uses global 0"},
		{"the fuel's global, exported", with(func(a *asm.Module) { a.Exports = []asm.Export{{Name: "mine", Kind: 3}} }), "exports global 0"},
		{"the meter's local", with(func(a *asm.Module) { a.Funcs[0].Code = asm.Cat(asm.Get(0), asm.Op(0x1a), asm.I32(1<<16)) }), "uses local 0"},
		{"the meter's block", with(func(a *asm.Module) { a.Funcs[0].Code = asm.Br(1) }), "branches to label 1"},
		{"tail call", with(func(a *asm.Module) { a.Funcs[0].Code = []byte{0x12, 0} }), "unknown instruction 0x12"},
		{"atomics", with(func(a *asm.Module) { a.Funcs[0].Code = []byte{0xfe, 0} }), "unknown instruction 0xfe"},
		{"unknown bulk instruction", with(func(a *asm.Module) { a.Funcs[0].Code = []byte{0xfc, 18} }), "unknown instruction 0xfc 18"},
		{"ill-typed code", with(func(a *asm.Module) { a.Funcs[0].Code = asm.I64(1) }), "compile"},
		{"code behind the end", with(func(a *asm.Module) { a.Funcs[0].Code = asm.Cat(asm.I32(1), asm.Op(asm.End)) }), "code behind its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := refusal(t, Spec{Wasm: c.wasm}); !strings.Contains(got, c.want) {
				t.Errorf("Load: %q, want %q in it", got, c.want)
			}
		})
	}
}

func TestLoadReportsEverythingThatIsWrong(t *testing.T) {
	a := asm.Module{NoMemory: true, Imports: []asm.Import{{Module: "os", Name: "exec", Params: "", Results: ""}}, Funcs: []asm.Func{{Export: "_start"}}}
	got := refusal(t, Spec{Wasm: a.Bytes()})
	for _, want := range []string{"memory", hook.ExportVersion, hook.ExportAlloc, hook.ExportStart, "os.exec", "load module bad"} {
		if !strings.Contains(got, want) {
			t.Errorf("Load: %q, want %q in it", got, want)
		}
	}
}

func TestLoadRefusesABadSpec(t *testing.T) {
	good := asm.Echo().Bytes()
	for want, s := range map[string]Spec{
		"is pinned":      {Wasm: good, SHA256: strings.Repeat("0", 64)},
		"unknown grant":  {Wasm: good, Grants: []string{"network"}},
		"not valid JSON": {Wasm: good, Config: []byte("{")},
		"max memory":     {Wasm: good, MaxMemory: 1 << 40},
		"negative":       {Wasm: good, Fuel: -1},
	} {
		if got := refusal(t, s); !strings.Contains(got, want) {
			t.Errorf("Load: %q, want %q in it", got, want)
		}
	}
}

func TestLoadAcceptsThePinnedDigest(t *testing.T) {
	wasm := asm.Echo().Bytes()
	sum := sha256.Sum256(wasm)
	m := load(t, wasm, func(s *Spec) { s.SHA256 = strings.ToUpper(hex.EncodeToString(sum[:])) })
	if m.SHA256() != hex.EncodeToString(sum[:]) {
		t.Errorf("SHA256 = %s", m.SHA256())
	}
}

func TestLoadAcceptsGrantedImports(t *testing.T) {
	a := asm.Guest(hook.Route, asm.Call(0), asm.Op(0x1a), asm.Call(1), asm.Op(0x1a), asm.Result(0, 0))
	a.Imports = []asm.Import{{Module: "penstock", Name: "now_ms", Params: "", Results: "I"}, {Module: "penstock", Name: "random_u64", Params: "", Results: "I"}}
	m := load(t, a.Bytes(), func(s *Spec) { s.Grants = []string{hook.GrantClock, hook.GrantRandom} })
	if _, _, err := m.Call(context.Background(), hook.Route, 1, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestTheCompileCacheIsPrivateAndIsUsed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	h, err := NewHost(Options{CacheDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.Load(context.Background(), Spec{Name: "a", Wasm: asm.Echo().Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	if out, _, err := m.Call(context.Background(), hook.Route, 1, []byte("x"), nil); err != nil || !bytes.Equal(out, []byte("x")) {
		t.Errorf("Call = %q, %v", out, err)
	}
	if s := m.Stats(); s.FromCache || s.Within[len(s.Within)-1] != 1 {
		t.Errorf("the first module is from the cache: %v; calls by time: %v", s.FromCache, s.Within)
	}
	if err := h.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if h, err = NewHost(Options{CacheDir: dir}); err != nil {
		t.Fatal(err)
	}
	for _, wasm := range [][]byte{asm.Echo().Bytes(), asm.Misbehaving(asm.I64(0)).Bytes()} {
		m, err := h.Load(context.Background(), Spec{Name: "a", Wasm: wasm})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.Stats().FromCache, bytes.Equal(wasm, asm.Echo().Bytes()); got != want {
			t.Errorf("a module that is there: %v, from the cache: %v", want, got)
		}
	}
	if err := h.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("cache directory: %v, %v, want mode 0700", info.Mode(), err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(files) == 0 {
		t.Error("the cache directory is empty")
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := NewHost(Options{CacheDir: dir}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("NewHost with a directory that all can write to: %v, want a refusal", err)
	}
}

func TestAClosedHostLoadsNothing(t *testing.T) {
	h, err := NewHost(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Load(context.Background(), Spec{Name: "late", Wasm: asm.Echo().Bytes()}); err == nil {
		t.Error("Load succeeded after Close")
	}
}
