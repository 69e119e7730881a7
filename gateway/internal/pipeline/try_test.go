package pipeline

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func rateLimited(after time.Duration) play {
	return play{err: &llm.Error{Code: "slow_down", Status: 429, Fault: llm.FaultRateLimited, RetryAfter: after, Message: "slow"}}
}

// TestWhatTheProviderSaidIsKept has a target that opens its circuit, or asks to be left
// alone, with its first failure.
func TestWhatTheProviderSaidIsKept(t *testing.T) {
	for name, tt := range map[string]struct {
		first play
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
				w := newWorld("a")
				w.rests = 300 * time.Millisecond
				w.script["a"], w.opens["a"] = []play{tt.first}, tt.opens
				_, err := w.serve(t, t.Context(), request(true))
				if e := llm.AsError(err); e.Code != tt.code || cmp.Diff(tt.sent, w.sent) != "" {
					t.Errorf("Serve = %v after %v, want %s after %v", err, w.sent, tt.code, tt.sent)
				}
			})
		})
	}
}

// TestARestingFallbackSaysNothing falls back to a target that rests: the first one's
// error is the answer.
func TestARestingFallbackSaysNothing(t *testing.T) {
	w := newWorld("a", "b")
	w.script["a"], w.resting["b"] = []play{failing(llm.FaultQuota, 402)}, "server"
	_, err := w.serve(t, t.Context(), request(false))
	if e := llm.AsError(err); e.Status != 402 {
		t.Errorf("Serve = %v (status %d), want the quota's 402", err, e.Status)
	}
}

// TestALongRetryAfterIsTheCallers gives the 429 to the caller at once when the provider
// asks for more than the backoff's bound, and what comes meanwhile is told the time left.
func TestALongRetryAfterIsTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		w.route.Retries.Max = 5 * time.Second
		w.script["a"], w.opens["a"], w.rests = []play{rateLimited(12 * time.Second)}, "rate_limited", 12*time.Second
		start := time.Now()
		_, err := w.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Status != 429 || e.RetryAfter != 12*time.Second || time.Since(start) != 0 {
			t.Errorf("Serve = %+v after %v, want the 429 with its 12 s at once", e, time.Since(start))
		}
		w.records = nil
		_, err = w.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Status != 429 || e.RetryAfter != 12*time.Second || e.Retried || len(w.sent) != 1 {
			t.Errorf("the next: %+v after %v, want 429 with the time left and no call", e, w.sent)
		}
	})
}

// TestRetryBudget counts requests once, and both retries and fallbacks against it.
func TestRetryBudget(t *testing.T) {
	w := newWorld("a", "b", "c")
	w.script["a"], w.script["b"] = []play{failing(llm.FaultServer, 500)}, []play{failing(llm.FaultServer, 503)}
	if _, err := w.serve(t, t.Context(), request(false)); err != nil {
		t.Fatal(err)
	}
	if w.counted != 1 || w.retries != 100-4 { // one retry and one fallback each
		t.Errorf("counted %d times, %d taken; want 1 and 4", w.counted, 100-w.retries)
	}
	w.retries, w.sent, w.records = 0, nil, nil
	_, err := w.serve(t, t.Context(), request(false))
	if e := llm.AsError(err); e.Status != 500 || cmp.Diff([]string{"a"}, w.sent) != "" {
		t.Errorf("with nothing left: %v after %v, want a's 500 alone", err, w.sent)
	}
	for _, f := range []llm.Fault{llm.FaultContextLength, llm.FaultRefused} { // no outage
		w.script["a"], w.script["b"] = []play{failing(f, 400)}, []play{whole("b")}
		w.retries, w.sent, w.records = 0, nil, nil
		if _, err := w.serve(t, t.Context(), request(false)); err != nil || strings.Join(w.sent, "") != "ab" {
			t.Errorf("after %s: %v after %v, want the fallback", f, err, w.sent)
		}
	}
}

// TestASoftPauseIsNoRefusal asks a target that rests for a while that nobody named.
func TestASoftPauseIsNoRefusal(t *testing.T) {
	w := newWorld("a", "b")
	w.cooling = map[string]time.Duration{"a": time.Minute, "b": time.Second}
	w.resting["b"] = "rate_limited"
	got, err := w.serve(t, t.Context(), request(false))
	if err != nil || got.text != "hello from a" {
		t.Errorf("Serve = %q, %v; want a's answer: it may be asked, and b may not", got.text, err)
	}
}

// TestErrorsAreRedactedBeforeTheyAreRecorded quotes a secret before and within a stream.
func TestErrorsAreRedactedBeforeTheyAreRecorded(t *testing.T) {
	said := &llm.Error{Status: 500, Fault: llm.FaultServer, Message: "the secret is wrong"}
	for name, p := range map[string]play{"refused": {err: said}, "broken off": broken(said, "one ")} {
		w := newWorld("a")
		w.script["a"], w.applied = []play{p}, []llm.Applied{{Plugin: "p", Fault: "it read secret"}}
		_, err := w.serve(t, t.Context(), request(true))
		r := w.records[0]
		for _, text := range []string{r.Attempts[0].Transforms[0].Fault, llm.AsError(err).Message, err.Error(), r.Error, r.Attempts[0].Error} {
			if strings.Contains(text, "secret") || !strings.Contains(text, "REDACTED") {
				t.Errorf("%s: %q, want it redacted", name, text)
			}
		}
	}
}

// TestMendedTriesAreNotTheCallers tries once more without what the gateway had added, and
// never twice for the same reason.
func TestMendedTriesAreNotTheCallers(t *testing.T) {
	w := newWorld("a")
	w.route.Retries.Attempts = 1
	w.mends = map[llm.Code]llm.Quirks{"upstream_said_no": llm.NoStreamUsage}
	w.script["a"] = []play{failing(llm.FaultBadRequest, 422), whole("fine")}
	got, err := w.serve(t, t.Context(), request(false))
	if err != nil || got.text != "fine" || len(w.sent) != 2 {
		t.Errorf("Serve = %q, %v after %v; want the second answer", got.text, err, w.sent)
	}
	w.script["a"], w.sent, w.records, w.tried = []play{failing(llm.FaultBadRequest, 422)}, nil, nil, nil
	_, err = w.serve(t, t.Context(), request(false))
	want := []llm.Quirks{0, llm.NoStreamUsage}
	if e := llm.AsError(err); e.Status != 422 || cmp.Diff(want, w.tried) != "" {
		t.Errorf("Serve = %v, tried with %v; want 422 after %v", err, w.tried, want)
	}
}
