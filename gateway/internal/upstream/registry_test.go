package upstream

import (
	"fmt"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestRetain(t *testing.T) {
	w := newTestHealth(t)
	for range 2 {
		w.report(Outcome{Fault: llm.FaultAuth, Status: 401, Credential: true})
	}
	f, _ := w.begin("q/m")
	w.Retain([]string{"p"}, func(id string) bool { return id == "p/new" })
	f.Done(Outcome{})
	if s := w.Stats("q/m"); s.Inflight != 0 {
		t.Errorf("inflight of a forgotten target = %d", s.Inflight)
	}
	w.wantAllowed("p/new", false) // the provider's cooldown outlives its target
	w.Retain(nil, func(string) bool { return true })
	w.wantCooldown(0, "")
}

// TestForgetOutlivesOldAttempts has an attempt with the old key in flight when the key
// is changed.
func TestForgetOutlivesOldAttempts(t *testing.T) {
	w := newTestHealth(t)
	old, _ := w.begin("p/m")
	older, _ := w.begin("p/m")
	w.Forget("p")
	for _, f := range []Flight{old, older} {
		f.Done(Outcome{Fault: llm.FaultAuth, Status: 401, Credential: true})
	}
	w.wantAllowed("p/m", true)
}

// TestMadeUpNames calls names that only callers know.
func TestMadeUpNames(t *testing.T) {
	now := testNow
	h := NewHealth(HealthOptions{Known: func(id string) bool { return id == "p/real" }}, func() time.Time { return now })
	real, _ := h.Begin("p/real", Asking{Request: "r"})
	for i := range 16_000 {
		id := fmt.Sprintf("p/made-up-%d", i)
		h.Stats(id)
		f, ok := h.Begin(id, Asking{Request: id})
		if !ok {
			t.Fatalf("%s is cooling down after names that do not exist", id)
		}
		f.Done(Outcome{Fault: llm.FaultNotFound, Status: 404})
	}
	if n := len(h.targets); n != 1 || len(h.providers) != 1 {
		t.Errorf("%d targets of %d providers are remembered, want the one that exists", n, len(h.providers))
	}
	for i := range 2 * maxPromoted { // some servers answer to every name
		id := fmt.Sprintf("p/local-%d", i)
		f, _ := h.Begin(id, Asking{Request: id})
		f.Done(Outcome{})
	}
	if n := len(h.targets); n != 1+maxPromoted {
		t.Errorf("%d targets are remembered, want the known one and %d", n, maxPromoted)
	}
	real.Done(Outcome{})
	h.Retain([]string{"p"}, func(id string) bool { return id == "p/real" })
	if n := len(h.targets); n != 1 {
		t.Errorf("%d targets are kept over a reload, want 1", n)
	}
	// A provider that is down is left alone under whatever name.
	for i := range 3 {
		f, _ := h.Begin("p/x", Asking{Request: fmt.Sprint(i)})
		f.Done(Outcome{Fault: llm.FaultNetwork})
	}
	if why, _ := h.Cooling("p/y"); why != "network" {
		t.Errorf("a name like those that failed is cooling down for %q, want network", why)
	}
	if why, _ := h.Cooling("p/real"); why != "" {
		t.Errorf("the target that was not called is cooling down for %q", why)
	}
}

// TestOneNamesLimitIsNotAnothers has the provider refuse calls of some names that only
// callers know: others are called all the same, until the account itself is refused.
func TestOneNamesLimitIsNotAnothers(t *testing.T) {
	now := testNow
	h := NewHealth(HealthOptions{Known: func(string) bool { return false }}, func() time.Time { return now })
	refuse := func(request string, o Outcome) {
		t.Helper()
		f, ok := h.Begin("p/"+request, Asking{Request: request})
		if !ok {
			t.Fatalf("p/%s is cooling down after other names were refused", request)
		}
		f.Done(o)
	}
	limit := Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: 24 * time.Hour}
	quota := Outcome{Fault: llm.FaultQuota, Status: 429, RetryAfter: time.Hour}
	for i, o := range []Outcome{limit, limit, quota, quota, quota, limit} {
		refuse(fmt.Sprint("name-", i), o)
	}
	quota.Credential = true
	refuse("a", quota)
	refuse("b", quota)
	if _, ok := h.Begin("p/c", Asking{Request: "c"}); ok {
		t.Error("a name is called although the account's quota is used up")
	}
}

func BenchmarkMadeUpNames(b *testing.B) {
	h := NewHealth(HealthOptions{Known: func(string) bool { return false }}, time.Now)
	ids := make([]string, 16_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("openai/made-up-%d", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id := ids[i%len(ids)]
		h.Stats(id)
		if f, ok := h.Begin(id, Asking{Request: id}); ok {
			f.Done(Outcome{Fault: llm.FaultNotFound})
		}
	}
}
