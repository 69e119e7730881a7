package wasm

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

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

// four returns four candidates: 1 is cooling down, 3 is a fallback.
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
		{"all ranked", asm.Cat(asm.Entry(2, 0, 3), asm.Entry(1, 0, 2), asm.Entry(0, 0, 1), asm.Entry(3, 0, 0)),
			`{"ranking":[{"i":2,"score":3},{"i":1,"score":2},{"i":0,"score":1},{"i":3,"score":0}]}`,
			[]int{2, 1, 0, 3}, []float64{3, 2, 1, 0}, ""},
		{"healthy ones left out are appended", asm.Entry(2, 0, 3), `{"ranking":[{"i":2,"score":3}],"reason":" because \n so"}`,
			[]int{2, 0, 3}, []float64{3, 3, 3}, "because so"},
		{"dropped ones are not", asm.Cat(asm.Entry(2, 0, 3), asm.Entry(0, 1, 0)), `{"drop":[0],"ranking":[{"i":2,"score":3,"x":[]}],"labels":{}}`,
			[]int{2, 3}, []float64{3, 3}, ""},
		{"dropped after being ranked", asm.Cat(asm.Entry(0, 0, 9), asm.Entry(2, 0, 3), asm.Entry(0, 1, 0)), `{"ranking":[{"i":0,"score":9},{"i":2,"score":3}],"drop":[0]}`,
			[]int{2, 3}, []float64{3, 3}, ""},
		{"named twice counts once", asm.Cat(asm.Entry(2, 0, 3), asm.Entry(2, 0, 9), asm.Entry(0, 0, 1)), `{"ranking":[{"i":2,"score":3},{"i":2,"score":9},{"i":0,"score":1}]}`,
			[]int{2, 0, 3}, []float64{3, 1, 1}, ""},
		{"fallbacks come last", asm.Cat(asm.Entry(3, 0, 9), asm.Entry(0, 0, 1), asm.Entry(2, 0, 0)), `{"ranking":[{"i":3,"score":9},{"i":0,"score":1},{"i":2,"score":0}]}`,
			[]int{0, 2, 3}, []float64{1, 0, 9}, ""},
		{"infinite scores are held", asm.Entry(0, 0, math.Inf(1)), `{"ranking":[{"i":0,"score":1.7976931348623157e308}]}`,
			[]int{0, 2, 3}, []float64{math.MaxFloat64, math.MaxFloat64, math.MaxFloat64}, ""},
		{"no opinion", nil, "", []int{0, 1, 2, 3}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for h, answer := range map[hook.Hook][]byte{hook.RouteFlat: c.flat, hook.Route: []byte(c.json)} {
				got := ranker(t, asm.Answering(h, answer).Bytes(), at(1000)).Rank(context.Background(), &llm.Request{ID: "r", Received: at(999)()}, four())
				want := llm.Ranking{Order: c.order, Scores: c.scores, Router: "mine", Seed: hook.SeedOf("r"), Fuel: got.Fuel, Input: llm.RouterInput{AfterNS: int64(time.Second)}}
				if h == hook.Route {
					want.Reason = c.reason
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got)\n%s", h, diff)
				}
			}
		})
	}
}

func TestAnInvalidRankingLeavesTheConfiguredOrder(t *testing.T) {
	many := asm.Cat(asm.Entry(0, 0, 0), asm.Entry(0, 0, 0), asm.Entry(0, 0, 0), asm.Entry(0, 0, 0), asm.Entry(0, 0, 0))
	for _, c := range []struct {
		name, want string
		hook       hook.Hook
		answer     []byte
	}{
		{"out of range", "ranked candidate 4 of 4", hook.RouteFlat, asm.Entry(4, 0, 1)},
		{"far out of range", "ranked candidate 4294967295 of 4", hook.RouteFlat, asm.Entry(math.MaxUint32, 0, 1)},
		{"NaN", "not a number", hook.RouteFlat, asm.Entry(0, 0, math.NaN())},
		{"odd length", "not a multiple", hook.RouteFlat, asm.Entry(0, 0, 1)[:15]},
		{"too many", "ranks 5 candidates of 4", hook.RouteFlat, many},
		{"drops an unknown one", "dropped candidate 9 of 4", hook.RouteFlat, asm.Entry(9, 1, 1)},
		{"drops all", "dropped every candidate", hook.RouteFlat, asm.Cat(asm.Entry(0, 1, 1), asm.Entry(1, 1, 1), asm.Entry(2, 1, 1), asm.Entry(3, 1, 1))},
		{"JSON out of range", "ranked candidate -1 of 4", hook.Route, []byte(`{"ranking":[{"score":1}]}`)},
		{"JSON drops unknown", "dropped candidate 4 of 4", hook.Route, []byte(`{"drop":[4]}`)},
		{"not JSON", "not valid JSON", hook.Route, []byte(`ranking: 0`)},
		{"JSON cut short", "not valid JSON", hook.Route, []byte(`{"ranking":[{"i":0`)},
		{"JSON with something behind", "expected the end of the text", hook.Route, []byte(`{} {}`)},
		{"JSON index is a string", "whole number", hook.Route, []byte(`{"ranking":[{"i":"0"}]}`)},
		{"invalid UTF-8", "UTF-8", hook.Route, []byte("{\"reason\":\"\xff\"}")},
		{"deep JSON", "nested more than 128 levels", hook.Route, []byte(`{"x":` + strings.Repeat("[", 1000))},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ranker(t, asm.Answering(c.hook, c.answer).Bytes(), at(1000)).Rank(context.Background(), &llm.Request{}, four())
			if diff := cmp.Diff([]int{0, 1, 2, 3}, got.Order); diff != "" || !strings.Contains(got.Fault, c.want) {
				t.Errorf("fault %q, want %q; order (-want +got)\n%s", got.Fault, c.want, diff)
			}
		})
	}
}

