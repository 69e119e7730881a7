package pipeline

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// transcript is the fakes' Transcript: events are words, and what was sent is their text.
type transcript struct {
	text  string
	fixed string
}

func (f *fakes) Transcript() Transcript      { return &transcript{fixed: f.fixed} }
func (f *fakes) Prefills(t *llm.Target) bool { return f.prefills[t.ID] }
func (t *transcript) Unresumable() string    { return t.fixed }
func (t *transcript) Text() string           { return t.text }
func (t *transcript) Note(e *llm.Event)      { t.text += contentOf(e) }
func (t *transcript) Rest(s llm.Stream, prefilled bool) llm.Stream {
	if prefilled {
		return &afterText{Stream: s}
	}
	return &afterText{s, t.text}
}

func contentOf(e *llm.Event) string {
	if !e.Content {
		return ""
	}
	return string(e.Frame)
}

// afterText is a stream without the text that was sent.
type afterText struct {
	llm.Stream
	skip string
}

func (a *afterText) Next() (llm.Event, error) {
	e, err := a.Stream.Next()
	switch text := contentOf(&e); {
	case err != nil:
	case e.Final && a.skip != "", text != "" && a.skip != "" && !strings.HasPrefix(a.skip, text):
		return e, &llm.Error{Fault: llm.FaultDiverged}
	case text == "" && !e.Final, a.skip != "":
		a.skip = strings.TrimPrefix(a.skip, text)
		return llm.Event{Hidden: true}, nil
	}
	return e, err
}

func resumingFakes() *fakes {
	f := newFakes("p/a", "p/b", "p/c")
	f.route.Resume = true
	f.route.Retries.Attempts = 1
	f.decision.Limits = []llm.Limit{{Name: "money", Scope: "s", Unit: llm.UnitUSD, Max: 1 << 60}}
	return f
}

var errCut = &llm.Error{Code: llm.CodeStreamCut, Status: 502, Fault: llm.FaultCut, Message: "cut"}

// The costs of a whole reply of the fakes', of a broken one, and of the output of either.
const (
	fullCost   = 100*llm.USD/1e6 + outputCost
	brokenCost = 120*llm.USD/1e6 + outputCost
	outputCost = 10 * 10 * llm.USD / 1e6
)

func TestResumeIsPaidOnce(t *testing.T) {
	f := resumingFakes()
	f.script["p/a"] = []action{broken(errCut, "one ", "two ")}
	f.script["p/b"] = []action{stream("one ", "two ", "three")}
	got, err := f.serve(t, t.Context(), request(true))
	if err != nil || got.text != "role one two three[DONE]" {
		t.Fatalf("%q, %v", got.text, err)
	}
	r := f.records[0]
	if r.Target != "p/b" || r.Cost != fullCost || len(f.settled) != 2 || f.settled[0] != (llm.Amounts{}) || f.settled[1].USD != fullCost {
		t.Errorf("%s is charged %d; settled %v", r.Target, r.Cost, f.settled)
	}
	first, second := r.Attempts[0], r.Attempts[1]
	if first.Fault != llm.FaultCut || first.Cost != brokenCost || first.Usage.Output == 0 || first.Resumes != "" {
		t.Errorf("the broken attempt is recorded as %+v", first)
	}
	if second.Fault != "" || second.Cost != fullCost || second.Resumes != "restart" {
		t.Errorf("the second attempt is recorded as %+v", second)
	}
}

func TestResumeByPrefillIsPaidWithWhatItContinues(t *testing.T) {
	f := resumingFakes()
	f.prefills = map[string]bool{"p/c": true}
	f.script["p/a"] = []action{broken(errCut, "one ", "two ")}
	f.script["p/b"] = []action{stream("other")}
	f.script["p/c"] = []action{stream("three")}
	got, err := f.serve(t, t.Context(), request(true))
	if err != nil || got.text != "role one two three[DONE]" {
		t.Fatalf("%q, %v", got.text, err)
	}
	r := f.records[0]
	if want := llm.NanoUSD(fullCost + outputCost); r.Target != "p/c" || r.Cost != want {
		t.Errorf("%s is charged %d, want %d", r.Target, r.Cost, want)
	}
	if how := []string{r.Attempts[1].Resumes, r.Attempts[2].Resumes}; how[0] != "restart" || how[1] != "prefill" || r.Attempts[1].Fault != llm.FaultDiverged {
		t.Errorf("attempts %+v", r.Attempts)
	}
}

