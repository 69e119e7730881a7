package wire

import (
	"context"
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// accepted is the canonical form of a client's request.
type accepted struct {
	Accepted
	facts llm.Facts
	cache llm.CacheControl
}

// accept has a module make the canonical form of a request, and reads it as strictly as a
// client's own.
func accept(ctx context.Context, m ClientModule, in llm.Incoming) (*accepted, error) {
	in.Query = withoutCredentials(in.Query)
	made, err := m.Accept(ctx, in)
	if err != nil {
		return nil, err
	}
	facts, cache, err := intake.Scan(made.Body, intake.Options{})
	if err != nil {
		e := *llm.AsError(err)
		e.Message = "In the canonical form of this request: " + e.Message // not in the one that was sent
		return nil, &e
	}
	return &accepted{made, facts, cache}, nil
}

// canonicalForm makes the canonical form of a request when it is first asked for, and keeps
// it. It is safe for concurrent use.
type canonicalForm struct {
	module ClientModule
	in     llm.Incoming
	// request is the one that the client sent. What is known of it by the time of the call,
	// such as its principal, is in the canonical form, too.
	request *llm.Request

	mu   sync.Mutex
	made *accepted
}

// get returns the canonical form. A request that has none can still go to a target of the
// client's dialect.
func (c *canonicalForm) get(ctx context.Context) (*llm.Request, error) {
	made, err := c.make(ctx)
	if err != nil {
		return nil, err
	}
	r := *c.request
	r.Body, r.Facts, r.Form, r.Canonical, r.Header, r.Query = made.Body, made.facts, "", nil, nil, ""
	return &r, nil
}

// context returns what the module wants to see again with a reply, which may be a stored one
// of a request that has not been translated.
func (c *canonicalForm) context(ctx context.Context) ([]byte, error) {
	made, err := c.make(ctx)
	if err != nil {
		return nil, err
	}
	return made.Context, nil
}

// make makes the canonical form, once.
func (c *canonicalForm) make(ctx context.Context) (*accepted, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made != nil {
		return c.made, nil
	}
	if c.request.Form == llm.Anthropic && continuesThread(c.in.Body) {
		return nil, threadNotFound(c.in.RequestID)
	}
	a, err := accept(ctx, c.module, c.in)
	if err != nil {
		return nil, unacceptable(err)
	}
	if c.request.Hold != nil {
		if err := c.request.Hold(int64(len(a.Body))); err != nil {
			return nil, err
		}
	}
	c.made = a
	return a, nil
}

// unacceptable is the error of a request without a canonical form. The request is not known
// to be at fault: the provider whose format it is in may take it.
func unacceptable(err error) error {
	e := *llm.AsError(err)
	if e.Fault == llm.FaultBadRequest || e.Fault == llm.FaultNone {
		e.Fault, e.Retried = llm.FaultUnsupported, true
	}
	return &e
}
