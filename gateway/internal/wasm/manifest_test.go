package wasm

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// saying is an echo with a manifest in its section.
func saying(t testing.TB, manifest string) []byte {
	t.Helper()
	wasm, err := WithManifest(echo().bytes(), []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// describing is an echo that gives its manifest when it is asked.
func describing(manifest string) []byte {
	a := echo()
	a.memories = [][]byte{{0, 4}}
	a.funcs = append(a.funcs, asmFunc{export: exportDescribe, results: "I", code: result(4096, int64(len(manifest)))})
	a.data = [][]byte{cat([]byte{0}, i32c(4096), []byte{opEnd}, sized([]byte(manifest)))}
	return a.bytes()
}

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
		{`{"tests":[{"hook":"route","input":"x","expect":"x"},{"hook":"route","input":"!"}]}`, "", nil, ""},
		{`{"tests":[{"hook":"route","input":"x","expect":"y","name":"odd"}]}`, "", nil, `its own test "odd": want the bytes y, got x`},
		{`{"tests":[{"hook":"route_flat"}]}`, "", nil, "does not export penstock_route_flat"},
	} {
		for how, wasm := range map[string][]byte{"section": saying(t, c.manifest), "describe": describing(c.manifest)} {
			m, err := newTestHost(t).Load(context.Background(), Spec{Name: "m", Wasm: wasm, Kind: c.kind, Grants: c.grants})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s in the %s as %q with %q: %v, want %q", c.manifest, how, c.kind, c.grants, err, c.want)
			}
			if err == nil && m.Stats().Calls != 0 {
				t.Errorf("%s: the tests count as %d calls", how, m.Stats().Calls)
			}
		}
	}
}

func TestABadManifestFailsTheLoad(t *testing.T) {
	many := `{"tests":[` + strings.Repeat(`{"hook":"init"},`, 16) + `{"hook":"init"}]}`
	for manifest, want := range map[string]string{
		`{`:                                     "manifest: not valid JSON",
		`[]`:                                    "manifest:",
		`{"kind":"filter"}`:                     `kind is "filter"`,
		`{"stage":"late"}`:                      `stage is "late"`,
		`{"kind":"router","stage":"policy"}`:    "has no stage",
		`{"kind":"dialect","stage":"policy"}`:   "has no stage",
		`{"kind":"transform","stage":"client"}`: "has no stage",
		`{"grants":["network"]}`:                `unknown grant "network"`,
		`{"tests":[{"hook":"nope"}]}`:           `there is no hook "nope"`,
		`{"tests":[{"hok":"route"}]}`:           "a case has no such member",
		many:                                    "it has 17 tests",
		`{"name":"` + strings.Repeat("x", maxManifest) + `"}`: "at most 65536",
	} {
		if _, err := WithManifest(echo().bytes(), []byte(manifest)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("WithManifest(%.60s) = %v, want %q", manifest, err, want)
		}
		if len(manifest) > maxManifest {
			want = "at most 65536 are accepted"
		}
		if got := refusal(t, Spec{Wasm: describing(manifest)}); !strings.Contains(got, want) {
			t.Errorf("Load of %.60s: %s, want %q", manifest, got, want)
		}
	}
}

