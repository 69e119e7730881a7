package pipeline

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// scoring are the stages of a route whose answers p/judge scores.
func scoring(grade string) *fakes {
	f := newFakes("p/a", "p/b")
	f.route.Hold = llm.HoldAll
	f.route.Escalate = llm.Escalation{On: []llm.Check{llm.CheckSelfScore}, Max: 1, Score: llm.SelfScore{Target: target("p/judge"), Below: .6, Timeout: 2 * time.Second}}
	f.script["p/judge"] = []action{plain(grade)}
	f.decision.Limits = []llm.Limit{{Name: "money", Scope: "s", Unit: llm.UnitUSD, Max: 1 << 60}}
	return f
}

// TestLowScoreEscalates asks the next target for an answer with a low score, plain or held back.
// Asking for the score is in the attempt, and neither in the request's cost nor in its limits. The
// last answer is not scored, since nothing would come of it.
func TestLowScoreEscalates(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		f := scoring(" 5.5\n")
		if streamed {
			f.script["p/a"], f.script["p/b"] = []action{stream("bad")}, []action{stream("good")}
		}
		if _, err := f.serve(t, t.Context(), request(streamed)); err != nil {
			t.Fatal(err)
		}
		r := f.records[0]
		if !slices.Equal(f.sent, []string{"p/a", "p/judge", "p/b"}) || r.Target != "p/b" || len(r.Attempts) != 2 {
			t.Fatalf("asked %v, answered by %s, attempts %+v", f.sent, r.Target, r.Attempts)
		}
		first, second := r.Attempts[0], r.Attempts[1]
		if s := first.Scored; s == nil || s.Score == nil || *s.Score != .55 || s.By != "p/judge" || s.Cost == 0 || s.Usage.Output == 0 || s.Fault != "" {
			t.Errorf("scored %+v", s)
		}
		if first.Failed != llm.CheckSelfScore || first.Fault != llm.FaultInadequate || !strings.Contains(first.Error, "p/judge gives it 0.55, less than 0.6") || second.Scored != nil {
			t.Errorf("attempts %+v", r.Attempts)
		}
		if last := f.settled[len(f.settled)-1]; len(f.settled) != 2 || last.USD != r.Cost || r.Cost != second.Cost || last.Requests != 1 {
			t.Errorf("settled %+v, cost %d, attempts %+v", f.settled, r.Cost, r.Attempts)
		}
		if o := f.outcomes["p/a"]; len(o) != 1 || o[0].Fault != "" {
			t.Errorf("the outcomes of the target are %+v", o)
		}
	}
}

// TestScorePasses gives the caller an answer whose score suffices, cannot be had, or is not one.
func TestScorePasses(t *testing.T) {
	for grade, fault := range map[string]string{"6": "", "10": "", "8/10": "", "eight": "did not give a number", "11": "did not give a number", "The grade is 2.": "did not give a number", "": "did not give a number"} {
		f := scoring(grade)
		got, err := f.serve(t, t.Context(), request(false))
		s := f.records[0].Attempts[0].Scored
		if err != nil || got.text != "hello from p/a" || s == nil || (s.Fault == "") != (fault == "") || !strings.Contains(s.Fault, fault) || s.Cost == 0 || len(grade) > 2 && strings.Contains(s.Fault, grade) {
			t.Errorf("grade %q: %v, scored %+v", grade, err, s)
		}
	}
	f := scoring("")
	f.script["p/judge"] = []action{failing(llm.FaultServer, 503)}
	if got, err := f.serve(t, t.Context(), request(false)); err != nil || got.text != "hello from p/a" || f.records[0].Attempts[0].Scored.Fault == "" {
		t.Errorf("%v, scored %+v", err, f.records[0].Attempts[0].Scored)
	}
}

// TestOwnScore asks the target that has answered when none is named.
func TestOwnScore(t *testing.T) {
	f := scoring("")
	f.route.Escalate.Score.Target = nil
	f.script["p/a"] = []action{plain("an answer"), plain("0")}
	if _, err := f.serve(t, t.Context(), request(false)); err != nil || !slices.Equal(f.sent, []string{"p/a", "p/a", "p/b"}) {
		t.Errorf("asked %v, %v", f.sent, err)
	}
}

// TestScoreInTime does without a score that takes too long, and that time is neither the answering
// target's nor the gateway's own. The target that was too slow has not failed.
func TestScoreInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := scoring("")
		f.script["p/judge"] = []action{{hang: true}}
		start := time.Now()
		got, err := f.serve(t, t.Context(), request(false))
		if err != nil || time.Since(start) != 2*time.Second {
			t.Fatalf("%v after %s", err, time.Since(start))
		}
		if overhead := got.head.Header.Get("X-Penstock-Overhead-Ms"); overhead != "0" {
			t.Errorf("the gateway's overhead is %s ms, want 0", overhead)
		}
		s := f.records[0].Attempts[0].Scored
		if s.Score != nil || s.Fault != "there was no score within 2s (escalate.self_score.timeout)" || s.Duration != llm.Millis(2*time.Second) {
			t.Errorf("scored %+v", s)
		}
		if o := f.outcomes["p/judge"]; len(o) != 1 || o[0].Fault != llm.FaultCanceled {
			t.Errorf("the outcomes of the scoring target are %+v", o)
		}
		if o := f.outcomes["p/a"]; len(o) != 1 || o[0].Duration != 0 || o[0].Held != 0 || o[0].Fault != "" {
			t.Errorf("the outcomes of the answering target are %+v", o)
		}
	})
}

