package wasm

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// answering is a module that gives the same answer to every call of a hook.
func answering(h Hook, answer []byte) asm {
	a := guest(h, result(4096, int64(len(answer))))
	a.memories = [][]byte{{0, 4}}
	a.data = [][]byte{cat([]byte{0}, i32c(4096), []byte{opEnd}, sized(answer))}
	return a
}

func ranker(t testing.TB, wasm []byte, now func() time.Time) *Ranker {
	t.Helper()
	r, err := NewRouter(load(t, wasm), now)
	if err != nil {
		t.Fatal(err)
	}
	k, err := r.Prepare("mine", nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// entry is one entry of a flat result.
func entry(i, flags uint32, score float64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, i)
	b = binary.LittleEndian.AppendUint32(b, flags)
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(score))
}

// four candidates: 1 rests, 3 is a fallback.
func four() []llm.Candidate {
	c := fleet(4)
	c[1].Stats.CoolingUntil = time.Unix(2000, 0)
	c[3].Target.Fallback = true
	return c
}

func at(sec int64) func() time.Time { return func() time.Time { return time.Unix(sec, 0) } }

func TestRankFollowsAnAnswerThatMakesSense(t *testing.T) {
	for _, c := range []struct {
		name   string
		flat   []byte
		json   string
		order  []int
		scores []float64
		reason string
	}{
		{"all ranked", cat(entry(2, 0, 3), entry(1, 0, 2), entry(0, 0, 1), entry(3, 0, 0)),
			`{"ranking":[{"i":2,"score":3},{"i":1,"score":2},{"i":0,"score":1},{"i":3,"score":0}]}`,
			[]int{2, 1, 0, 3}, []float64{3, 2, 1, 0}, ""},
		{"healthy ones left out are appended", entry(2, 0, 3), `{"ranking":[{"i":2,"score":3}],"reason":" because \n so"}`,
			[]int{2, 0, 3}, []float64{3, 3, 3}, "because so"},
		{"dropped ones are not", cat(entry(2, 0, 3), entry(0, 1, 0)), `{"drop":[0],"ranking":[{"i":2,"score":3,"x":[]}],"labels":{}}`,
			[]int{2, 3}, []float64{3, 3}, ""},
		{"dropped after being ranked", cat(entry(0, 0, 9), entry(2, 0, 3), entry(0, 1, 0)), `{"ranking":[{"i":0,"score":9},{"i":2,"score":3}],"drop":[0]}`,
			[]int{2, 3}, []float64{3, 3}, ""},
		{"named twice counts once", cat(entry(2, 0, 3), entry(2, 0, 9), entry(0, 0, 1)), `{"ranking":[{"i":2,"score":3},{"i":2,"score":9},{"i":0,"score":1}]}`,
			[]int{2, 0, 3}, []float64{3, 1, 1}, ""},
		{"fallbacks come last", cat(entry(3, 0, 9), entry(0, 0, 1), entry(2, 0, 0)), `{"ranking":[{"i":3,"score":9},{"i":0,"score":1},{"i":2,"score":0}]}`,
			[]int{0, 2, 3}, []float64{1, 0, 9}, ""},
		{"infinite scores are held", entry(0, 0, math.Inf(1)), `{"ranking":[{"i":0,"score":1.7976931348623157e308}]}`,
			[]int{0, 2, 3}, []float64{math.MaxFloat64, math.MaxFloat64, math.MaxFloat64}, ""},
		{"no opinion", nil, "", []int{0, 1, 2, 3}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for h, answer := range map[Hook][]byte{RouteFlat: c.flat, Route: []byte(c.json)} {
				got := ranker(t, answering(h, answer).bytes(), at(1000)).Rank(context.Background(), &llm.Request{ID: "r"}, four())
				want := llm.Ranking{Order: c.order, Scores: c.scores, Router: "mine", Fuel: got.Fuel}
				if h == Route {
					want.Reason = c.reason
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got)\n%s", h, diff)
				}
			}
		})
	}
}

