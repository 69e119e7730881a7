package wasm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// saying is an echo with a manifest in its custom section.
func saying(t testing.TB, manifest string) []byte {
	t.Helper()
	wasm, err := WithManifest(asm.Echo().Bytes(), []byte(manifest), anyTests)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// anyTests accepts all tests of a manifest.
func anyTests(json.RawMessage) error { return nil }

func TestTheManifestDecidesWhatAModuleIsLoadedAs(t *testing.T) {
	for _, c := range []struct {
		manifest, kind string
		grants         []string
		want           string
	}{
		{`{}`, KindRouter, nil, ""},
		{`{"kind":"router"}`, "", nil, ""},
		{`{"kind":"router"}`, KindRouter, nil, ""},
		{`{"kind":"router","future":{"x":1}}`, KindRouter, nil, ""},
		{`{"grants":["log"]}`, "", nil, ""},
		{`{"grants":["kv","metrics"]}`, "", []string{"metrics", "kv"}, ""},
		{`{"kind":"router"}`, KindTransform, nil, "it is a router, as its manifest says, and can't be used as a transform"},
		{`{"grants":["kv","clock","random"]}`, "", []string{"clock"}, "does not have: kv, random"},
		{`{"tests":[{"hook":"route"}]}`, "", nil, "this host can't run them"},
	} {
		for how, wasm := range map[string][]byte{"section": saying(t, c.manifest), "describe": asm.Describing(c.manifest)} {
			_, err := newTestHost(t).Load(context.Background(), Spec{Name: "m", Wasm: wasm, Kind: c.kind, Grants: c.grants})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s in the %s as %q with %q: %v, want %q", c.manifest, how, c.kind, c.grants, err, c.want)
			}
		}
	}
}

func TestABadManifestFailsTheLoad(t *testing.T) {
	for manifest, want := range map[string]string{
		`{`:                                     "manifest: not valid JSON",
		`[]`:                                    "manifest:",
		`{"kind":"filter"}`:                     `kind is "filter"`,
		`{"stage":"late"}`:                      `stage is "late"`,
		`{"kind":"router","stage":"policy"}`:    "has no stage",
		`{"kind":"dialect","stage":"policy"}`:   "has no stage",
		`{"kind":"transform","stage":"client"}`: "has no stage",
		`{"grants":["network"]}`:                `unknown grant "network"`,
		`{"hook":"penstock_route"}`:             `hook is "penstock_route"; there are route, route_flat`,
		`{"hook":"normalise_event"}`:            `hook is "normalise_event"`,
		`{"hook":"route_flat"}`:                 `hook is "route_flat", but the module does not export penstock_route_flat`,
		`{"kind":"dialect","hook":"route"}`:     "a dialect has no hook",
		`{"kind":"transform","reads":[]}`:       "a transform has no hook and no reads",
		`{"reads":["keys"]}`:                    `unknown text "keys" in reads; there are tags, session, last_user_text, messages, class`,
		`{"reads":["messages"],"grants":["read:messages"]}`:   "set hook to route",
		`{"hook":"route","reads":["tags","messages"]}`:        "add read:messages to the grants",
		`{"hook":"route","reads":["last_user_text"]}`:         "add read:messages to the grants",
		`{"name":"` + strings.Repeat("x", maxManifest) + `"}`: "at most 65536",
	} {
		if _, err := WithManifest(asm.Echo().Bytes(), []byte(manifest), anyTests); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("WithManifest(%.60s) = %v, want %q", manifest, err, want)
		}
		if len(manifest) > maxManifest {
			want = "at most 65536 are accepted"
		}
		if got := refusal(t, Spec{Wasm: asm.Describing(manifest)}); !strings.Contains(got, want) {
			t.Errorf("Load of %.60s: %s, want %q", manifest, got, want)
		}
	}
}

func TestWithManifestReplacesTheOldOne(t *testing.T) {
	wasm := saying(t, `{"name":"one"}`)
	again, err := WithManifest(wasm, []byte("{\n  \"name\": \"two\"\n}"), anyTests)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(again, []byte(sectionManifest)); n != 1 || !bytes.HasSuffix(again, []byte(`{"name":"two"}`)) {
		t.Errorf("%d manifests in %q", n, again)
	}
	m := load(t, again)
	if diff := cmp.Diff(Manifest{Name: "two"}, m.Manifest()); diff != "" {
		t.Errorf("manifest (-want +got)\n%s", diff)
	}
	twice := append(bytes.Clone(again), again[len(again)-len(sectionManifest)-len(`{"name":"two"}`)-3:]...)
	if got := refusal(t, Spec{Wasm: twice}); !strings.Contains(got, "two manifests") {
		t.Errorf("Load of two manifests: %s", got)
	}
}

