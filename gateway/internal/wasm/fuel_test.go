package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/plugins"
)

// execution is what running a program gave.
type execution struct {
	result []uint64
	memory []byte
	trap   bool
	fuel   int64
}

// execute runs an exported function of a module, metered or not.
func execute(t interface{ Fatalf(string, ...any) }, r wazero.Runtime, wasm []byte, fn string, fuel int64) execution {
	ctx := context.Background()
	mod, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		t.Fatalf("instantiate: %v", err)
	}
	defer mod.Close(ctx)
	g := mod.ExportedGlobal(exportFuel)
	if g != nil {
		g.(api.MutableGlobal).Set(uint64(fuel))
	}
	var e execution
	e.result, err = mod.ExportedFunction(fn).Call(ctx, 5)
	e.trap = err != nil
	if g != nil {
		e.fuel = fuel - int64(g.Get())
	}
	b, _ := mod.Memory().Read(0, mod.Memory().Size())
	e.memory = bytes.Clone(b)
	return e
}

// TestMeteringChangesNothingAndChargesEverything holds the pass against the same
// program unmetered (same results and memory) and charged instruction by instruction
// (never less fuel).
func TestMeteringChangesNothingAndChargesEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wasm := drawProgram(t)
		o, err := sketch(wasm)
		if err != nil {
			t.Fatalf("sketch: %v", err)
		}
		r := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter())
		defer r.Close(context.Background())
		exact, fast := meterOrFail(t, o, true), meterOrFail(t, o, false)
		for _, fn := range []string{"run", "pair"} {
			checkMetering(t, r, wasm, exact, fast, fn)
		}
	})
}

// limit is the fuel of a random program, most of which need far less.
const limit = 200_000

func checkMetering(t *rapid.T, r wazero.Runtime, bare, exact, fast []byte, fn string) {
	want := execute(t, r, exact, fn, limit)
	if want.trap { // out of fuel, the only way such a program can trap
		if got := execute(t, r, fast, fn, limit); !got.trap {
			t.Fatalf("%s: ran on with %d fuel where exact charging stops", fn, got.fuel)
		}
		return
	}
	plain, got := execute(t, r, bare, fn, 0), execute(t, r, fast, fn, 1<<40)
	if fmt.Sprint(got.result) != fmt.Sprint(plain.result) || !bytes.Equal(got.memory, plain.memory) {
		t.Fatalf("%s: metered %v, bare %v", fn, got.result, plain.result)
	}
	if got.fuel < want.fuel || got.fuel > 40*want.fuel {
		t.Fatalf("%s: charged %d, ran %d", fn, got.fuel, want.fuel)
	}
	if short := execute(t, r, fast, fn, got.fuel-1); !short.trap {
		t.Fatalf("%s: ran with less fuel than it is charged", fn)
	}
	if enough := execute(t, r, fast, fn, got.fuel); enough.trap {
		t.Fatalf("%s: stopped although the fuel sufficed", fn)
	}
}

func meterOrFail(t interface{ Fatalf(string, ...any) }, o *outline, each bool) []byte {
	code, err := metered(o, each)
	if err != nil {
		t.Fatalf("metered: %v", err)
	}
	return code
}

// TestMeteringARealModule runs the built-in strategies, if they are built, through
// both forms of the pass.
func TestMeteringARealModule(t *testing.T) {
	wasm := builtin(t)
	o, err := sketch(wasm)
	if err != nil {
		t.Fatal(err)
	}
	code := meterOrFail(t, o, false)
	t.Logf("%d bytes became %d", len(wasm), len(code))
	in := appendFlat(nil, &llm.Request{ID: "r"}, fleet(8), []byte("cost\n"), 1, time.Unix(1, 0))
	m := load(t, wasm)
	first, fuel, err := m.Call(context.Background(), RouteFlat, 1, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, used, err := m.Call(context.Background(), RouteFlat, 1, in, nil)
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("the same input gave %x, then %x (%v)", first, again, err)
		}
		fuel = min(fuel, used)
	}
	t.Logf("fuel for 8 candidates: %d", fuel)
}

// builtin reads a module that make builds.
func builtin(t testing.TB) []byte {
	t.Helper()
	if testing.Short() {
		t.Skip("compiling the built-in module takes a second, and far more under the race detector")
	}
	wasm, err := plugins.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// FuzzMeter shows that no bytes make the pass panic, and that what it lets through
// and the machine accepts can't run past its fuel.
func FuzzMeter(f *testing.F) {
	for _, a := range []asm{echo(), evil(storm(i32c(0), i32c(0), i32c(9), op(0xfc, 11, 0)))} {
		f.Add(a.bytes())
	}
	table := echo()
	table.tables, table.globals = [][]byte{{0x70, 0, 1}}, [][]byte{cat([]byte{0x7f, 1}, i32c(3), []byte{opEnd})}
	table.elements = [][]byte{cat([]byte{0}, i32c(0), []byte{opEnd, 1, 2})}
	f.Add(table.bytes())
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if len(wasm) > 4<<10 {
			return
		}
		o, err := sketch(wasm)
		if err != nil {
			return
		}
		s, _ := Spec{Name: "fuzz", Wasm: wasm, MaxMemory: 1 << 20}.normal()
		vetted := o.vet(s.MaxMemory, s.Grants) == nil
		if _, err := metered(o, false); err != nil || !vetted {
			return
		}
		s.Fuel = 100_000
		fuzzCall(t, s)
	})
}

// fuzzCall loads and calls a module that passed the checks. Whatever it does, the call
// comes back.
func fuzzCall(t *testing.T, s Spec) {
	h, err := NewHost(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close(context.Background())
	m, err := h.Load(context.Background(), s)
	if err != nil {
		return
	}
	for hook := range hookCount {
		_, fuel, err := m.Call(context.Background(), hook, 1, []byte("{}"), nil)
		if !errors.Is(err, ErrNoHook) && (fuel < 0 || fuel > s.Fuel+2*s.FuelPerByte) {
			t.Fatalf("%s: used %d fuel of %d, err %v", hook, fuel, s.Fuel, err)
		}
	}
}

func TestFuelPaysForBulkByLength(t *testing.T) {
	fill := func(n int32) int64 {
		m := load(t, guest(Route, i32c(0), i32c(0), i32c(n), op(0xfc, 11, 0), result(0, 0)).bytes())
		_, fuel, err := m.Call(context.Background(), Route, 1, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return fuel
	}
	if got, want := fill(8000)-fill(0), int64(1000); got != want {
		t.Errorf("filling 8000 bytes costs %d more than filling none, want %d", got, want)
	}
}

func TestFuelDependsOnlyOnInputAndGrowsWithIt(t *testing.T) {
	m := load(t, echo().bytes())
	var used [3]int64
	for i := range used {
		var err error
		if _, used[i], err = m.Call(context.Background(), Route, uint64(i), binary.LittleEndian.AppendUint64(nil, uint64(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if used[0] != used[1] || used[1] != used[2] {
		t.Errorf("fuel of equal work: %v", used)
	}
}
