package upstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/queue"
)

// Capacity counts the attempts in flight at targets and their providers, and keeps them within
// the targets' bounds. It is safe for concurrent use. The bounds are those of the target that
// is asked about, so a reload changes them at once.
type Capacity struct {
	queue *queue.Queue
	wait  time.Duration
}

// NewCapacity returns a Capacity in which at most size requests wait for each target or
// provider that is full, none longer than wait in all.
func NewCapacity(size int, wait time.Duration) *Capacity {
	return &Capacity{queue.New(size, wait), wait}
}

// Full reports whether a target takes no more requests of a class now.
func (c *Capacity) Full(t *llm.Target, p llm.Priority) bool {
	return hasBound(t) && !c.queue.Fits(p, places(t))
}

// Enter counts an attempt in, or reports that the target is full. Leave must be called after it.
func (c *Capacity) Enter(t *llm.Target, p llm.Priority) bool { return c.queue.Try(p, places(t)) }

// Leave ends an attempt that was counted in.
func (c *Capacity) Leave(t *llm.Target) { c.queue.Leave(places(t)) }

// Waiting returns how many requests of a class wait for a target.
func (c *Capacity) Waiting(p llm.Priority) int64 { return int64(c.queue.Waiting(p)) }

// Wait waits for a place at any of these targets, counts an attempt in there, and returns its
// index. What the request has waited before counts as well. The error is the caller's.
func (c *Capacity) Wait(ctx context.Context, req *llm.Request, waited time.Duration, targets []*llm.Target) (int, error) {
	ways := make([][]queue.Place, len(targets))
	for i, t := range targets {
		ways[i] = places(t)
	}
	i, err := c.queue.Enter(ctx, queue.Entry{Priority: req.Priority, Holder: holder(req), Wait: max(c.wait-waited, 1)}, ways...)
	if err != nil {
		return 0, overloaded(err, targets)
	}
	return i, nil
}

// holder is for whom a request waits: a key, or an address where there is no key.
func holder(req *llm.Request) string {
	if req.Principal.KeyID != "" {
		return "key " + req.Principal.KeyID
	}
	return req.IP
}

// places are those that an attempt takes. No provider's name is a target's, which has a slash.
func places(t *llm.Target) []queue.Place {
	return []queue.Place{{Name: t.ID, Max: t.MaxInflight}, {Name: t.Provider, Max: t.ProviderMaxInflight}}
}

func hasBound(t *llm.Target) bool { return t.MaxInflight > 0 || t.ProviderMaxInflight > 0 }

// overloaded is the error for a request that got no place. Another error than a queue.Refusal
// comes from the request's context, and stays what it is.
func overloaded(err error, targets []*llm.Target) error {
	var r queue.Refusal
	if !errors.As(err, &r) {
		return err
	}
	e := &llm.Error{Code: llm.CodeOverloaded, Status: http.StatusServiceUnavailable, Fault: llm.FaultFull, Err: r,
		RetryAfter: time.Second + time.Duration(rand.Int64N(int64(2*time.Second)))} // not all at one moment
	name := targets[0].ID
	if len(targets) > 1 {
		name = "Every target that could answer"
	}
	switch r {
	case queue.Crowded:
		e.Code, e.Status = llm.CodeRateLimited, http.StatusTooManyRequests
		e.Message = fmt.Sprintf("%s has as many requests in flight as it may, and as many of yours wait as may; try again when some of them have ended.", name)
	case queue.Late:
		e.Message = fmt.Sprintf("%s has as many requests in flight as it may, and none of them ended while this one waited; try again in a moment.", name)
	default:
		e.Message = fmt.Sprintf("%s has as many requests in flight as it may, and as many wait as may; try again in a moment.", name)
	}
	return e
}
