package ledger

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func say(t *testing.T, l *Ledger, f llm.Feedback) {
	t.Helper()
	if err := l.AddFeedback(t.Context(), &f); err != nil {
		t.Fatalf("AddFeedback(%+v): %v", f, err)
	}
}

// A key's later feedback replaces its earlier one, another key's stands beside it, and a
// process that follows sees what is only in the journal.
func TestFeedback(t *testing.T) {
	at := tempLocation(t)
	l, _ := reopen(t, at)
	now := time.UnixMicro(1795392000000001).UTC()
	say(t, l, llm.Feedback{RequestID: "one", KeyID: "k", Time: now, Score: 0.25})
	mustWrite(t, l, record("one"))
	want := []llm.Feedback{
		{RequestID: "one", KeyID: "k", Time: now.Add(time.Second), Score: 0.1, Label: "wrong", Comment: "no: \"1\" is not 2"},
		{RequestID: "one", Time: now.Add(2 * time.Second), Score: 1},
	}
	for _, f := range want {
		say(t, l, f)
	}
	say(t, l, llm.Feedback{RequestID: "one", KeyID: "k", Time: now, Score: 0.9}) // late: it was said before
	say(t, l, llm.Feedback{RequestID: "gone", KeyID: "k", Time: now, Score: 0.5})
	other, err := Attach(t.Context(), "sqlite://"+at.path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	got, err := other.Record(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got.Feedback); d != "" {
		t.Errorf("Feedback (-want +got):\n%s", d)
	}
	newest, err := other.Feedbacks(t.Context(), now.Add(time.Second), 1)
	if d := cmp.Diff(want[1:], newest); d != "" || err != nil {
		t.Errorf("Feedbacks (-want +got):\n%s%v", d, err)
	}
	var about []string
	err = other.Outcomes(t.Context(), time.Time{}, func(f *llm.Feedback, r *llm.Record) error {
		about = append(about, f.RequestID+" "+r.Model)
		return nil
	})
	if !slices.Equal(about, []string{"one smart", "one smart"}) || err != nil {
		t.Errorf("Outcomes are about %v, %v", about, err)
	}
}

// Feedback goes with what it is about, or later.
func TestPruneFeedback(t *testing.T) {
	now := time.Now()
	l := openTest(t, Options{Now: func() time.Time { return now }})
	for _, id := range []string{"old", "new"} {
		mustWrite(t, l, record(id))
		say(t, l, llm.Feedback{RequestID: id, Time: now})
		now = now.Add(time.Hour)
	}
	imported(t, l)
	if _, err := l.Prune(t.Context(), Cutoff{Records: now.Add(-90 * time.Minute)}, 100); err != nil {
		t.Fatal(err)
	}
	left, err := l.Feedbacks(t.Context(), time.Time{}, 0)
	if err != nil || len(left) != 1 || left[0].RequestID != "new" {
		t.Errorf("left %+v, %v", left, err)
	}
}
