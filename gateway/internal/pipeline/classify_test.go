package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestClassBeforeRanking wants the router to see the label that the endpoint gave, and the
// caller to be charged for its own request only.
func TestClassBeforeRanking(t *testing.T) {
	f := newFakes("p/a")
	f.script["p/label"] = []action{plain("hard")}
	f.route.Classify = &llm.Classify{Target: target("p/label"), Labels: []string{"easy", "hard"}, Timeout: time.Second}
	f.decision.Limits = []llm.Limit{{Name: "money", Scope: "s", Unit: llm.UnitUSD, Max: 1 << 60}}
	req := request(true)
	class := "none"
	f.ranks = func(c []llm.Candidate) llm.Ranking {
		class = req.Class
		return llm.Ranking{Order: []int{0}}
	}
	if _, err := f.serve(t, t.Context(), req); err != nil {
		t.Fatal(err)
	}
	r := f.records[0]
	if r.Classified == nil || class != "hard" || r.Classified.Label != "hard" || r.Classified.Cost == 0 || r.Classified.Fault != "" || r.Classified.Duration < 0 {
		t.Errorf("the router got class %q, the record has %+v", class, r.Classified)
	}
	if len(r.Attempts) != 1 || len(f.settled) != 1 {
		t.Errorf("attempts %+v, settled %+v", r.Attempts, f.settled)
	}
}

// TestNoClassBeyondLimits asks nobody for the class of a request that will be refused.
func TestNoClassBeyondLimits(t *testing.T) {
	f := newFakes("p/a")
	f.script["p/label"] = []action{plain("hard")}
	f.route.Classify = &llm.Classify{Target: target("p/label"), Labels: []string{"easy", "hard"}, Timeout: time.Second}
	f.decision.Limits = []llm.Limit{{Name: "money", Scope: "s", Unit: llm.UnitUSD, Max: 1}}
	f.full["p/a"] = true
	_, err := f.serve(t, t.Context(), request(false))
	if llm.AsError(err).Code != llm.CodeBudget || len(f.sent) != 0 || f.records[0].Classified.Fault != "a limit has no room for the request" {
		t.Errorf("%v, asked %v, %+v", err, f.sent, f.records[0].Classified)
	}
}

// TestClassInTime has an endpoint hang: the request is answered without a class, and the target
// has not failed.
func TestClassInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("p/a")
		f.script["p/label"] = []action{{hang: true}}
		f.route.Classify = &llm.Classify{Target: target("p/label"), Labels: []string{"easy", "hard"}, Timeout: 300 * time.Millisecond}
		start := time.Now()
		got, err := f.serve(t, t.Context(), request(false))
		if err != nil {
			t.Fatal(err)
		}
		if overhead := got.head.Header.Get("X-Penstock-Overhead-Ms"); overhead != "0" {
			t.Errorf("the gateway's overhead is %s ms, want 0", overhead)
		}
		if took := time.Since(start); took != 300*time.Millisecond {
			t.Errorf("the request took %s", took)
		}
		if c := f.records[0].Classified; c.Label != "" || c.Fault != "there was no label within 300ms (classify.timeout)" {
			t.Errorf("classified %+v", c)
		}
		if o := f.outcomes["p/label"]; len(o) != 1 || o[0].Fault != llm.FaultCanceled {
			t.Errorf("the target's outcomes are %+v", o)
		}
	})
}
