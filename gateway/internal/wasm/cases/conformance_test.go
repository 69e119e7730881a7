package cases

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

var sdkLanguages = []string{"go", "rust", "assemblyscript", "c", "zig"}

// sdkModule reads an example plugin of an SDK, which make sdk builds. Without it the
// test is skipped, but never where the whole suite has to run.
func sdkModule(t testing.TB, language, plugin string) []byte {
	t.Helper()
	if testing.Short() {
		t.Skip("the SDKs' modules are tried in full runs only: under the race detector they take minutes")
	}
	code, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "sdk", language, "build", plugin+".wasm"))
	switch {
	case errors.Is(err, os.ErrNotExist) && os.Getenv("CI") == "true":
		t.Fatalf("the SDK for %s is not built: sdk/%s/build/%s.wasm is missing", language, language, plugin)
	case errors.Is(err, os.ErrNotExist):
		t.Skipf("the SDK for %s is not built (run make sdk): sdk/%s/build/%s.wasm is missing", language, language, plugin)
	case err != nil:
		t.Fatal(err)
	}
	return code
}

// eachSDK runs a test with every example plugin of every SDK.
func eachSDK(t *testing.T, test func(t *testing.T, language string, code []byte, cases []Case)) {
	for _, language := range sdkLanguages {
		for plugin := range references {
			t.Run(language+"/"+plugin, func(t *testing.T) {
				test(t, language, sdkModule(t, language, plugin), conformanceCases(t, plugin))
			})
		}
	}
}

// tryWith runs cases in a host with this form of the fuel pass.
func tryWith(t *testing.T, form fuel.Charging, code []byte, cases []Case) []Result {
	t.Helper()
	h := newTestHost(t, func(o *wasm.Options) { o.Charging = form })
	trials, err := Run(context.Background(), h, wasm.Spec{Name: "conformance", Wasm: code}, cases)
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

// TestConformance runs every case on the modules of every SDK. It also compares the metered
// modules with the same ones unmetered, and with every instruction charged by itself; the
// latter makes Go's modules so large that compiling them would take most of the suite's time.
func TestConformance(t *testing.T) {
	eachSDK(t, func(t *testing.T, language string, code []byte, cases []Case) {
		got := tryWith(t, fuel.PerStretch, code, cases)
		for _, tr := range got {
			if tr.Err != nil {
				t.Errorf("%s: %v", tr.Name, tr.Err)
			}
		}
		compareTrials(t, "unmetered", got, tryWith(t, fuel.Nothing, code, cases))
		if language == "go" {
			return
		}
		each := tryWith(t, fuel.PerInstruction, code, cases)
		compareTrials(t, "charged one by one", got, each)
		for i, tr := range got {
			if tr.Fuel < each[i].Fuel {
				t.Errorf("%s: charged %d instructions, ran %d", tr.Name, tr.Fuel, each[i].Fuel)
			}
		}
	})
}

func compareTrials(t *testing.T, how string, metered, other []Result) {
	t.Helper()
	for i, tr := range metered {
		if o := other[i]; !bytes.Equal(tr.Output, o.Output) || errText(tr.Err) != errText(o.Err) {
			t.Errorf("%s: metered %s, %v; %s %s, %v", tr.Name, hook.Clip(tr.Output), tr.Err, how, hook.Clip(o.Output), o.Err)
		}
	}
}

// TestMeteringChangesNoResultOfInvalidInput compares metered and unmetered modules with spoilt
// inputs. Go's modules are left out: compiling them takes seconds.
func TestMeteringChangesNoResultOfInvalidInput(t *testing.T) {
	eachSDK(t, func(t *testing.T, language string, code []byte, cases []Case) {
		if language == "go" {
			t.Skip("compiled twice already")
		}
		load := func(form fuel.Charging) *wasm.Module {
			h := newTestHost(t, func(o *wasm.Options) { o.Charging = form })
			m, err := h.Load(context.Background(), wasm.Spec{Name: "junk", Wasm: code, Config: []byte(`{"styles":{"*":"x"}}`)})
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		fuelled, plain := load(fuel.PerStretch), load(fuel.Nothing)
		rapid.Check(t, func(t *rapid.T) {
			h, in := drawInput(t, cases)
			if h == hook.Count {
				return
			}
			got, _, err := fuelled.Call(context.Background(), h, 1, in, nil)
			var f *hook.Fault
			if errors.As(err, &f) && f.Kind == hook.OutOfFuel { // the other one would not come back
				return
			}
			want, _, err2 := plain.Call(context.Background(), h, 1, in, nil)
			if !bytes.Equal(got, want) || errText(err) != errText(err2) {
				t.Fatalf("%s of %q: metered %q, %v; unmetered %q, %v", h, in, got, err, want, err2)
			}
		})
	})
}

// drawInput spoils the input of a case in a few places; hook.Count means that the case has
// none.
func drawInput(t *rapid.T, cases []Case) (hook.Hook, []byte) {
	c := cases[rapid.IntRange(0, len(cases)-1).Draw(t, "case")]
	h, ok := c.hook()
	in, err := c.input()
	if !ok || err != nil {
		return hook.Count, nil
	}
	if c.Events != nil {
		e := c.Events[rapid.IntRange(0, len(c.Events)-1).Draw(t, "event")]
		data, _ := payload(e.Data)
		in = hook.AppendFrame(nil, nil, e.Name, data)
	}
	if h == hook.RouteFlat {
		if flat, err := flatInput(in, hook.AllReads, 1, c.clock()); err == nil {
			in = flat
		}
	}
	in = bytes.Clone(in)
	for range rapid.IntRange(0, 4).Draw(t, "faults") {
		if len(in) > 0 {
			in[rapid.IntRange(0, len(in)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
	}
	return h, in[:len(in)-min(len(in), rapid.SampledFrom([]int{0, 0, 0, 1, 9}).Draw(t, "cut"))]
}
