package upstream

import (
	"net/http"
	"strconv"
	"time"
)

// limit names the headers of one limit.
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

// unsaidReset is how long a count of what remains is believed when its headers do
// not say when it is filled again.
const unsaidReset = time.Minute

// remaining is what a provider says is left in its window: negative counts mean
// that it does not say.
type remaining struct {
	requests, tokens           int64
	requestsUntil, tokensUntil time.Time
}

// readRemaining reads the limits off a reply's headers. Of several limits on the
// same unit the tightest counts.
func readRemaining(h http.Header, now time.Time) remaining {
	r := remaining{requests: -1, tokens: -1}
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
		until := now.Add(unsaidReset)
		if reset := h[l.reset]; len(reset) > 0 {
			until = now.Add(min(delay(reset[0], now), maxRetryAfter))
		}
		if l.tokens && (r.tokens < 0 || n < r.tokens) {
			r.tokens, r.tokensUntil = n, until
		}
		if !l.tokens && (r.requests < 0 || n < r.requests) {
			r.requests, r.requestsUntil = n, until
		}
	}
	return r
}
