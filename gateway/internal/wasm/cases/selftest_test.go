package cases

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

func TestTheTestsRunWithTheManifestsGrantsAndTheirOwnStore(t *testing.T) {
	code, err := wasm.WithManifest(asm.Keeping(5).Bytes(), []byte(`{"grants":["kv"],"tests":[{"hook":"route","kv":{"k":"was"},"input":"is","expect_kv":{"k":"is"}}]}`), CheckTests)
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, code, func(s *wasm.Spec) { s.Grants = []string{hook.GrantKV, hook.GrantClock} })
	if out, _, err := m.Call(t.Context(), hook.Route, 7, []byte("x"), nil); err != nil || !bytes.HasPrefix(out, []byte("\xff\xff\xff\xff")) {
		t.Errorf("the first call found %q in the store, %v, want nothing", out, err)
	}
}

func TestTheTestsOfAManifestDecide(t *testing.T) {
	many := `[` + strings.Repeat(`{"hook":"init"},`, 16) + `{"hook":"init"}]`
	for tests, want := range map[string]string{
		`[]`: "",
		`[{"hook":"route","input":"x","expect":"x"},{"hook":"route","input":"!"}]`: "",
		`[{"hook":"route","input":"x","expect":"y","name":"odd"}]`:                 `its own test "odd": want the bytes y, got x`,
		`[{"hook":"route_flat"}]`: "does not export penstock_route_flat",
		`[{"hook":"nope"}]`:       `there is no hook "nope"`,
		`[{"hok":"route"}]`:       "a case has no such member",
		many:                      "it has 17 tests",
	} {
		m, err := newTestHost(t).Load(t.Context(), wasm.Spec{Name: "m", Wasm: asm.Describing(`{"tests":` + tests + `}`)})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("Load with the tests %.80s: %v, want %q", tests, err, want)
		}
		if err == nil && m.Stats().Calls != 0 {
			t.Errorf("the tests %s count as %d calls", tests, m.Stats().Calls)
		}
		if err := CheckTests([]byte(tests)); err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckTests(%.80s) = %v, want %q", tests, err, want)
		}
	}
}

// TestAllTestsOfAManifestTogetherHaveABound: sixteen tests of three hundred events, each
// just within its own bound, would delay loading for minutes.
func TestAllTestsOfAManifestTogetherHaveABound(t *testing.T) {
	if testing.Short() {
		t.Skip("two billion instructions take a second or two")
	}
	events := strings.Repeat(`["chunk",{}],`, 300)
	one := `{"hook":"normalise_event","events":[` + events[:len(events)-1] + `]},`
	tests := `[` + strings.TrimSuffix(strings.Repeat(one, 16), ",") + `]`
	a := asm.Guest(hook.NormalizeEvent, asm.I32(200_000), asm.Set(2), asm.Loop(asm.Get(2), asm.I32(-1), asm.Op(0x6a), asm.Tee(2), asm.BrIf(0)), asm.I64(0))
	code, err := wasm.WithManifest(a.Bytes(), []byte(`{"tests":`+tests+`}`), CheckTests)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newTestHost(t).Load(t.Context(), wasm.Spec{Name: "bomb", Wasm: code}); !errors.Is(err, wasm.ErrTestFuel) {
		t.Errorf("Load = %v, want that its tests take too much", err)
	}
}
