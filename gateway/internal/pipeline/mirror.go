package pipeline

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// mirror sends a copy of the request to the route's shadow target, if it is one of those that
// are sampled. Nobody waits for it, and it has a record of its own.
func (x *state) mirror() {
	m := x.route.Mirror
	if m == nil || !m.Samples(x.req.ID) {
		return
	}
	x.record.Mirrored = &llm.Mirrored{To: m.Name()}
	c, why := x.shadow(m)
	if why == "" {
		why = x.mirrors.start(x.route.Name, m, c)
	}
	if why != "" {
		x.record.Mirrored.Skipped = why
		return
	}
	x.record.Mirrored.ID = c.req.ID
}

// noteMirror says in the record of a dry run where a copy would go.
func (x *state) noteMirror() {
	if m := x.route.Mirror; m != nil && m.Samples(x.req.ID) {
		x.record.Mirrored = &llm.Mirrored{To: m.Name(), Skipped: "not sent in a dry run"}
	}
}

// shadow returns the copy of the request, and why there is none.
func (x *state) shadow(m *llm.Mirror) (c *state, why string) {
	if why := x.whyUnmirrored(); why != "" {
		return nil, why
	}
	req := x.copyRequest()
	if m.Target != nil {
		if why := x.whyForbidden(m.Target); why != "" {
			return nil, m.Target.ID + " is " + why
		}
		c = x.aside(req, []*llm.Target{m.Target})
	} else {
		onward := *req
		onward.Facts.Model = m.Use
		used, _, err := x.Routes.Find(&onward)
		if err != nil {
			return nil, llm.AsError(err).Message
		}
		c = x.aside(req, used.Targets)
		c.route.Router, c.route.With = used.Router, used.With
	}
	c.route.Name = "mirror:" + x.route.Name // which tells spend and metrics apart
	c.route.Timeout.Total = m.Timeout
	c.record.Route, c.record.MirrorOf = c.route.Name, x.req.ID
	return c, ""
}

// copyRequest is the request as a copy is sent: under an ID of its own, in nobody's name, and
// not to be stored by a provider that stores what it is not told to forget.
func (x *state) copyRequest() *llm.Request {
	req := *x.req
	req.ID += "_mirror"
	req.Settled = nil
	if req.Trace.Span != (llm.SpanID{}) {
		req.Trace.Parent, req.Trace.Span = req.Trace.Span, newSpan()
	}
	req.Tags = map[string]string{llm.MirrorTag: x.route.Name}
	req.Cache = llm.CacheControl{}
	if req.Form == llm.Responses && !hasMember(req.Body, "store") {
		end := req.Facts.End
		req.Body = slices.Concat(req.Body[:end], []byte(`,"store":false`), req.Body[end:])
		req.Facts.End += len(req.Body) - len(x.req.Body)
	}
	if made := x.req.Canonical; made != nil {
		req.Canonical = func(ctx context.Context) (*llm.Request, error) {
			canonical, err := made(ctx)
			if err != nil {
				return nil, err
			}
			own := req
			own.Body, own.Facts, own.Form, own.Canonical, own.Header, own.Query = canonical.Body, canonical.Facts, "", nil, nil, ""
			return &own, nil
		}
	}
	return &req
}

// whyUnmirrored says why a request is not copied; empty when it may be. A copy must do nothing
// but ask a model: what the provider would run, fetch, store or remember happens once.
func (t *terms) whyUnmirrored() string {
	f := &t.req.Facts
	switch {
	case t.req.Endpoint != llm.ChatCompletions && t.req.Endpoint != llm.TextCompletions && t.req.Endpoint != "":
		return "it is no conversation"
	case f.Unbounded != "":
		return "it has " + f.Unbounded
	case f.Features.Has(llm.FileIn):
		return "it has a file"
	case f.Features.Has(llm.WebSearch):
		return "the provider would search the web again"
	case isTrue(t.req.Body, "store"):
		return "store: true would store it again"
	case isTrue(t.req.Body, "background"):
		return "it runs in the background"
	}
	return ""
}

func hasMember(body []byte, name string) bool { return memberOf(body, name) != nil }

func isTrue(body []byte, name string) bool { return string(memberOf(body, name)) == "true" }

// memberOf returns the value of a member of a body, which was read before; nil without one.
func memberOf(body []byte, name string) (value []byte) {
	s := jsontext.New(body, 1000, jsontext.Grammar)
	for key := range s.Members() {
		if v := s.Raw(); key.Is(name) {
			value = v
		}
	}
	return value
}

// mirrors are the copies that are under way. The zero value is none.
type mirrors struct {
	mu      sync.Mutex
	running map[*state]context.CancelFunc
	// inflight counts them by route.
	inflight map[string]int
	closed   bool
	done     sync.WaitGroup
}

// start sends a copy in a goroutine of its own, or says why not.
func (m *mirrors) start(route string, rule *llm.Mirror, c *state) (why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return "the gateway is stopping, or its configuration has changed"
	case m.inflight[route] >= rule.MaxInflight:
		return strconv.Itoa(rule.MaxInflight) + " copies are under way (max_inflight)"
	case m.running == nil:
		m.running, m.inflight = map[*state]context.CancelFunc{}, map[string]int{}
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), rule.Timeout, c.totalTimeout())
	c.req.Deadline, _ = ctx.Deadline()
	m.running[c] = cancel
	m.inflight[route]++
	m.done.Go(func() {
		defer m.end(route, c)
		c.serveCopy(ctx)
	})
	return ""
}

func (m *mirrors) end(route string, c *state) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running[c]()
	delete(m.running, c)
	m.inflight[route]--
}

// close cancels all copies and returns when they have ended.
func (m *mirrors) close() {
	m.mu.Lock()
	m.closed = true
	for cancel := range maps.Values(m.running) {
		cancel()
	}
	m.mu.Unlock()
	m.done.Wait()
}

// serveCopy sends a copy, reads its answer to the end and records it. A panic ends the copy
// only.
func (x *state) serveCopy(ctx context.Context) {
	defer func() {
		if r := recover(); r != nil {
			x.Log.Error("a mirrored request panicked", slog.String("request", x.req.ID), slog.Any("panic", r))
		}
	}()
	_ = x.relayCopy(ctx) // which the record has
}

func (x *state) relayCopy(ctx context.Context) (err error) {
	defer x.settle(ctx, &err)
	attempts, err := x.rank(ctx)
	if err != nil {
		return err
	}
	reply, err := attempts.sendAside(ctx)
	if err != nil {
		return err
	}
	defer reply.Close()
	return x.relay(ctx, reply, discard{})
}

// discard is where an answer goes that nobody reads.
type discard struct{}

// Start implements sink.
func (discard) Start(llm.Head) error { return nil }

// Event implements sink.
func (discard) Event(llm.Event) error { return nil }
