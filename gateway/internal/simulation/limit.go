package main

import (
	"net/http"
	"strconv"
	"time"
)

// limit is a provider's rate limit, in its own way of counting and of saying so. Zero counts
// mean no limit.
type limit struct {
	// requests and tokens are per minute.
	requests, tokens float64
	family           family
}

// family is how a provider counts and what its headers are called.
type family int

const (
	// openAI refills continuously and says how long it takes until all is there again.
	openAI family = iota
	// anthropic refills continuously and says when all is there again.
	anthropic
	// azure counts anew every minute and says after how many seconds, and in a refusal also in
	// milliseconds.
	azure
)

// counter is one limit of a target at work.
type counter struct {
	most, left float64
	at         time.Time
}

// fill adds what has come back since the last call.
func (c *counter) fill(now time.Time, f family) {
	defer func() { c.at = now }()
	switch {
	case c.at.IsZero():
		c.left = c.most
	case f == azure:
		if now.Truncate(time.Minute).After(c.at) {
			c.left = c.most
		}
	default:
		c.left = min(c.left+c.most*now.Sub(c.at).Minutes(), c.most)
	}
}

// wait returns how long it takes until n more are left.
func (c *counter) wait(now time.Time, f family, n float64) time.Duration {
	if f == azure {
		return now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	}
	return time.Duration(max(n-c.left, 0) / c.most * float64(time.Minute))
}

// limits are those of one target at work.
type limits struct {
	family           family
	requests, tokens counter
}

func newLimits(l limit) *limits {
	return &limits{family: l.family, requests: counter{most: l.requests}, tokens: counter{most: l.tokens}}
}

// fits reports whether a request of so many tokens would be taken now.
func (l *limits) fits(now time.Time, tokens int64) bool {
	l.requests.fill(now, l.family)
	l.tokens.fill(now, l.family)
	return (l.requests.most == 0 || l.requests.left >= 1) && (l.tokens.most == 0 || l.tokens.left >= float64(tokens))
}

// take counts a request and returns the headers of its reply, and whether it is taken.
func (l *limits) take(now time.Time, tokens int64) (http.Header, bool) {
	ok := l.fits(now, tokens)
	if ok {
		l.requests.left--
		l.tokens.left -= float64(tokens)
	}
	h := http.Header{}
	l.write(h, now, "Requests", &l.requests)
	l.write(h, now, "Tokens", &l.tokens)
	if ok {
		return h, true
	}
	wait := time.Duration(0)
	if l.requests.most > 0 {
		wait = l.requests.wait(now, l.family, 1)
	}
	if l.tokens.most > 0 {
		wait = max(wait, l.tokens.wait(now, l.family, float64(tokens)))
	}
	h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	if l.family == azure {
		h.Set("Retry-After-Ms", strconv.FormatInt(wait.Milliseconds(), 10))
	}
	return h, false
}

// share returns what is left, as a share of the limit that is nearest to its end.
func (l *limits) share(now time.Time) float64 {
	share := 1.0
	for _, c := range []*counter{&l.requests, &l.tokens} {
		if c.most > 0 {
			c.fill(now, l.family)
			share = min(share, c.left/c.most)
		}
	}
	return share
}

func (l *limits) write(h http.Header, now time.Time, unit string, c *counter) {
	if c.most == 0 {
		return
	}
	most, left := strconv.Itoa(int(c.most)), strconv.Itoa(int(max(c.left, 0)))
	full := c.wait(now, l.family, c.most)
	switch l.family {
	case anthropic:
		h.Set("Anthropic-Ratelimit-"+unit+"-Limit", most)
		h.Set("Anthropic-Ratelimit-"+unit+"-Remaining", left)
		h.Set("Anthropic-Ratelimit-"+unit+"-Reset", now.Add(full).UTC().Format(time.RFC3339))
	case azure:
		h.Set("X-Ratelimit-Limit-"+unit, most)
		h.Set("X-Ratelimit-Remaining-"+unit, left)
		h.Set("X-Ratelimit-Reset-"+unit, strconv.Itoa(int(full.Seconds()+1)))
	default:
		h.Set("X-Ratelimit-Limit-"+unit, most)
		h.Set("X-Ratelimit-Remaining-"+unit, left)
		h.Set("X-Ratelimit-Reset-"+unit, full.Round(time.Millisecond).String())
	}
}
