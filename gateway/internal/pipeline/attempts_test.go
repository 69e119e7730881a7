package pipeline

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func rateLimited(after time.Duration) action {
	return action{err: &llm.Error{Code: "slow_down", Status: 429, Fault: llm.FaultRateLimited, RetryAfter: after, Message: "slow"}}
}

// TestTheProvidersErrorIsKept has a target that opens its circuit, or asks to be left
// alone, with its first failure.
func TestTheProvidersErrorIsKept(t *testing.T) {
	for name, tt := range map[string]struct {
		first action
		opens string
		sent  []string
		code  llm.Code
	}{
		"the circuit opens between two tries": {failing(llm.FaultServer, 500), "server", []string{"a"}, "upstream_said_no"},
		"the pause asked for fits":            {rateLimited(300 * time.Millisecond), "rate_limited", []string{"a"}, "slow_down"},
		"the pause asked for is too long":     {rateLimited(12 * time.Second), "rate_limited", []string{"a"}, "slow_down"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a")
				f.cools = 300 * time.Millisecond
				f.script["a"], f.opens["a"] = []action{tt.first}, tt.opens
				_, err := f.serve(t, t.Context(), request(true))
				if e := llm.AsError(err); e.Code != tt.code || cmp.Diff(tt.sent, f.sent) != "" {
					t.Errorf("Serve = %v after %v, want %s after %v", err, f.sent, tt.code, tt.sent)
				}
			})
		})
	}
}

// TestCoolingFallbackKeepsTheError falls back to a target that is cooling down: the first one's
// error is the answer.
func TestCoolingFallbackKeepsTheError(t *testing.T) {
	f := newFakes("a", "b")
	f.script["a"], f.cooling["b"] = []action{failing(llm.FaultQuota, 402)}, "server"
	_, err := f.serve(t, t.Context(), request(false))
	if e := llm.AsError(err); e.Status != 402 {
		t.Errorf("Serve = %v (status %d), want the quota's 402", err, e.Status)
	}
}

// TestLongRetryAfterGoesToTheCaller gives the 429 to the caller at once when the provider
// asks for more than the backoff's bound, and the next request gets the time left.
func TestLongRetryAfterGoesToTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("a")
		f.route.Retries.Max = 5 * time.Second
		f.script["a"], f.opens["a"], f.cools = []action{rateLimited(12 * time.Second)}, "rate_limited", 12*time.Second
		start := time.Now()
		_, err := f.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Status != 429 || e.RetryAfter != 12*time.Second || time.Since(start) != 0 {
			t.Errorf("Serve = %+v after %v, want the 429 with its 12 s at once", e, time.Since(start))
		}
		f.records = nil
		_, err = f.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Status != 429 || e.RetryAfter != 12*time.Second || e.Retried || len(f.sent) != 1 {
			t.Errorf("the next: %+v after %v, want 429 with the time left and no call", e, f.sent)
		}
	})
}

// TestRetryBudget counts requests once, and both retries and fallbacks against it.
func TestRetryBudget(t *testing.T) {
	f := newFakes("a", "b", "c")
	f.script["a"], f.script["b"] = []action{failing(llm.FaultServer, 500)}, []action{failing(llm.FaultServer, 503)}
	if _, err := f.serve(t, t.Context(), request(false)); err != nil {
		t.Fatal(err)
	}
	if f.counted != 1 || f.retries != 100-4 { // one retry and one fallback each
		t.Errorf("counted %d times, %d taken; want 1 and 4", f.counted, 100-f.retries)
	}
	f.retries, f.sent, f.records = 0, nil, nil
	_, err := f.serve(t, t.Context(), request(false))
	if e := llm.AsError(err); e.Status != 500 || cmp.Diff([]string{"a"}, f.sent) != "" {
		t.Errorf("with nothing left: %v after %v, want a's 500 alone", err, f.sent)
	}
	for _, fault := range []llm.Fault{llm.FaultContextLength, llm.FaultRefused} { // no outage
		f.script["a"], f.script["b"] = []action{failing(fault, 400)}, []action{plain("b")}
		f.retries, f.sent, f.records = 0, nil, nil
		if _, err := f.serve(t, t.Context(), request(false)); err != nil || strings.Join(f.sent, "") != "ab" {
			t.Errorf("after %s: %v after %v, want the fallback", fault, err, f.sent)
		}
	}
}

// TestCoolingWithoutRetryAfterMayBeAsked asks a target that is cooling
// down though its provider set no time to wait.
func TestCoolingWithoutRetryAfterMayBeAsked(t *testing.T) {
	f := newFakes("a", "b")
	f.stats = map[string]time.Duration{"a": time.Minute, "b": time.Second}
	f.cooling["b"] = "rate_limited"
	got, err := f.serve(t, t.Context(), request(false))
	if err != nil || got.text != "hello from a" {
		t.Errorf("Serve = %q, %v; want a's answer: it may be asked, and b may not", got.text, err)
	}
}

// TestErrorsAreRedactedBeforeTheyAreRecorded quotes a secret before and within a stream.
func TestErrorsAreRedactedBeforeTheyAreRecorded(t *testing.T) {
	said := &llm.Error{Status: 500, Fault: llm.FaultServer, Message: "the secret is wrong"}
	for name, p := range map[string]action{"refused": {err: said}, "broken off": broken(said, "one ")} {
		f := newFakes("a")
		f.script["a"], f.applied = []action{p}, []llm.Applied{{Plugin: "p", Fault: "it read secret"}}
		_, err := f.serve(t, t.Context(), request(true))
		r := f.records[0]
		for _, text := range []string{r.Attempts[0].Transforms[0].Fault, llm.AsError(err).Message, err.Error(), r.Error, r.Attempts[0].Error} {
			if strings.Contains(text, "secret") || !strings.Contains(text, "REDACTED") {
				t.Errorf("%s: %q, want it redacted", name, text)
			}
		}
	}
}

// TestWorkaroundsAreNotRetries tries once more without what the gateway had added, and
// never twice for the same reason.
func TestWorkaroundsAreNotRetries(t *testing.T) {
	f := newFakes("a")
	f.route.Retries.Attempts = 1
	f.workarounds = map[llm.Code]llm.Quirks{"upstream_said_no": llm.NoStreamUsage}
	f.script["a"] = []action{failing(llm.FaultBadRequest, 422), plain("fine")}
	got, err := f.serve(t, t.Context(), request(false))
	if err != nil || got.text != "fine" || len(f.sent) != 2 {
		t.Errorf("Serve = %q, %v after %v; want the second answer", got.text, err, f.sent)
	}
	f.script["a"], f.sent, f.records, f.tried = []action{failing(llm.FaultBadRequest, 422)}, nil, nil, nil
	_, err = f.serve(t, t.Context(), request(false))
	want := []llm.Quirks{0, llm.NoStreamUsage}
	if e := llm.AsError(err); e.Status != 422 || cmp.Diff(want, f.tried) != "" {
		t.Errorf("Serve = %v, tried with %v; want 422 after %v", err, f.tried, want)
	}
}
