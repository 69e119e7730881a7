package pipeline

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestRefusedCredentialsAreReplaced has a target with three credentials refuse the first
// ones: the same target is asked with the next one at once, in the same try.
func TestRefusedCredentialsAreReplaced(t *testing.T) {
	for name, tt := range map[string]struct {
		script  []action
		retries int // taken from the budget
		want    string
	}{
		"401":               {[]action{failing(llm.FaultAuth, 401), plain("fine")}, 0, "a#1 a#2"},
		"402, then 429":     {[]action{failing(llm.FaultQuota, 402), rateLimited(30 * time.Second), plain("fine")}, 1, "a#1 a#2 a#3"},
		"too little credit": {[]action{failing(llm.FaultRefused, 402), plain("fine")}, 0, "a#1 a#2"},
		"a 500":             {[]action{failing(llm.FaultServer, 500), plain("fine")}, 1, "a#1 a#1"}, // an ordinary retry
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a", "b")
				f.credentials = map[string][]string{"a": {"a#1", "a#2", "a#3"}}
				f.script["a"] = tt.script
				start := time.Now()
				got, err := f.serve(t, t.Context(), request(true))
				if err != nil || got.text != "fine" || strings.Join(f.signed, " ") != tt.want || 100-f.retries != tt.retries {
					t.Errorf("Serve = %q, %v with %v and %d retries, want %s and %d", got.text, err, f.signed, 100-f.retries, tt.want, tt.retries)
				}
				if name != "a 500" && time.Since(start) != 0 {
					t.Errorf("it took %v, want no pause", time.Since(start))
				}
				for i, a := range f.records[0].Attempts {
					if a.Credential != f.signed[i] || name != "a 500" && a.Try != 1 {
						t.Errorf("attempt %d is recorded with %q as try %d", i, a.Credential, a.Try)
					}
				}
			})
		})
	}
}

// TestAllCredentialsRefused falls back once every credential was refused, and not before the
// target's own tries are used up.
func TestAllCredentialsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		refusal action
		want    string
	}{
		"401":                    {failing(llm.FaultAuth, 401), "a#1 a#2 b"},
		"429 for long":           {rateLimited(30 * time.Second), "a#1 a#2 b"},
		"429 for a moment":       {rateLimited(300 * time.Millisecond), "a#1 a#2 a#1 a#2 b"},
		"the caller's own fault": {failing(llm.FaultBadRequest, 400), "a#1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a", "b")
				f.credentials = map[string][]string{"a": {"a#1", "a#2"}, "b": {"b"}}
				f.script["a"] = []action{tt.refusal}
				if name == "429 for long" {
					f.opens["a"], f.cools = "rate_limited", 30*time.Second
				}
				_, err := f.serve(t, t.Context(), request(false))
				if strings.Join(f.signed, " ") != tt.want || (err != nil) != (tt.want == "a#1") {
					t.Errorf("Serve = %v with %v, want %s", err, f.signed, tt.want)
				}
			})
		})
	}
}

// TestRotationUnderLoad is kept back by the retry budget after a 429, not after a 401.
func TestRotationUnderLoad(t *testing.T) {
	for fault, want := range map[llm.Fault]string{llm.FaultRateLimited: "a#1", llm.FaultAuth: "a#1 a#2"} {
		f := newFakes("a")
		f.retries = 0
		f.credentials = map[string][]string{"a": {"a#1", "a#2"}}
		f.script["a"] = []action{failing(fault, 429), plain("fine")}
		_, err := f.serve(t, t.Context(), request(false))
		if strings.Join(f.signed, " ") != want {
			t.Errorf("%s: Serve = %v with %v, want %s", fault, err, f.signed, want)
		}
	}
}

// TestTheSoonestCredentialCounts gives the caller the time until the first credential may be
// used again.
func TestTheSoonestCredentialCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("a")
		f.credentials = map[string][]string{"a": {"a#1", "a#2"}}
		f.script["a"] = []action{rateLimited(9 * time.Second), rateLimited(40 * time.Second)}
		f.opens["a"], f.cools = "rate_limited", 9*time.Second
		_, err := f.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Status != 429 || e.RetryAfter != 9*time.Second || !e.Retried {
			t.Errorf("Serve = %+v, want the 429 with 9 s", e)
		}
	})
}