// TestResumeFails is for a reply that nobody goes on with: the caller gets the first error
// and pays for what was sent.
func TestResumeFails(t *testing.T) {
	for name, set := range map[string]func(f *fakes){
		"another answer":       func(f *fakes) { f.script["p/b"] = []action{stream("other")} },
		"no answer":            func(f *fakes) { f.script["p/b"], f.script["p/c"] = f.script["p/x"], f.script["p/x"] },
		"calls were sent":      func(f *fakes) { f.fixed = "calls" },
		"off":                  func(f *fakes) { f.route.Resume = false },
		"no retry budget left": func(f *fakes) { f.retries = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			f := resumingFakes()
			f.script["p/x"] = []action{failing(llm.FaultServer, 503)}
			f.script["p/a"] = []action{broken(errCut, "one ", "two ")}
			f.script["p/b"], f.script["p/c"] = []action{stream("one ", "two ", "three")}, f.script["p/x"]
			set(f)
			got, err := f.serve(t, t.Context(), request(true))
			if llm.AsError(err).Code != llm.CodeStreamCut || got.text != "role one two " {
				t.Fatalf("%q, %v", got.text, err)
			}
			if r := f.records[0]; r.Target != "p/a" || r.Cost != brokenCost || f.settled[len(f.settled)-1].USD != brokenCost {
				t.Errorf("%s is charged %d; settled %v", r.Target, r.Cost, f.settled)
			}
		})
	}
}

// TestResumeTwice breaks the reply of the target that took over.
func TestResumeTwice(t *testing.T) {
	f := resumingFakes()
	f.script["p/a"] = []action{broken(errCut, "one ")}
	f.script["p/b"] = []action{broken(errCut, "one ", "two ")}
	f.script["p/c"] = []action{stream("one ", "two ", "three")}
	if got, err := f.serve(t, t.Context(), request(true)); err != nil || got.text != "role one two three[DONE]" {
		t.Fatalf("%q, %v", got.text, err)
	}
}

// TestResumeOfAStall goes on when the first target falls silent.
func TestResumeOfAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := resumingFakes()
		silent := broken(nil, "one ")
		silent.stuck = true
		f.script["p/a"] = []action{silent}
		f.script["p/b"] = []action{stream("one ", "two")}
		start := time.Now()
		got, err := f.serve(t, t.Context(), request(true))
		if err != nil || got.text != "role one two[DONE]" || time.Since(start) != f.route.Timeout.Idle {
			t.Fatalf("%q, %v after %s", got.text, err, time.Since(start))
		}
		if first := f.records[0].Attempts[0]; first.Fault != llm.FaultTimeout {
			t.Errorf("the silent attempt is recorded as %+v", first)
		}
	})
}

// TestHoldHidesABreak holds back tokens: what breaks off within them falls back as if
// nothing had come.
func TestHoldHidesABreak(t *testing.T) {
	for hold, want := range map[int64]string{0: "role one ", llm.HoldAll: "role other[DONE]", 40: "role other[DONE]", 5: "role one "} {
		f := resumingFakes()
		f.route.Resume, f.route.Hold = false, hold
		f.script["p/a"] = []action{broken(errCut, "one ")}
		f.script["p/b"] = []action{stream("other")}
		got, err := f.serve(t, t.Context(), request(true))
		if got.text != want || (err != nil) != (want == "role one ") {
			t.Errorf("hold %d: %q, %v", hold, got.text, err)
		}
		if err != nil && !errors.Is(err, error(errCut)) && llm.AsError(err).Code != llm.CodeStreamCut {
			t.Errorf("hold %d: %v", hold, err)
		}
	}
}

// TestClonedEventsStayValid overwrites the memory that an event was read into, as the reader
// of the next one does.
func TestClonedEventsStayValid(t *testing.T) {
	memory := []byte(`data: {"content":"one"}`)
	e := cloneEvent(llm.Event{Frame: memory, Data: memory[6:], Text: memory[18:21]})
	for i := range memory {
		memory[i] = 'x'
	}
	if got := string(e.Frame) + string(e.Data) + string(e.Text); strings.Contains(got, "x") {
		t.Errorf("the clone has become %q", got)
	}
}

// TestAbandonedStreamIsNotResumed breaks a stream that is drained: nobody waits for another
// target's answer.
func TestAbandonedStreamIsNotResumed(t *testing.T) {
	f := resumingFakes()
	f.route.Drain = true
	f.script["p/a"] = []action{broken(errCut, "one ", "two ")}
	f.script["p/b"] = []action{stream("one ", "two ", "three")}
	req := request(true)
	req.Received = time.Now()
	_ = f.pipeline().Serve(t.Context(), req, &leaving{cancel: func() {}})
	if r := f.records[0]; len(f.sent) != 1 || r.Target != "p/a" || r.Cost != brokenCost {
		t.Errorf("%v were asked; %s is charged %d", f.sent, r.Target, r.Cost)
	}
}