func TestNonsenseLeavesTheConfiguredOrder(t *testing.T) {
	many := cat(entry(0, 0, 0), entry(0, 0, 0), entry(0, 0, 0), entry(0, 0, 0), entry(0, 0, 0))
	for _, c := range []struct {
		name, want string
		hook       Hook
		answer     []byte
	}{
		{"out of range", "ranked candidate 4 of 4", RouteFlat, entry(4, 0, 1)},
		{"far out of range", "ranked candidate 4294967295 of 4", RouteFlat, entry(math.MaxUint32, 0, 1)},
		{"NaN", "not a number", RouteFlat, entry(0, 0, math.NaN())},
		{"odd length", "not a multiple", RouteFlat, entry(0, 0, 1)[:15]},
		{"too many", "ranks 5 candidates of 4", RouteFlat, many},
		{"drops an unknown one", "dropped candidate 9 of 4", RouteFlat, entry(9, 1, 1)},
		{"drops all", "dropped every candidate", RouteFlat, cat(entry(0, 1, 1), entry(1, 1, 1), entry(2, 1, 1), entry(3, 1, 1))},
		{"JSON out of range", "ranked candidate -1 of 4", Route, []byte(`{"ranking":[{"score":1}]}`)},
		{"JSON drops unknown", "dropped candidate 4 of 4", Route, []byte(`{"drop":[4]}`)},
		{"not JSON", "not valid JSON", Route, []byte(`ranking: 0`)},
		{"JSON cut short", "not valid JSON", Route, []byte(`{"ranking":[{"i":0`)},
		{"JSON with something behind", "behind", Route, []byte(`{} {}`)},
		{"JSON index is a string", "whole number", Route, []byte(`{"ranking":[{"i":"0"}]}`)},
		{"invalid UTF-8", "UTF-8", Route, []byte("{\"reason\":\"\xff\"}")},
		{"deep JSON", "too deep", Route, []byte(`{"x":` + strings.Repeat("[", 1000))},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ranker(t, answering(c.hook, c.answer).bytes(), at(1000)).Rank(context.Background(), &llm.Request{}, four())
			if diff := cmp.Diff([]int{0, 1, 2, 3}, got.Order); diff != "" || !strings.Contains(got.Fault, c.want) {
				t.Errorf("fault %q, want %q; order (-want +got)\n%s", got.Fault, c.want, diff)
			}
		})
	}
}

func TestFiveFaultsDisableARouterForAMinute(t *testing.T) {
	now := time.Unix(1000, 0)
	calls := func(k *Ranker) int64 { return k.router.module.Stats().Calls }
	k := ranker(t, evilFlat().bytes(), func() time.Time { return now })
	bad, good := &llm.Request{Facts: llm.Facts{EstInputTokens: '!'}}, &llm.Request{}
	rank := func(r *llm.Request) llm.Ranking { return k.Rank(context.Background(), r, fleet(2)) }
	for range breakAfter {
		if got := rank(bad); !strings.Contains(got.Fault, "unreachable") {
			t.Fatalf("fault = %q", got.Fault)
		}
		now = now.Add(time.Second)
	}
	before := calls(k)
	if got := rank(good); !strings.Contains(got.Fault, "disabled until 00:17:44Z") || len(got.Order) != 2 || calls(k) != before {
		t.Errorf("after five faults: %+v", got)
	}
	now = now.Add(breakFor)
	if got := rank(bad); !strings.Contains(got.Fault, "unreachable") {
		t.Errorf("on probation: %+v", got)
	}
	if got := rank(good); !strings.Contains(got.Fault, "disabled") {
		t.Errorf("after a fault on probation: %+v", got)
	}
	now = now.Add(breakFor)
	for range 3 {
		if got := rank(good); got.Fault != "" {
			t.Errorf("after a good answer on probation: %+v", got)
		}
	}
	if got := rank(bad); !strings.Contains(got.Fault, "unreachable") {
		t.Error(got.Fault)
	}
	if got := rank(good); got.Fault != "" {
		t.Errorf("one fault after recovering: %+v", got)
	}
}