func TestWithManifestReplacesTheOldOne(t *testing.T) {
	wasm := saying(t, `{"name":"one"}`)
	again, err := WithManifest(wasm, []byte("{\n  \"name\": \"two\"\n}"))
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

func TestTheTestsRunWithTheManifestsGrantsAndTheirOwnStore(t *testing.T) {
	wasm, err := WithManifest(keeping(5).bytes(), []byte(`{"grants":["kv"],"tests":[{"hook":"route","kv":{"k":"was"},"input":"is","expect_kv":{"k":"is"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, wasm, func(s *Spec) { s.Grants = []string{GrantKV, GrantClock} })
	if out, err := ask(m, "x"); err != nil || !bytes.HasPrefix(out, []byte("\xff\xff\xff\xff")) {
		t.Errorf("the first call found %q in the store, %v, want nothing", out, err)
	}
}

func TestTheTestsRunOnceForAModule(t *testing.T) {
	// The test's fuel shows how many calls there were: none are made when the pool grows.
	m := load(t, saying(t, `{"tests":[{"hook":"route"}]}`), func(s *Spec) { s.MaxInstances = 3 })
	for range 3 {
		if _, err := m.pool.get(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range m.pool.idle {
		if g.calls != 0 {
			t.Errorf("a fresh instance was called %d times", g.calls)
		}
	}
	m.pool.idle = nil // the test ends with the lent ones
	for range 3 {
		<-m.pool.slots
	}
	m.pool.live = 0
}

// TestAllTestsOfAManifestShareTheirFuel: sixteen tests of three hundred events, each just
// within its own bound, would hold a load up for minutes.
func TestAllTestsOfAManifestShareTheirFuel(t *testing.T) {
	events := strings.Repeat(`["chunk",{}],`, 300)
	one := `{"hook":"normalise_event","events":[` + events[:len(events)-1] + `]},`
	manifest := `{"tests":[` + strings.TrimSuffix(strings.Repeat(one, 16), ",") + `]}`
	a := guest(NormaliseEvent, i32c(20_000), set(2), loop(get(2), i32c(-1), op(0x6a), tee(2), brIf(0)), i64c(0))
	wasm, err := WithManifest(a.bytes(), []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	h := newTestHost(t)
	d, err := h.draft(Spec{Name: "bomb", Wasm: wasm}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const left = 1_000_000 // enough for eight of the 19,200 events
	w := newBench(h, d)
	defer w.close()
	w.purse = &purse{left: left}
	if err := w.selfTest(t.Context(), d.manifest); !errors.Is(err, errPurse) || w.purse.left < -initFuel {
		t.Errorf("selfTest: %v with %d left, want that they take too much", err, w.purse.left)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	w.purse = &purse{left: left}
	if err := w.selfTest(gone, d.manifest); !errors.Is(err, context.Canceled) || w.purse.left != left {
		t.Errorf("selfTest when the gateway stops: %v with %d left, want nothing run", err, w.purse.left)
	}
}

func TestADescribeThatFaultsFailsTheLoad(t *testing.T) {
	for want, code := range map[string][]byte{"unreachable": op(0x00), "used up its fuel": cat(loop(br(0)), i64c(0)), "outside the memory": result(1<<20, 5)} {
		a := echo()
		a.funcs = append(a.funcs, asmFunc{export: exportDescribe, results: "I", code: code})
		if got := refusal(t, Spec{Wasm: a.bytes()}); !strings.Contains(got, want) || !strings.Contains(got, exportDescribe) {
			t.Errorf("Load: %s, want %q", got, want)
		}
	}
	a := echo()
	a.funcs = append(a.funcs, asmFunc{export: exportDescribe, results: "i", code: i32c(0)})
	if got := refusal(t, Spec{Wasm: a.bytes()}); !strings.Contains(got, "its export penstock_describe is () -> (i32)") {
		t.Errorf("Load: %s", got)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"name":"a","kind":"dialect","stage":"client","grants":["kv"],"tests":[{"hook":"init","config":{}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		if wasm, err := WithManifest(echo().bytes(), b); err != nil || !bytes.Contains(wasm, []byte(sectionManifest)) {
			t.Fatalf("WithManifest(%q) = %v after ParseManifest = %+v", b, err, m)
		}
	})
}

func TestTryGivesACaseTheManifestsGrants(t *testing.T) {
	const manifest = `{"grants":["kv"]}`
	told := keeping(5)
	told.memories = [][]byte{{0, 1}}
	told.funcs = append(told.funcs, asmFunc{export: exportDescribe, results: "I", code: result(4096, int64(len(manifest)))})
	told.data = append(told.data, cat([]byte{0}, i32c(4096), []byte{opEnd}, sized([]byte(manifest))))
	section, err := WithManifest(keeping(5).bytes(), []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	for how, wasm := range map[string][]byte{"section": section, "describe": told.bytes()} {
		trials := try(t, wasm, `[{"hook":"route","input":"x","expect_kv":{"k":"x"}},{"hook":"route","grants":[]}]`)
		if trials[0].Err != nil || !strings.Contains(failureText(trials[1]), `needs the grant "kv"`) {
			t.Errorf("%s: %v, then %v", how, trials[0].Err, trials[1].Err)
		}
	}
	if got := failureText(try(t, keeping(5).bytes(), `{"hook":"route"}`)[0]); !strings.Contains(got, `needs the grant "kv"`) {
		t.Errorf("without a manifest: %q", got)
	}
}
