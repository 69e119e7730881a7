package ratelimit

import (
	"net/http"
	"testing"
	"time"
)

var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestRead(t *testing.T) {
	got := Read(http.Header{
		"X-Ratelimit-Remaining-Requests":             {"9"},
		"X-Ratelimit-Limit-Requests":                 {"60"},
		"X-Ratelimit-Reset-Requests":                 {"30s"},
		"Anthropic-Ratelimit-Input-Tokens-Remaining": {"700"},
		"Anthropic-Ratelimit-Input-Tokens-Reset":     {"2026-11-22T12:00:07Z"},
		"Anthropic-Ratelimit-Tokens-Remaining":       {"900"},
		"X-Ratelimit-Remaining-Req-Minute":           {"12"},
	}, testNow)
	want := Remaining{Requests: 9, Tokens: 700, RequestShare: 0.15, TokenShare: -1, RequestsUntil: testNow.Add(30 * time.Second), TokensUntil: testNow.Add(7 * time.Second)}
	if got != want {
		t.Errorf("Read = %+v, want %+v", got, want)
	}
	if got := Read(http.Header{"X-Ratelimit-Remaining-Requests": {"-1"}, "X-Ratelimit-Remaining-Tokens": {"many"}}, testNow); got != Unknown() {
		t.Errorf("Read of nonsense = %+v, want nothing known", got)
	}
}

// TestShares has limits that make no share of what is left, and a count above its limit.
func TestShares(t *testing.T) {
	for limit, want := range map[string]float64{"200": 0.5, "100": 1, "50": 1, "0": -1, "-5": -1, "many": -1, "": -1} {
		got := Read(http.Header{"Anthropic-Ratelimit-Tokens-Remaining": {"100"}, "Anthropic-Ratelimit-Tokens-Limit": {limit}}, testNow)
		if got.Tokens != 100 || got.TokenShare != want || got.RequestShare != -1 {
			t.Errorf("with a limit of %q: %+v, want a share of %v", limit, got, want)
		}
	}
}

func TestReset(t *testing.T) {
	h := http.Header{"X-Ratelimit-Remaining-Requests": {"0"}, "X-Ratelimit-Reset-Requests": {"2s"},
		"X-Ratelimit-Remaining-Tokens": {"5"}, "X-Ratelimit-Reset-Tokens": {"9h"}}
	if got := Reset(h, testNow); got != 2*time.Second {
		t.Errorf("Reset = %v, want that of the limit that is used up, 2s", got)
	}
}

func TestDelay(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"": 0, "2": 2 * time.Second, "0.5": 500 * time.Millisecond, "1m0.2s": 60200 * time.Millisecond, "NaN": 0, "-3": 0, "-3s": 0,
		"soon": 0, "1e18": MaxDelay, "2026-11-22T12:00:07Z": 7 * time.Second, "Sun, 22 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"1795348805000": 5 * time.Second, "1795348805": 5 * time.Second,
	} {
		if got := Delay(in, testNow); got != want {
			t.Errorf("Delay(%q) = %v, want %v", in, got, want)
		}
	}
}

