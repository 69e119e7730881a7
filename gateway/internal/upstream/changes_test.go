package upstream

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// newWatchedHealth returns a Health that notes changes.
func newWatchedHealth(t *testing.T) *testHealth {
	w := newTestHealth(t)
	w.o.Changes = true
	return w
}

// wantChanges takes the changes and compares them, as "target from to why at seconds".
func (w *testHealth) wantChanges(when string, want ...string) {
	w.t.Helper()
	var got []string
	for _, c := range w.TakeChanges() {
		got = append(got, fmt.Sprint(c.Target, " ", c.From, " ", c.To.State, " ", c.To.Why, " at ", c.Time.Sub(testNow).Seconds()))
	}
	if d := cmp.Diff(want, got); d != "" {
		w.t.Errorf("%s: %s", when, d)
	}
}

// failUntilOpen lets p/m fail until its circuit opens.
func (w *testHealth) failUntilOpen() {
	w.t.Helper()
	for range 3 {
		w.now = w.now.Add(time.Millisecond)
		w.report(Outcome{Fault: llm.FaultServer, Status: 500})
	}
}

// TestChangesBetweenTwoLooks has a circuit open and close before anybody looks at it.
func TestChangesBetweenTwoLooks(t *testing.T) {
	w := newWatchedHealth(t)
	w.report(Outcome{})
	w.wantChanges("after a success")
	w.failUntilOpen()
	w.now = testNow.Add(6 * time.Second)
	w.report(Outcome{})
	w.wantChanges("after an outage", "p/m closed open server at 0.003", "p/m open half-open  at 6", "p/m half-open closed  at 6")
	w.wantChanges("once they are taken")

	w.now = testNow.Add(7 * time.Second)
	w.report(Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: 100 * time.Millisecond})
	w.now = testNow.Add(7500 * time.Millisecond)
	w.report(Outcome{FirstToken: time.Millisecond})
	w.wantChanges("after a short pause", "p/m closed open rate_limited at 7", "p/m open closed  at 7.5")

	w.Open("p/m", Indefinitely())
	w.State("p/m")
	w.CloseTarget("p/m")
	w.State("p/m")
	w.wantChanges("after an operator's opening", "p/m closed open operator at 7.5", "p/m open closed  at 7.5")
}

// TestChangesWithTime are noted when somebody looks.
func TestChangesWithTime(t *testing.T) {
	w := newWatchedHealth(t)
	w.failUntilOpen()
	w.now = testNow.Add(6 * time.Second)
	w.State("p/m")
	w.wantChanges("without calls", "p/m closed open server at 0.003", "p/m open half-open  at 6")
	w.report(Outcome{FirstToken: time.Second})
	w.wantChanges("when the probe has answered", "p/m half-open closed  at 6")
}

// TestFailedProbesAreNoChanges, unless somebody has seen them begin.
func TestFailedProbesAreNoChanges(t *testing.T) {
	w := newWatchedHealth(t)
	w.failUntilOpen()
	w.wantChanges("at first", "p/m closed open server at 0.003")
	for range 10 {
		w.now = w.now.Add(10 * time.Second)
		w.report(Outcome{Fault: llm.FaultServer, Status: 500})
	}
	w.wantChanges("after ten probes")
	w.now = testNow.Add(200 * time.Second)
	f, ok := w.begin("p/m")
	if !ok {
		t.Fatal("the probe may not begin")
	}
	w.wantChanges("during a long one", "p/m open half-open  at 200")
	f.Done(Outcome{Fault: llm.FaultServer, Status: 500})
	w.wantChanges("after it", "p/m half-open open server at 200")
	if n := w.DroppedChanges(); n != 0 {
		t.Errorf("%d changes were dropped", n)
	}
}

// TestChangesAreBounded has one target change all the time, and many once. Those that are dropped
// are counted, and the last states are known in the end.
func TestChangesAreBounded(t *testing.T) {
	w := newWatchedHealth(t)
	for range 100 {
		w.now = w.now.Add(time.Second)
		w.report(Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: time.Second})
	}
	w.wantChanges("of a target that flaps", "p/m closed open rate_limited at 1", "p/m open closed  at 2", "p/m closed open rate_limited at 2", "p/m open closed  at 3")
	if n := w.DroppedChanges(); n != 195 { // of 100 times open and 99 times closed
		t.Errorf("%d changes were dropped, want 195", n)
	}
	w.State("p/m")
	w.wantChanges("at the end", "p/m closed open rate_limited at 100")

	const many = maxChanges + 10
	for i := range many {
		id := fmt.Sprint("p/", i)
		f, _ := w.begin(id)
		f.Done(Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: time.Minute})
	}
	known := len(w.TakeChanges())
	if n := w.DroppedChanges(); known != maxChanges || n != 195+many-maxChanges {
		t.Errorf("%d changes were noted and %d dropped", known, n)
	}
	for i := range many {
		w.State(fmt.Sprint("p/", i))
	}
	if n := len(w.TakeChanges()); n != many-maxChanges {
		t.Errorf("%d changes were noted later, want %d", n, many-maxChanges)
	}
}

// TestChangesOfWhatIsForgotten ends what is open, for a target that is still there.
func TestChangesOfWhatIsForgotten(t *testing.T) {
	w := newWatchedHealth(t)
	late, _ := w.begin("p/m")
	w.failUntilOpen()
	w.wantChanges("at first", "p/m closed open server at 0.003")
	w.Forget("p")
	late.Done(Outcome{Fault: llm.FaultServer, Status: 500}) // of the provider as it was
	w.wantChanges("before anybody looks")
	w.State("p/m")
	w.wantChanges("after it was forgotten", "p/m open closed  at 0.003")
	w.failUntilOpen()
	w.Retain([]string{"p"}, func(string) bool { return false })
	w.TakeChanges()
	if len(w.changes.targets) != 0 {
		t.Errorf("%v is remembered of targets that are gone", w.changes.targets)
	}
}

// TestUnknownTargetsHaveNoChanges: one state stands for all of them.
func TestUnknownTargetsHaveNoChanges(t *testing.T) {
	w := newWatchedHealth(t)
	w.o.Known = func(string) bool { return false }
	w.failUntilOpen()
	w.wantChanges("of a name that only callers use")
	w = newTestHealth(t)
	w.failUntilOpen()
	w.wantChanges("without the option")
}
