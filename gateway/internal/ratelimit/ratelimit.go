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
	remaining, limit, reset string
	tokens                  bool
}

// limitHeaders are the limits that providers speak of, the commonest first. The
// names are in canonical form.
var limitHeaders = [...]limitHeader{
	{"X-Ratelimit-Remaining-Requests", "X-Ratelimit-Limit-Requests", "X-Ratelimit-Reset-Requests", false},
	{"X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Limit-Tokens", "X-Ratelimit-Reset-Tokens", true},
	{"Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Limit", "Anthropic-Ratelimit-Requests-Reset", false},
	{"Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Limit", "Anthropic-Ratelimit-Tokens-Reset", true},
	{"Anthropic-Ratelimit-Input-Tokens-Remaining", "Anthropic-Ratelimit-Input-Tokens-Limit", "Anthropic-Ratelimit-Input-Tokens-Reset", true},
	{"Anthropic-Ratelimit-Output-Tokens-Remaining", "Anthropic-Ratelimit-Output-Tokens-Limit", "Anthropic-Ratelimit-Output-Tokens-Reset", true},
	{"X-Ratelimit-Remaining-Req-Minute", "X-Ratelimit-Limit-Req-Minute", "", false},
	{"X-Ratelimit-Remaining-Tokens-Minute", "X-Ratelimit-Limit-Tokens-Minute", "", true},
	{"X-Ratelimit-Remaining", "X-Ratelimit-Limit", "X-Ratelimit-Reset", false},
}

// defaultReset is how long a remaining count is believed when no header says when the
// limit is reset.
const defaultReset = time.Minute

// Remaining is what a provider says is left of its limits, and until when that holds.
// A negative count or share means that the provider does not say.
type Remaining struct {
	Requests, Tokens int64
	// RequestShare and TokenShare are what is left of the same limits, 0 to 1.
	RequestShare, TokenShare   float64
	RequestsUntil, TokensUntil time.Time
}

// Unknown returns what is known of a provider that says nothing.
func Unknown() Remaining {
	return Remaining{Requests: -1, Tokens: -1, RequestShare: -1, TokenShare: -1}
}

// Read returns what a reply's headers say is left. Of several limits on the same unit
// the tightest counts.
func Read(h http.Header, now time.Time) Remaining {
	r := Unknown()
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
		part := share(n, h[l.limit])
		if l.tokens && tighter(n, r.Tokens, part, r.TokenShare) {
			r.Tokens, r.TokenShare, r.TokensUntil = n, part, until
		}
		if !l.tokens && tighter(n, r.Requests, part, r.RequestShare) {
			r.Requests, r.RequestShare, r.RequestsUntil = n, part, until
		}
	}
	return r
}

// tighter reports whether a limit of which n are left is nearer to its end than another one: by
// their shares if both are known, since a provider's limits on input and on output differ in
// size.
func tighter(n, other int64, share, otherShare float64) bool {
	if share >= 0 && otherShare >= 0 {
		return share < otherShare
	}
	return other < 0 || n < other
}

// share returns which part of a limit n is, 0 to 1; negative when the limit is unknown.
func share(n int64, limit []string) float64 {
	if len(limit) == 0 {
		return -1
	}
	most, err := strconv.ParseInt(limit[0], 10, 64)
	if err != nil || most <= 0 {
		return -1
	}
	return min(float64(n)/float64(most), 1)
}

// Reset returns how long it takes until the limits that are used up are reset: of
// several, the last. A limit without a remaining count is taken to be used up, so it is
// for refused requests only. It is 0 when no header says so, and at most MaxDelay.
func Reset(h http.Header, now time.Time) time.Duration {
	var longest time.Duration
	for _, l := range limitHeaders {
		if left := h.Get(l.remaining); left != "" && left != "0" {
			continue
		}
		longest = max(longest, Delay(h.Get(l.reset), now))
	}
	return min(longest, MaxDelay)
}
