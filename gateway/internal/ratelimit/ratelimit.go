// Package ratelimit reads what providers' headers say about their rate limits: how much
// is left, when a limit is reset, and how long to wait. It counts nothing itself, and
// knows no error bodies.
package ratelimit

import (
	"net/http"
	"strconv"
	"time"
)

// limitHeader names the headers of one limit.
type limitHeader struct {
	remaining, reset string
	tokens           bool
}

// limitHeaders are the limits that providers speak of, the commonest first. The
// names are in canonical form.
var limitHeaders = [...]limitHeader{
	{"X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests", false},
	{"X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens", true},
	{"Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Reset", false},
	{"Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Reset", true},
	{"Anthropic-Ratelimit-Input-Tokens-Remaining", "Anthropic-Ratelimit-Input-Tokens-Reset", true},
	{"Anthropic-Ratelimit-Output-Tokens-Remaining", "Anthropic-Ratelimit-Output-Tokens-Reset", true},
	{"X-Ratelimit-Remaining-Req-Minute", "", false},
	{"X-Ratelimit-Remaining-Tokens-Minute", "", true},
	{"X-Ratelimit-Remaining", "X-Ratelimit-Reset", false},
}

// defaultReset is how long a remaining count is believed when no header says when the
// limit is reset.
const defaultReset = time.Minute

// Remaining is what a provider says is left of its limits, and until when that holds.
// A negative count means that the provider does not say.
type Remaining struct {
	Requests, Tokens           int64
	RequestsUntil, TokensUntil time.Time
}

// Read returns what a reply's headers say is left. Of several limits on the same unit
// the tightest counts.
func Read(h http.Header, now time.Time) Remaining {
	r := Remaining{Requests: -1, Tokens: -1}
	for i := range limitHeaders {
		l := &limitHeaders[i]
		v := h[l.remaining]
		if len(v) == 0 {
			continue
		}
		n, err := strconv.ParseInt(v[0], 10, 64)
		if err != nil || n < 0 {
			continue
		}
		until := now.Add(defaultReset)
		if reset := h[l.reset]; len(reset) > 0 {
			until = now.Add(min(Delay(reset[0], now), MaxDelay))
		}
		if l.tokens && (r.Tokens < 0 || n < r.Tokens) {
			r.Tokens, r.TokensUntil = n, until
		}
		if !l.tokens && (r.Requests < 0 || n < r.Requests) {
			r.Requests, r.RequestsUntil = n, until
		}
	}
	return r
}

// Reset returns how long it takes until the limits that are used up are reset: of
// several, the last. A limit without a remaining count is taken to be used up, so it is
// for refused requests only. It is 0 when no header says so.
func Reset(h http.Header, now time.Time) time.Duration {
	var longest time.Duration
	for _, l := range limitHeaders {
		if left := h.Get(l.remaining); left != "" && left != "0" {
			continue
		}
		longest = max(longest, Delay(h.Get(l.reset), now))
	}
	return longest
}