func TestRareFaultsDoNotDisableARouter(t *testing.T) {
	now := time.Unix(1000, 0)
	k := ranker(t, evilFlat().bytes(), func() time.Time { return now })
	for range 20 {
		got := k.Rank(context.Background(), &llm.Request{Facts: llm.Facts{EstInputTokens: '!'}}, fleet(2))
		if !strings.Contains(got.Fault, "unreachable") {
			t.Fatalf("fault = %q", got.Fault)
		}
		now = now.Add(breakWithin / (breakAfter - 1))
	}
}

// evilFlat has no opinion, and traps when the estimate of input tokens is '!'.
func evilFlat() asm {
	return guest(RouteFlat, get(0), mem(0x28, 8), i32c('!'), op(0x46, 0x04, 0x40, 0x00, opEnd), result(0, 0))
}

func TestARejectionOfARouterIsNoFault(t *testing.T) {
	a := guest(RouteFlat, i32c(400), i32c(1024), i32c(2), call(0), result(0, 0))
	a.imports = []asmImport{{"penstock", "error", "iii", ""}}
	k := ranker(t, a.bytes(), at(1000))
	for range 2 * breakAfter {
		got := k.Rank(context.Background(), &llm.Request{}, fleet(2))
		if !strings.Contains(got.Fault, "rejected with 400") || len(got.Order) != 2 {
			t.Fatalf("%+v", got)
		}
	}
}

func TestNothingToRank(t *testing.T) {
	if got := ranker(t, evilFlat().bytes(), nil).Rank(context.Background(), &llm.Request{}, nil); len(got.Order) != 0 || got.Fault != "" {
		t.Errorf("Rank of no candidates = %+v", got)
	}
}

