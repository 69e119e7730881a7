package upstream

import (
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// remaining estimates what is left of a lane's limits: what the reply to the latest attempt
// said, less what has been sent since that attempt. A reply does not count the requests behind
// it, which are in flight or whose replies are still to come.
type remaining struct {
	said ratelimit.Remaining
	// sent is all that has been sent, by what had been sent with the attempts that said it:
	// a reply need not speak of both limits.
	sent, by sent
	// latest is the number of the attempt whose reply was read last.
	latest int64
}

// sent counts what a provider was sent.
type sent struct{ requests, tokens int64 }

// left is what is left of one limit; negative where it is unknown. The share is that of the
// limit, 0 to 1.
type left struct {
	count int64
	share float64
}

// send counts an attempt, and returns what has been sent with it.
func (l *lane) send(tokens int64) sent {
	l.left.sent.requests++
	l.left.sent.tokens += max(tokens, 0)
	return l.left.sent
}

// updateRemaining takes over what a reply says about the provider's limits, unless the reply to
// a later attempt has said more. by is what had been sent with the attempt.
func (l *lane) updateRemaining(h http.Header, by sent, now time.Time) {
	if h == nil || by.requests <= l.left.latest {
		return
	}
	r, said := ratelimit.Read(h, now), &l.left.said
	l.left.latest = by.requests
	if r.Requests >= 0 {
		said.Requests, said.RequestShare, said.RequestsUntil = r.Requests, r.RequestShare, r.RequestsUntil
		l.left.by.requests = by.requests
	}
	if r.Tokens >= 0 {
		said.Tokens, said.TokenShare, said.TokensUntil = r.Tokens, r.TokenShare, r.TokensUntil
		l.left.by.tokens = by.tokens
	}
}

func (r *remaining) requests(now time.Time) left {
	return leftOf(r.said.Requests, r.said.RequestShare, r.sent.requests-r.by.requests, now.Before(r.said.RequestsUntil))
}

func (r *remaining) tokens(now time.Time) left {
	return leftOf(r.said.Tokens, r.said.TokenShare, r.sent.tokens-r.by.tokens, now.Before(r.said.TokensUntil))
}

// leftOf returns what is left of a limit of which so much has been used since it was said. It
// is unknown once the limit has been reset.
func leftOf(said int64, share float64, used int64, valid bool) left {
	if !valid || said < 0 {
		return left{-1, -1}
	}
	l := left{max(said-used, 0), share}
	if share > 0 && said > 0 {
		l.share = share * float64(l.count) / float64(said)
	}
	return l
}
