package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
	"github.com/penstock/penstock/plugins"
)

// TestMeteringARealModule calls the built-in strategies repeatedly: the results are the same.
func TestMeteringARealModule(t *testing.T) {
	wasm := builtin(t)
	o, err := fuel.Parse(wasm)
	if err != nil {
		t.Fatal(err)
	}
	code, err := o.Instrument(fuel.PerStretch)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes became %d", len(wasm), len(code))
	in := flatInput(&llm.Request{ID: "r"}, 8, "cost\n")
	m := load(t, wasm)
	first, fuel, err := m.Call(context.Background(), hook.RouteFlat, 1, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, used, err := m.Call(context.Background(), hook.RouteFlat, 1, in, nil)
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("the same input gave %x, then %x (%v)", first, again, err)
		}
		fuel = min(fuel, used)
	}
	t.Logf("fuel for 8 candidates: %d", fuel)
}

// builtin returns the built-in module, which make builds.
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

// FuzzLoad checks that no bytes make loading panic, and that a module that loads can't exceed
// its fuel.
func FuzzLoad(f *testing.F) {
	for _, a := range []asm.Module{asm.Echo(), asm.Misbehaving(asm.Endless(asm.I32(0), asm.I32(0), asm.I32(9), asm.Op(0xfc, 11, 0)))} {
		f.Add(a.Bytes())
	}
	table := asm.Echo()
	table.Tables, table.Globals = [][]byte{{0x70, 0, 1}}, [][]byte{asm.Cat([]byte{0x7f, 1}, asm.I32(3), []byte{asm.End})}
	table.Elements = [][]byte{asm.Cat([]byte{0}, asm.I32(0), []byte{asm.End, 1, 2})}
	f.Add(table.Bytes())
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if len(wasm) > 4<<10 {
			return
		}
		o, err := fuel.Parse(wasm)
		if err != nil {
			return
		}
		s, _ := Spec{Name: "fuzz", Wasm: wasm, MaxMemory: 1 << 20}.withDefaults()
		vetted := validate(o, s.MaxMemory, s.Grants) == nil
		if _, err := o.Instrument(fuel.PerStretch); err != nil || !vetted {
			return
		}
		s.Fuel = 100_000
		fuzzCall(t, s)
	})
}

// fuzzCall loads and calls a module that passed the checks.
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
	for hook := range hook.Count {
		_, fuel, err := m.Call(context.Background(), hook, 1, []byte("{}"), nil)
		if !errors.Is(err, ErrNoHook) && (fuel < 0 || fuel > s.Fuel+2*s.FuelPerByte) {
			t.Fatalf("%s: used %d fuel of %d, err %v", hook, fuel, s.Fuel, err)
		}
	}
}

func TestFuelPaysForBulkByLength(t *testing.T) {
	fill := func(n int32) int64 {
		m := load(t, asm.Guest(hook.Route, asm.I32(0), asm.I32(0), asm.I32(n), asm.Op(0xfc, 11, 0), asm.Result(0, 0)).Bytes())
		_, fuel, err := m.Call(context.Background(), hook.Route, 1, nil, nil)
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
	m := load(t, asm.Echo().Bytes())
	var used [3]int64
	for i := range used {
		var err error
		if _, used[i], err = m.Call(context.Background(), hook.Route, uint64(i), binary.LittleEndian.AppendUint64(nil, uint64(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if used[0] != used[1] || used[1] != used[2] {
		t.Errorf("fuel of equal work: %v", used)
	}
}