// TestFamilies has the headers of each family of providers as they come in a reply.
func TestFamilies(t *testing.T) {
	until := func(d time.Duration) time.Time { return testNow.Add(d) }
	for name, c := range map[string]struct {
		header map[string]string
		want   Remaining
	}{
		"OpenAI": {map[string]string{"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499", "x-ratelimit-reset-requests": "120ms",
			"x-ratelimit-limit-tokens": "200000", "x-ratelimit-remaining-tokens": "150000", "x-ratelimit-reset-tokens": "15s"},
			Remaining{499, 150_000, 0.998, 0.75, until(120 * time.Millisecond), until(15 * time.Second)}},
		"Groq, whose requests are per day": {map[string]string{"x-ratelimit-limit-requests": "14400", "x-ratelimit-remaining-requests": "7200", "x-ratelimit-reset-requests": "2m59.56s"},
			Remaining{7200, -1, 0.5, -1, until(179560 * time.Millisecond), time.Time{}}},
		"Anthropic": {map[string]string{"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49", "anthropic-ratelimit-requests-reset": "2026-11-22T12:00:02Z",
			"anthropic-ratelimit-input-tokens-limit": "50000", "anthropic-ratelimit-input-tokens-remaining": "20000", "anthropic-ratelimit-input-tokens-reset": "2026-11-22T12:00:36Z",
			"anthropic-ratelimit-output-tokens-limit": "10000", "anthropic-ratelimit-output-tokens-remaining": "9000", "anthropic-ratelimit-output-tokens-reset": "2026-11-22T12:00:06Z"},
			Remaining{49, 20_000, 0.98, 0.4, until(2 * time.Second), until(36 * time.Second)}},
		"Azure": {map[string]string{"x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "8",
			"x-ratelimit-limit-tokens": "10000", "x-ratelimit-remaining-tokens": "2500", "x-ratelimit-reset-tokens": "37"},
			Remaining{3, 2500, 0.3, 0.25, until(8 * time.Second), until(37 * time.Second)}},
		"Azure, without limits and resets": {map[string]string{"x-ratelimit-remaining-requests": "3", "x-ratelimit-remaining-tokens": "2500"},
			Remaining{3, 2500, -1, -1, until(time.Minute), until(time.Minute)}},
		"Mistral": {map[string]string{"x-ratelimit-limit-req-minute": "60", "x-ratelimit-remaining-req-minute": "15", "x-ratelimit-limit-tokens-minute": "500000", "x-ratelimit-remaining-tokens-minute": "250000"},
			Remaining{15, 250_000, 0.25, 0.5, until(time.Minute), until(time.Minute)}},
		"OpenRouter, in Unix milliseconds": {map[string]string{"x-ratelimit-limit": "20", "x-ratelimit-remaining": "5", "x-ratelimit-reset": "1795348805000"},
			Remaining{5, -1, 0.25, -1, until(5 * time.Second), time.Time{}}},
	} {
		if got := Read(header(c.header), testNow); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func header(values map[string]string) http.Header {
	h := http.Header{}
	for name, v := range values {
		h.Set(name, v)
	}
	return h
}

// TestAbsurdHeaders has values that no provider should send.
func TestAbsurdHeaders(t *testing.T) {
	for _, v := range []string{"-1", "NaN", "Inf", "1e3", "99999999999999999999", "0x10", "", " ", "1,000", "many"} {
		if got := Read(header(map[string]string{"x-ratelimit-remaining-requests": v, "x-ratelimit-limit-requests": "10"}), testNow); got != Unknown() {
			t.Errorf("%q requests left: %+v, want nothing known", v, got)
		}
		got := Read(header(map[string]string{"x-ratelimit-remaining-tokens": "5", "x-ratelimit-limit-tokens": v}), testNow)
		if got.Tokens != 5 || got.TokenShare != -1 {
			t.Errorf("a limit of %q: %+v, want 5 tokens and no share", v, got)
		}
	}
	for _, reset := range []string{"-5", "-5s", "NaN", "soon", "2020-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "1e300", "9223372036854775807s", "99999999h", "253402300799", "253402300799999"} {
		got := Read(header(map[string]string{"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset}), testNow)
		if wait := got.RequestsUntil.Sub(testNow); got.Requests != 0 || wait < 0 || wait > MaxDelay {
			t.Errorf("a reset at %q: %+v, %v from now", reset, got, wait)
		}
		if wait := Reset(header(map[string]string{"x-ratelimit-reset-requests": reset}), testNow); wait < 0 || wait > MaxDelay {
			t.Errorf("Reset of %q = %v", reset, wait)
		}
	}
}

// FuzzRead reads any values: what is left is never negative except for unknown, shares lie
// between 0 and 1, and times within a day.
func FuzzRead(f *testing.F) {
	f.Add("9", "60", "30s")
	f.Add("1795348805000", "-1", "2026-11-22T12:00:07Z")
	f.Add("0", "NaN", "253402300799999")
	f.Fuzz(func(t *testing.T, left, limit, reset string) {
		h := http.Header{"X-Ratelimit-Remaining-Requests": {left}, "X-Ratelimit-Limit-Requests": {limit}, "X-Ratelimit-Reset-Requests": {reset},
			"Anthropic-Ratelimit-Tokens-Remaining": {reset}, "Anthropic-Ratelimit-Tokens-Limit": {left}, "Anthropic-Ratelimit-Tokens-Reset": {limit}}
		r := Read(h, testNow)
		for _, n := range []int64{r.Requests, r.Tokens} {
			if n < -1 {
				t.Errorf("%d are left", n)
			}
		}
		for _, share := range []float64{r.RequestShare, r.TokenShare} {
			if !(share == -1 || share >= 0 && share <= 1) {
				t.Errorf("a share of %v is left", share)
			}
		}
		for _, until := range []time.Time{r.RequestsUntil, r.TokensUntil} {
			if wait := until.Sub(testNow); !until.IsZero() && (wait < 0 || wait > MaxDelay) {
				t.Errorf("the limit is reset in %v", wait)
			}
		}
		if wait := Reset(h, testNow); wait < 0 || wait > MaxDelay {
			t.Errorf("Reset = %v", wait)
		}
	})
}
