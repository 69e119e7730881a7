package pipeline

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestTheRouterIsToldTheExpectedOutput has a route whose replies have 300 tokens on average.
func TestTheRouterIsToldTheExpectedOutput(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*llm.Request)
		asked  int64
		noted  []string
	}{
		"a conversation":        {func(*llm.Request) {}, 420, []string{"smart a 10"}},
		"with a bound":          {func(r *llm.Request) { r.Facts.MaxTokens = 50 }, 170, []string{"smart a 10"}},
		"with a large bound":    {func(r *llm.Request) { r.Facts.MaxTokens = 5000 }, 420, []string{"smart a 10"}},
		"texts to be embedded":  {func(r *llm.Request) { r.Facts.Inputs = 2 }, 420, nil},
		"a count of its tokens": {func(r *llm.Request) { r.Facts.Free = true }, 420, nil},
	} {
		f := newFakes("a")
		f.expects = 300
		told := int64(0)
		f.ranks = func(c []llm.Candidate) llm.Ranking {
			told = c[0].Stats.ExpectedOutput
			return llm.Ranking{Order: []int{0}}
		}
		req := request(false)
		c.change(req)
		if _, err := f.serve(t, t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if told != 300 || f.records[0].Candidates[0].Stats.ExpectedOutput != 300 {
			t.Errorf("%s: the router is told %d tokens, the record %d", name, told, f.records[0].Candidates[0].Stats.ExpectedOutput)
		}
		if f.askedTokens != c.asked {
			t.Errorf("%s: health counts %d tokens, want %d", name, f.askedTokens, c.asked)
		}
		if diff := cmp.Diff(c.noted, f.outputs); diff != "" {
			t.Errorf("%s: noted (-want +got)\n%s", name, diff)
		}
	}
}

// TestFailedRepliesAreNotNoted has a target that fails, and a stream that breaks off.
func TestFailedRepliesAreNotNoted(t *testing.T) {
	f := newFakes("a", "b")
	f.script["a"] = []action{failing(llm.FaultServer, 500)}
	f.script["b"] = []action{broken(&llm.Error{Fault: llm.FaultCut, Status: 502}, "half")}
	if _, err := f.serve(t, t.Context(), request(true)); err == nil {
		t.Error("a broken stream is no error")
	}
	if len(f.outputs) > 0 {
		t.Errorf("noted are %v, want none", f.outputs)
	}
}
