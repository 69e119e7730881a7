package pipeline

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const refusal = "I'm sorry, but I can't help with that."

// TestEscalateChargesOneAnswer has the first answer fail: the caller pays for the second, from
// one reservation, and waits for both.
func TestEscalateChargesOneAnswer(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakes("p/a", "p/b")
			f.route.Escalate = llm.Escalation{On: []llm.Check{llm.CheckRefusal}, Max: 1}
			f.route.Hold = llm.HoldAll
			f.script["p/a"] = []action{plain(refusal)}
			if streamed {
				f.script["p/a"], f.script["p/b"] = []action{late(time.Second, refusal)}, []action{stream("fine")}
			}
			f.decision.Limits = []llm.Limit{{Name: "money", Scope: "s", Unit: llm.UnitUSD, Max: 1 << 60}}
			got, err := f.serve(t, t.Context(), request(streamed))
			if err != nil || strings.Contains(got.text, "sorry") {
				t.Fatalf("%q, %v", got.text, err)
			}
			r := f.records[0]
			if last := f.settled[len(f.settled)-1]; r.Target != "p/b" || len(f.settled) != 2 || f.settled[0] != (llm.Amounts{}) || last.Requests != 1 || last.USD != r.Cost || r.Attempts[0].Cost != r.Attempts[1].Cost || r.Cost != r.Attempts[1].Cost {
				t.Errorf("from %s, settled %+v, cost %d, attempts %+v", r.Target, f.settled, r.Cost, r.Attempts)
			}
			if o := f.outcomes["p/a"]; len(o) != 1 || o[0].Fault != "" || o[0].OutputTokens != 10 {
				t.Errorf("the target's outcome is %+v", o)
			}
		})
	}
}

// TestEscalateToNothing gives the caller the answer that failed when every other target fails
// otherwise, and charges it.
func TestEscalateToNothing(t *testing.T) {
	f := newFakes("p/a", "p/b")
	f.route.Escalate = llm.Escalation{On: []llm.Check{llm.CheckRefusal}, Max: 3}
	f.script["p/a"], f.script["p/b"] = []action{plain(refusal)}, []action{failing(llm.FaultServer, 503)}
	f.route.Retries.Attempts = 1
	f.decision.Limits = []llm.Limit{{Name: "money", Scope: "s", Unit: llm.UnitUSD, Max: 1 << 60}}
	got, err := f.serve(t, t.Context(), request(false))
	if err != nil || got.text != refusal || !slices.Equal(f.sent, []string{"p/a", "p/b"}) {
		t.Fatalf("%q from %v, %v", got.text, f.sent, err)
	}
	if r := f.records[0]; !r.Escalated.Passed || r.Target != "p/a" || r.Cost == 0 || f.settled[len(f.settled)-1].USD != r.Cost {
		t.Errorf("%+v from %s, cost %d, settled %+v", r.Escalated, r.Target, r.Cost, f.settled)
	}
}

// TestEscalateKeepsToRetries makes no more calls than the route allows.
func TestEscalateKeepsToRetries(t *testing.T) {
	f := newFakes("p/a", "p/b", "p/c")
	f.route.Escalate = llm.Escalation{On: []llm.Check{llm.CheckRefusal}, Max: 3}
	f.route.Retries.Total = 1
	for id := range f.script {
		f.script[id] = []action{plain(refusal)}
	}
	if got, err := f.serve(t, t.Context(), request(false)); err != nil || got.text != refusal || len(f.sent) != 2 {
		t.Errorf("%q from %v, %v", got.text, f.sent, err)
	}
}

// TestUncheckedAnswers are those of which nothing is generated, or several.
func TestUncheckedAnswers(t *testing.T) {
	for why, change := range map[string]func(*llm.Facts){
		"several answers": func(f *llm.Facts) { f.Choices = 2 }, "passed on": func(f *llm.Facts) { f.Stream = true }, "nothing is generated": func(f *llm.Facts) { f.Inputs = 1 },
	} {
		f := newFakes("p/a", "p/b")
		f.route.Escalate = llm.Escalation{On: []llm.Check{llm.CheckRefusal}, Max: 1}
		f.script["p/a"] = []action{plain(refusal)}
		req := request(false)
		change(&req.Facts)
		got, err := f.serve(t, t.Context(), req)
		if err != nil || got.text != refusal || !strings.Contains(f.records[0].Escalated.Unchecked, why) {
			t.Errorf("%s: %q, %v, %+v", why, got.text, err, f.records[0].Escalated)
		}
	}
}