func TestPrepareRefusesSettingsThatDoNotFit(t *testing.T) {
	r, err := NewRouter(load(t, evilFlat().bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	for with, want := range map[string]string{
		`[1]`: "want an object", `{"a":"x\ny"}`: "line break", `{"a=b":1}`: "can't be a key", `{`: "settings", `{} {}`: "behind",
	} {
		if _, err := r.Prepare("s", json.RawMessage(with)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Prepare(%s) = %v, want %q", with, err, want)
		}
	}
	k, err := r.Prepare("balanced", json.RawMessage(`{"w":{"cost":0.50,"b":{"c":true}},"list":[1,"x"],"none":null,"big":12345678901234567890}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(k.part), "balanced\nbig=12345678901234567890\nlist.0=1\nlist.1=x\nw.b.c=true\nw.cost=0.50\n"; got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
}

func TestADialectIsNotARouter(t *testing.T) {
	if _, err := NewRouter(load(t, guest(TransformRequest, result(0, 0)).bytes()), nil); err == nil {
		t.Error("NewRouter took a module without a routing hook")
	}
}

func TestTheFlatRecordIsLaidOutAsPublished(t *testing.T) {
	c := []llm.Candidate{{
		Target: &llm.Target{Price: llm.Price{Known: true, Input: 1, Output: 2, CacheRead: 3}, Context: 4, Quality: 0.5, Weight: 6,
			Order: -7, Fallback: true},
		Stats: llm.Stats{Inflight: 8, TTFT: 9 * time.Millisecond, TPS: 10, ErrorRate: 0.25, RemainingRequests: 11, RemainingTokens: -1},
	}}
	req := &llm.Request{Facts: llm.Facts{EstInputTokens: 100, MaxTokens: 200, Stream: true, Features: llm.Vision}}
	b := appendFlat([]byte("before"), req, c, []byte("s\nk=v\n"), 42, time.Unix(1, 0))[len("before"):]
	le := binary.LittleEndian
	u32 := func(at int) uint32 { return le.Uint32(b[at:]) }
	f64 := func(at int) float64 { return math.Float64frombits(le.Uint64(b[at:])) }
	got := []any{le.Uint16(b), le.Uint16(b[2:]), u32(4), u32(8), u32(12), u32(16), u32(20), u32(24), u32(28),
		u32(32), u32(36), le.Uint64(b[40:]), le.Uint64(b[48:]), le.Uint64(b[56:]), u32(64), u32(68),
		f64(72), f64(80), f64(88), f64(96), f64(104), int32(u32(112)), u32(116), u32(120), u32(124), string(b[128:])}
	want := []any{uint16(1), uint16(96), uint32(1), uint32(100), uint32(200), uint32(0b101), uint32(128), uint32(13), uint32(0),
		uint32(0), uint32(0b1111), uint64(1), uint64(2), uint64(3), uint32(4), uint32(8),
		0.5, 9.0, 10.0, 0.25, 6.0, int32(-7), uint32(11), uint32(math.MaxUint32), uint32(0), "s\nk=v\nseed=42"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got)\n%s", diff)
	}
}

func TestTheEnvelopeIsValidAndSaysWhatItDoesNotKnow(t *testing.T) {
	req := &llm.Request{ID: "r", Tags: map[string]string{"b": "\"2\"\n", "a": "1"}, Body: []byte(`{"model":"m","messages":[{"role":"user"}]}`),
		Principal: llm.Principal{KeyID: "k", Team: "t"}, Facts: llm.Facts{Model: "m\xff", EstInputTokens: 5, Features: llm.Tools}}
	c := fleet(1)
	c[0].Target.Price, c[0].Target.Context, c[0].Stats.TPS = llm.Price{}, 0, math.Inf(1)
	got := appendEnvelope(nil, req, c, []byte(`,"strategy":"s","with":{"x":1}`), true, time.Unix(1, 0))
	want := `{"v":1,"request_id":"r","model":"m�","key":"k","team":"t","user":"","tags":{"a":"1","b":"\"2\"\n"},"est_input_tokens":5,` +
		`"max_tokens":null,"stream":false,"features":["tools"],"last_user_chars":0,"messages":[{"role":"user"}],"strategy":"s","with":{"x":1},` +
		`"candidates":[{"i":0,"id":"p/m0","provider":"p","model":"m0","price_in":null,"price_out":null,"price_cached":null,"context":null,` +
		`"quality":null,"ttft_ms":300,"tps":null,"error_rate":0,"inflight":0,"weight":1,"order":0,"healthy":true,"fallback":false,` +
		`"remaining_rpm":null,"remaining_tpm":null,"cached_prefix":0}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" || !json.Valid(got) {
		t.Errorf("envelope (-want +got)\n%s", diff)
	}
	if got := appendEnvelope(nil, req, c, nil, false, time.Unix(1, 0)); strings.Contains(string(got), "messages") {
		t.Errorf("without the grant: %s", got)
	}
}

func TestSeedIsFNV1a(t *testing.T) {
	for in, want := range map[string]uint64{"": 0xcbf29ce484222325, "a": 0xaf63dc4c8601ec8c, "foobar": 0x85944171f73967e8} {
		if got := SeedOf(in); got != want {
			t.Errorf("SeedOf(%q) = %x, want %x", in, got, want)
		}
	}
}

// TestRankAllocatesLittle: the order, the scores and nothing else that grows.
func TestRankAllocatesLittle(t *testing.T) {
	if underRace {
		t.Skip("allocations differ under the race detector")
	}
	k := ranker(t, answering(RouteFlat, cat(entry(1, 0, 1), entry(0, 0, 0))).bytes(), nil)
	req, c := &llm.Request{ID: "r"}, fleet(8)
	k.Rank(context.Background(), req, c)
	if n := testing.AllocsPerRun(100, func() { k.Rank(context.Background(), req, c) }); n > 4 {
		t.Errorf("Rank allocates %v times, want at most 4", n)
	}
}
