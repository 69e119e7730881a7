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