// TestLongRetryAfterFallsBackAtOnce asks the next target when the provider wants more time
// than there is, or than is worth waiting.
func TestLongRetryAfterFallsBackAtOnce(t *testing.T) {
	for _, tt := range []struct{ asked, total, took time.Duration }{
		{300 * time.Millisecond, 10 * time.Minute, 300 * time.Millisecond}, // waits, and is refused again
		{30 * time.Second, 10 * time.Minute, 0},
		{3 * time.Second, 2 * time.Second, 0}, // beyond the deadline
		{900 * time.Millisecond, time.Second, 0},
		{24 * time.Hour, 10 * time.Minute, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakes("a", "b")
			f.route.Timeout.Total, f.route.Retries.Max = tt.total, 5*time.Second
			f.script["a"] = []action{rateLimited(tt.asked)}
			start := time.Now()
			got, err := f.serve(t, t.Context(), request(false))
			if err != nil || got.text != "hello from b" || time.Since(start) != tt.took {
				t.Errorf("Retry-After %v of %v: %q, %v after %v, want b's answer after %v", tt.asked, tt.total, got.text, err, time.Since(start), tt.took)
			}
		})
	}
}

// TestTotalOfRetries bounds retries and fallbacks of one request together.
func TestTotalOfRetries(t *testing.T) {
	for _, tt := range []struct {
		fault llm.Fault
		total int
		want  string
	}{
		{llm.FaultServer, 10, "aabbccd"}, {llm.FaultServer, 3, "aabb"}, {llm.FaultServer, 1, "aa"}, {llm.FaultServer, 0, "a"},
		{llm.FaultRefused, 2, "abc"}, {llm.FaultRefused, 0, "a"}, {llm.FaultUnsupported, 0, "abcd"}, // which was not asked
	} {
		f := newFakes("a", "b", "c", "d")
		f.route.Retries.Total = tt.total
		for _, id := range []string{"a", "b", "c"} {
			f.script[id] = []action{failing(tt.fault, 500)}
		}
		got, err := f.serve(t, t.Context(), request(false))
		if answered := strings.HasSuffix(tt.want, "d"); strings.Join(f.sent, "") != tt.want || (err == nil) != answered {
			t.Errorf("%s with %d in all: %q, %v after %v, want %s", tt.fault, tt.total, got.text, err, f.sent, tt.want)
		}
	}
}

// TestCallersAreToldNotToRetry says so when a target was asked: the route says how often that
// is tried. Where none was, it is left to the caller.
func TestCallersAreToldNotToRetry(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*fakes)
		failed action
		want   bool
	}{
		"after a retry":           {func(*fakes) {}, failing(llm.FaultServer, 500), true},
		"after a fallback":        {func(f *fakes) { f.route.Retries.Attempts, f.route.Targets = 1, append(f.route.Targets, target("a2")) }, failing(llm.FaultServer, 500), true},
		"no tries are configured": {func(f *fakes) { f.route.Retries.Attempts = 1 }, failing(llm.FaultServer, 500), true},
		"the budget is used up":   {func(f *fakes) { f.retries = 0 }, failing(llm.FaultServer, 500), true},
		"the total is used up":    {func(f *fakes) { f.route.Retries.Total = 0 }, failing(llm.FaultServer, 500), true},
		"a long Retry-After":      {func(*fakes) {}, rateLimited(20 * time.Second), true},
		"another key was tried":   {func(f *fakes) { f.credentials = map[string][]string{"a": {"x", "y"}} }, rateLimited(20 * time.Second), true},
		"the caller's own fault":  {func(*fakes) {}, failing(llm.FaultBadRequest, 400), true},
		"a refused key":           {func(*fakes) {}, failing(llm.FaultAuth, 401), true},
		"it was not asked":        {func(f *fakes) { f.cooling["a"] = "server" }, plain(""), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a")
				f.script["a"], f.script["a2"] = []action{tt.failed}, []action{tt.failed}
				tt.change(f)
				_, err := f.serve(t, t.Context(), request(true))
				if e := llm.AsError(err); err == nil || e.Retried != tt.want {
					t.Errorf("Serve = %+v after %v, want retried: %v", e, f.sent, tt.want)
				}
			})
		})
	}
}

// TestOpenedByAnOperator says who keeps a target from being asked, without a time that means
// nothing.
func TestOpenedByAnOperator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for cools, want := range map[time.Duration]time.Duration{10 * time.Minute: 10 * time.Minute, 100 * 365 * 24 * time.Hour: 0} {
			f := newFakes("a")
			f.cooling["a"], f.cools = llm.CoolingForOperator, cools
			_, err := f.serve(t, t.Context(), request(true))
			e := llm.AsError(err)
			if diff := cmp.Diff("a was taken out of use by the gateway's operator.", e.Message); diff != "" || e.Status != 503 || e.RetryAfter != want {
				t.Errorf("Serve = %+v %s, want 503 and Retry-After %v", e, diff, want)
			}
		}
	})
}
