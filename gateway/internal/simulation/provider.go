package main

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// provider simulates one target: how long it takes, what it refuses, and what it has cached.
type provider struct {
	model
	scenario *scenario
	price    llm.Price
	start    time.Time

	mu       sync.Mutex // for what follows
	limits   *limits
	inflight int
	cached   map[string]prefix
}

// prefix is the prompt of a session that the provider has cached.
type prefix struct {
	tokens  int64
	expires time.Time
}

// cacheLife is how long a provider keeps a prompt.
const cacheLife = 5 * time.Minute

func newProvider(s *scenario, m model, start time.Time) *provider {
	return &provider{model: m, scenario: s, price: m.target().Price, start: start, limits: newLimits(m.limit), cached: map[string]prefix{}}
}

// times are how long a reply takes to its first token and from there to its end.
type times struct{ first, rest time.Duration }

// expected is what a request takes without chance, if it were sent now.
func (p *provider) expected(now time.Time, t *turn) times {
	slower := 1.0
	if in := p.scenario.incidentAt(p.id, now.Sub(p.start)); in != nil && in.slower > 0 {
		slower = in.slower
	}
	if p.slots > 0 {
		slower *= max(float64(p.inflight)/float64(p.slots), 1)
	}
	return times{first: time.Duration(float64(p.first) * slower), rest: time.Duration(float64(t.output) / p.speed * slower * float64(time.Second))}
}

// drawn is what the request takes. The same request takes the same at the same target,
// whichever strategy has sent it there.
func (p *provider) drawn(now time.Time, t *turn) times {
	x := p.expected(now, t)
	random := rand.New(rand.NewPCG(t.seed, llm.StickyHash("time", p.id)))
	x.first = time.Duration(float64(x.first) * math.Exp(random.NormFloat64()*p.jitter))
	x.rest = time.Duration(float64(x.rest) * math.Exp(random.NormFloat64()*p.jitter/2))
	return x
}

// refusing returns what the target answers instead of serving: nothing when it serves, a status,
// or silence.
func (p *provider) refusing(now time.Time) (status int, silent bool) {
	in := p.scenario.incidentAt(p.id, now.Sub(p.start))
	switch {
	case in == nil:
		return 0, false
	case in.hung:
		return 0, true
	case in.down:
		return http.StatusServiceUnavailable, false
	}
	return 0, false
}

// usage is what the request is billed for at this target now.
func (p *provider) usage(now time.Time, session string, t *turn, output int64) llm.Usage {
	u := llm.Usage{Input: t.prompt, Output: output}
	if c := p.cached[session]; session != "" && now.Before(c.expires) {
		u.CacheRead = min(c.tokens, t.prompt)
	}
	return u
}

// call answers a request. The error is that of a connection.
func (p *provider) call(ctx context.Context, r *running) (*llm.Answer, error) {
	now := time.Now()
	status, silent := p.refusing(now)
	if silent {
		<-ctx.Done()
		return nil, &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultNetwork, Message: "the provider does not answer", Err: ctx.Err()}
	}
	if status > 0 {
		return answer(status, http.Header{}, `{"error":{"message":"The service is unavailable.","type":"server_error"}}`), nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.limits.take(now, r.turn.prompt+r.turn.output)
	if !ok {
		return answer(http.StatusTooManyRequests, h, `{"error":{"message":"Rate limit reached.","type":"requests","code":"rate_limit_exceeded"}}`), nil
	}
	p.inflight++
	r.served = &body{provider: p, times: p.drawn(now, r.turn), usage: p.usage(now, r.session, r.turn, r.turn.output)}
	return &llm.Answer{Status: http.StatusOK, Header: h, Body: r.served}, nil
}

// body is the answer of a provider that serves. It has no text: its stream is made of its times.
type body struct {
	provider *provider
	times    times
	usage    llm.Usage
	once     sync.Once
}

// Read implements io.Reader. There is always something to read: when it is read is up to reply.
func (b *body) Read(p []byte) (int, error) { return len(p), nil }

// Close ends the request at the provider.
func (b *body) Close() error {
	b.once.Do(func() {
		b.provider.mu.Lock()
		defer b.provider.mu.Unlock()
		b.provider.inflight--
	})
	return nil
}

// keep notes a prompt that was served.
func (p *provider) keep(session string, tokens int64) {
	if session == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cached[session] = prefix{tokens, time.Now().Add(cacheLife)}
}

func answer(status int, h http.Header, text string) *llm.Answer {
	return &llm.Answer{Status: status, Header: h, Body: io.NopCloser(strings.NewReader(text))}
}
