package fuel

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"
)

// execution is the outcome of running a program.
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
	g := mod.ExportedGlobal(GlobalName)
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

// TestMeteringChangesNothingAndChargesEverything compares a metered program with the same
// one unmetered (same results and memory) and charged instruction by instruction (never
// less fuel).
func TestMeteringChangesNothingAndChargesEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wasm := drawProgram(t)
		m, err := Parse(wasm)
		if err != nil {
			t.Fatalf("Parse: %v", err)
		}
		r := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter())
		defer r.Close(context.Background())
		exact, fast := instrument(t, m, PerInstruction), instrument(t, m, PerStretch)
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

func instrument(t interface{ Fatalf(string, ...any) }, m *Module, c Charging) []byte {
	code, err := m.Instrument(c)
	if err != nil {
		t.Fatalf("instrument: %v", err)
	}
	return code
}
