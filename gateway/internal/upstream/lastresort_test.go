package upstream

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestTheLastResort asks a target whose circuit is open for requests that have no other.
func TestTheLastResort(t *testing.T) {
	w := newTestHealth(t)
	ask := func(last bool) (Flight, bool) {
		return w.Begin("p/m", Asking{Request: w.now.String(), LastResort: last})
	}
	fail := func(f Flight) { f.Done(Outcome{Fault: llm.FaultServer, Status: 500}) }
	for range 3 {
		w.now = w.now.Add(time.Millisecond)
		f, _ := ask(false)
		fail(f)
	}
	if _, ok := ask(true); ok {
		t.Fatal("it is asked at the moment in which its circuit opens")
	}
	w.now = w.now.Add(lastResort)
	if _, ok := ask(false); ok {
		t.Fatal("a request with other targets asks it")
	}
	f, ok := ask(true)
	if !ok {
		t.Fatal("a request without another target may not ask it")
	}
	if _, ok := ask(true); ok {
		t.Fatal("two requests ask it at once")
	}
	fail(f)
	calls := 0
	for range 100 { // 10 s of requests
		if f, ok := ask(true); ok {
			calls++
			fail(f)
		}
		w.now = w.now.Add(lastResort / 10)
	}
	if calls != 9 {
		t.Errorf("%d calls in ten seconds of an outage, want one a second", calls)
	}
	w.now = w.now.Add(lastResort)
	if f, ok = ask(true); !ok {
		t.Fatal("it is not asked again")
	}
	f.Done(Outcome{})
	if _, ok := ask(false); !ok {
		t.Error("once it has answered, it is not asked by all")
	}
}

// TestRefusalsHaveNoLastResort has what an operator or the provider wants.
func TestRefusalsHaveNoLastResort(t *testing.T) {
	for name, cool := range map[string]func(*testHealth){
		"opened": func(w *testHealth) { w.Open("p/m", w.now.Add(time.Hour)) },
		"rate limited": func(w *testHealth) {
			w.report(Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: time.Minute})
		},
	} {
		w := newTestHealth(t)
		cool(w)
		w.now = w.now.Add(2 * lastResort)
		if _, ok := w.Begin("p/m", Asking{Request: "r", LastResort: true}); ok {
			t.Errorf("a target that is %s is asked", name)
		}
	}
}