func TestADescribeThatFaultsFailsTheLoad(t *testing.T) {
	for want, code := range map[string][]byte{"unreachable": asm.Op(0x00), "used up its fuel": asm.Cat(asm.Loop(asm.Br(0)), asm.I64(0)), "outside the memory": asm.Result(1<<20, 5)} {
		a := asm.Echo()
		a.Funcs = append(a.Funcs, asm.Func{Export: hook.ExportDescribe, Results: "I", Code: code})
		if got := refusal(t, Spec{Wasm: a.Bytes()}); !strings.Contains(got, want) || !strings.Contains(got, hook.ExportDescribe) {
			t.Errorf("Load: %s, want %q", got, want)
		}
	}
	a := asm.Echo()
	a.Funcs = append(a.Funcs, asm.Func{Export: hook.ExportDescribe, Results: "i", Code: asm.I32(0)})
	if got := refusal(t, Spec{Wasm: a.Bytes()}); !strings.Contains(got, "its export penstock_describe is () -> (i32)") {
		t.Errorf("Load: %s", got)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"name":"a","kind":"dialect","stage":"client","grants":["kv"],"tests":[{"hook":"init","config":{}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseManifest(b)
		if err != nil {
			return
		}
		if wasm, err := WithManifest(asm.Echo().Bytes(), b, anyTests); err != nil || !bytes.Contains(wasm, []byte(sectionManifest)) {
			t.Fatalf("WithManifest(%q) = %v after parseManifest = %+v", b, err, m)
		}
	})
}

func TestTheTestsRunOnceForAModule(t *testing.T) {
	times := 0
	h := newTestHost(t, func(o *Options) {
		o.SelfTest = func(_ context.Context, _ *Sandbox, tests json.RawMessage) error {
			times++
			if string(tests) != `[{"hook":"route"}]` {
				t.Errorf("the tests are %s", tests)
			}
			return nil
		}
	})
	m, err := h.Load(t.Context(), Spec{Name: "m", Wasm: saying(t, `{"tests":[{"hook":"route"}]}`), MaxInstances: 3})
	if err != nil {
		t.Fatal(err)
	}
	var lent []*instance
	for range 3 {
		g, err := m.pool.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lent = append(lent, g)
	}
	if times != 1 {
		t.Errorf("the tests ran %d times for 3 instances, want once", times)
	}
	for _, g := range lent {
		m.pool.put(g, succeeded, cost{})
	}
}

func TestTestsThatFailFailTheLoad(t *testing.T) {
	h := newTestHost(t, func(o *Options) {
		o.SelfTest = func(context.Context, *Sandbox, json.RawMessage) error { return errors.New("its own test: no") }
	})
	if _, err := h.Load(t.Context(), Spec{Name: "m", Wasm: saying(t, `{"tests":[{}]}`)}); err == nil || !strings.Contains(err.Error(), "its own test: no") {
		t.Errorf("Load = %v, want what the tests say", err)
	}
	if modules, _ := h.Live(); modules != 0 {
		t.Errorf("%d modules live on", modules)
	}
}

// TestAllTestsOfAManifestShareTheirFuel: many tests, each just within its own bound, would
// delay loading for minutes.
func TestAllTestsOfAManifestShareTheirFuel(t *testing.T) {
	const left = 1_000_000 // enough for eight calls of 120,000
	a := asm.Guest(hook.Route, asm.I32(20_000), asm.Set(2), asm.Loop(asm.Get(2), asm.I32(-1), asm.Op(0x6a), asm.Tee(2), asm.BrIf(0)), asm.I64(0))
	s, err := newTestHost(t).Sandbox(t.Context(), Spec{Name: "bomb", Wasm: a.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.fuel = &sharedFuel{left: left}
	m, err := s.Subject(t.Context(), nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	if err := m.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	calls := 0
	for ; err == nil; calls++ {
		_, _, err = m.Call(t.Context(), hook.Route, 1, nil, nil)
	}
	if !errors.Is(err, ErrTestFuel) || calls < 5 || calls > 10 || s.fuel.left < -1000 {
		t.Errorf("after %d calls: %v with %d left, want that they take too much", calls, err, s.fuel.left)
	}
	if err := m.Start(t.Context(), nil); !errors.Is(err, ErrTestFuel) {
		t.Errorf("Start without fuel: %v", err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	s.fuel.left = left
	if err := m.Start(gone, nil); !errors.Is(err, context.Canceled) || s.fuel.left != left {
		t.Errorf("Start when the gateway stops: %v with %d left, want nothing run", err, s.fuel.left)
	}
}

// TestTestsGetTheTextsThatTheManifestDeclares, or all of them where there is no manifest yet.
func TestTestsGetTheTextsThatTheManifestDeclares(t *testing.T) {
	flat := asm.Guest(hook.RouteFlat, asm.I64(0))
	for manifest, want := range map[string]hook.Reads{
		"":                      hook.AllReads,
		`{"hook":"route_flat"}`: 0,
		`{"reads":["tags","last_user_text"],"grants":["read:messages"]}`: hook.ReadTags | hook.ReadLastUser,
	} {
		wasm := flat.Bytes()
		if manifest != "" {
			var err error
			if wasm, err = WithManifest(wasm, []byte(manifest), anyTests); err != nil {
				t.Fatal(err)
			}
		}
		s, err := newTestHost(t).Sandbox(t.Context(), Spec{Name: "m", Wasm: wasm})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, own := range [][]string{nil, {}} {
			m, err := s.Subject(t.Context(), s.Grants(own), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			expect := want
			if own != nil && manifest != "" { // a test without the grant
				expect &^= hook.ReadLastUser
			}
			if got := m.FlatReads(); got != expect {
				t.Errorf("%s with grants %q: reads %b, want %b", manifest, own, got, expect)
			}
			m.Stop()
		}
	}
}