func TestFiveFaultsDisableARouterForAMinute(t *testing.T) {
	now := time.Unix(1000, 0)
	calls := func(k *Ranker) int64 { return k.router.module.Stats().Calls }
	k := ranker(t, trapping().Bytes(), func() time.Time { return now })
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
	k := ranker(t, trapping().Bytes(), func() time.Time { return now })
	for range 20 {
		got := k.Rank(context.Background(), &llm.Request{Facts: llm.Facts{EstInputTokens: '!'}}, fleet(2))
		if !strings.Contains(got.Fault, "unreachable") {
			t.Fatalf("fault = %q", got.Fault)
		}
		now = now.Add(breakWithin / (breakAfter - 1))
	}
}

// trapping has no opinion, and traps when the estimate of input tokens is '!'.
func trapping() asm.Module {
	return asm.Guest(hook.RouteFlat, asm.Get(0), asm.Mem(0x28, 8), asm.I32('!'), asm.Op(0x46, 0x04, 0x40, 0x00, asm.End), asm.Result(0, 0))
}

func TestARejectionOfARouterIsNoFault(t *testing.T) {
	a := asm.Guest(hook.RouteFlat, asm.I32(400), asm.I32(1024), asm.I32(2), asm.Call(0), asm.Result(0, 0))
	a.Imports = []asm.Import{{Module: "penstock", Name: "error", Params: "iii", Results: ""}}
	k := ranker(t, a.Bytes(), at(1000))
	for range 2 * breakAfter {
		got := k.Rank(context.Background(), &llm.Request{}, fleet(2))
		if !strings.Contains(got.Fault, "rejected with 400") || len(got.Order) != 2 {
			t.Fatalf("%+v", got)
		}
	}
}

func TestNothingToRank(t *testing.T) {
	if got := ranker(t, trapping().Bytes(), nil).Rank(context.Background(), &llm.Request{}, nil); len(got.Order) != 0 || got.Fault != "" {
		t.Errorf("Rank of no candidates = %+v", got)
	}
}

func TestPrepareRefusesSettingsThatDoNotFit(t *testing.T) {
	r, err := NewRouter(load(t, trapping().Bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	for with, want := range map[string]string{
		`[1]`: "want an object", `{"a":"x\ny"}`: "line break", `{"a=b":1}`: "can't be a key", `{`: "settings", `{} {}`: "after the object",
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
	if _, err := NewRouter(load(t, asm.Guest(hook.TransformRequest, asm.Result(0, 0)).Bytes()), nil); err == nil {
		t.Error("NewRouter took a module without a routing hook")
	}
}

// TestRankAllocatesLittle: the order, the scores and nothing else that grows.
func TestRankAllocatesLittle(t *testing.T) {
	if underRace {
		t.Skip("allocations differ under the race detector")
	}
	k := ranker(t, asm.Answering(hook.RouteFlat, asm.Cat(asm.Entry(1, 0, 1), asm.Entry(0, 0, 0))).Bytes(), nil)
	req, c := &llm.Request{ID: "r"}, fleet(8)
	k.Rank(context.Background(), req, c)
	if n := testing.AllocsPerRun(100, func() { k.Rank(context.Background(), req, c) }); n > 4 {
		t.Errorf("Rank allocates %v times, want at most 4", n)
	}
}
