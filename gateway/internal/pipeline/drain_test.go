package pipeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// leaving is a caller that hangs up after its first event.
type leaving struct {
	caller
	cancel context.CancelFunc
}

func (l *leaving) Event(llm.Event) error {
	l.cancel()
	return errors.New("connection reset")
}

// TestAbandonedStream has a caller that hangs up in the middle of a stream: it is charged an
// estimate of what had come or, if the route drains it, what the provider counts.
func TestAbandonedStream(t *testing.T) {
	for name, c := range map[string]struct {
		drain bool
		reply action
		took  time.Duration
	}{
		"cancelled":        {false, late(time.Second, "one ", "two"), 2 * time.Second},
		"drained":          {true, late(time.Second, "one ", "two"), 4*time.Second + countedIdle},
		"drained too long": {true, late(25*time.Second, "one ", "two ", "three"), 2*25*time.Second + drainTime},
		"gone before it":   {true, action{hang: true}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("p/a")
				f.route.Drain, f.route.Timeout.Idle = c.drain, time.Hour
				f.script["p/a"] = []action{c.reply}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.reply.hang {
					time.AfterFunc(time.Second, cancel)
				}
				req := request(true)
				req.Received = time.Now()
				_ = f.pipeline().Serve(ctx, req, &leaving{cancel: cancel})
				r := f.records[0]
				if time.Since(req.Received) != c.took || r.Status != statusClientClosed {
					t.Errorf("status %d after %s", r.Status, time.Since(req.Received))
				}
				if got := f.outcomes["p/a"][0].Fault; c.drain && name == "drained" && got != llm.FaultNone || name != "drained" && got != llm.FaultCanceled {
					t.Errorf("the attempt ended with %q", got)
				}
			})
		})
	}
}