// TestNotScored are answers that nobody is asked about, with the reason in the record.
func TestNotScored(t *testing.T) {
	for why, change := range map[string]func(f *fakes, req *llm.Request){
		"denied by the policy":  func(f *fakes, _ *llm.Request) { f.decision.Obligations.DenyTargets = []string{"p/judge"} },
		"not among the targets": func(f *fakes, _ *llm.Request) { f.decision.Obligations.AllowTargets = []string{"p/a", "p/b"} },
		"eu":                    func(f *fakes, _ *llm.Request) { inRegion(f, "eu"); f.decision.Obligations.Regions = []string{"eu"} },
		"beginning of the stream": func(f *fakes, req *llm.Request) {
			f.route.Hold, req.Facts.Stream = 1, true
			f.script["p/a"] = []action{stream("one", "two", "three")}
		},
		"the answer calls tools": func(f *fakes, _ *llm.Request) { f.script["p/a"][0].info.ToolCalls = true },
		"more than 65536 bytes":  func(f *fakes, _ *llm.Request) { f.script["p/a"] = []action{plain(strings.Repeat("x", maxScored+1))} },
	} {
		f, req := scoring("0"), request(false)
		change(f, req)
		_, err := f.serve(t, t.Context(), req)
		if s := f.records[0].Attempts[0].Scored; err != nil || !slices.Equal(f.sent, []string{"p/a"}) || s == nil || s.Score != nil || !strings.Contains(s.Fault, why) {
			t.Errorf("%s: asked %v, %v, scored %+v", why, f.sent, err, s)
		}
	}
}

// inRegion places the route's targets, but not the one that scores.
func inRegion(f *fakes, region string) {
	for _, t := range f.route.Targets {
		t.Region = region
	}
}

// TestOtherChecksFirst asks for no score of an answer that has failed a check already.
func TestOtherChecksFirst(t *testing.T) {
	f := scoring("0")
	f.route.Escalate.On = append(f.route.Escalate.On, llm.CheckRefusal)
	f.script["p/a"] = []action{plain(refusal)}
	if _, err := f.serve(t, t.Context(), request(false)); err != nil || !slices.Equal(f.sent, []string{"p/a", "p/b"}) || f.records[0].Attempts[0].Failed != llm.CheckRefusal {
		t.Errorf("asked %v, %v, attempts %+v", f.sent, err, f.records[0].Attempts)
	}
}

// TestLowScoreAtLast gives the caller the answer with a low score when no other target answers.
func TestLowScoreAtLast(t *testing.T) {
	f := scoring("1")
	f.script["p/b"], f.route.Retries.Attempts = []action{failing(llm.FaultServer, 503)}, 1
	got, err := f.serve(t, t.Context(), request(false))
	if r := f.records[0]; err != nil || got.text != "hello from p/a" || !r.Escalated.Passed || r.Target != "p/a" {
		t.Errorf("%q, %v, %+v", got.text, err, r.Escalated)
	}
}

// TestScoreBesideHedge scores answers of attempts that run at once.
func TestScoreBesideHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := scoring("9")
		f.route.Hedge = llm.Hedge{After: time.Second}
		f.script["p/a"] = []action{late(3*time.Second, "from a")}
		f.script["p/b"] = []action{late(3*time.Second, "from b")}
		if _, err := f.serve(t, t.Context(), request(true)); err != nil {
			t.Fatal(err)
		}
		if r := f.records[0]; r.Attempts[0].Scored == nil || r.Status != 200 {
			t.Errorf("attempts %+v", r.Attempts)
		}
	})
}

func TestParseScore(t *testing.T) {
	for text, want := range map[string]float64{"0": 0, "10": 1, " 7\n": .7, "7.5": .75, "7/10": .7, "10.0": 1, "0.8": .08} {
		if got, ok := parseScore(text); !ok || got != want {
			t.Errorf("parseScore(%q) = %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", ".", "-1", "+3", "10.1", "1e1", "0x3", "NaN", "inf", "7 of 10", "7%", "seven", "7.5.1", "7/100", "7/5", "1_0", "00000000000000005", "/10", "7\n8"} {
		if got, ok := parseScore(text); ok {
			t.Errorf("parseScore(%q) = %v", text, got)
		}
	}
}
