package cases

import (
	"cmp"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// run is what came of a case once.
type run struct {
	// outs are the results as the plugin gave them, one for each event.
	outs [][]byte
	err  error
	// fuel is that of all calls together, memory the instance's size afterwards.
	fuel, memory int64
	took         time.Duration
	// store is what the plugin has kept.
	store map[string][]byte
}

// calling runs a hook once: in an instance, in tests of the cases also in plain Go.
type calling func(h hook.Hook, in []byte) (out []byte, fuel int64, err error)

// play makes the calls of a case that is not about the settings alone. A result that
// the gateway would not take is a fault, as it is there.
func (c *Case) play(call calling) (run, error) {
	h, ok := c.hook()
	if !ok {
		return run{}, nil
	}
	if c.Events != nil {
		return c.stream(h, call)
	}
	in, err := c.input()
	if err != nil {
		return run{}, err
	}
	n, routing := -1, false
	if h == hook.Route || h == hook.RouteFlat {
		n, routing = candidates(in)
	}
	if h == hook.RouteFlat && routing {
		if in, err = flatInput(in, uint64(c.Seed), c.clock()); err != nil {
			return run{}, err
		}
	}
	var r run
	out, fuel, err := call(h, in)
	if err == nil && len(out) > 0 && (routing || h != hook.Route && h != hook.RouteFlat) {
		err = nonsense(h, hook.CheckResult(h, out, n))
	}
	r.outs, r.fuel, r.err = [][]byte{out}, fuel, err
	return r, nil
}

// clock is the time that the plugin is shown.
func (c *Case) clock() time.Time { return time.UnixMilli(cmp.Or(c.Now, defaultNow)) }

// stream makes one call for each event, carrying the state. An error ends it.
func (c *Case) stream(h hook.Hook, call calling) (run, error) {
	var r run
	var state []byte
	for _, e := range c.Events {
		data, err := sent(e.Data)
		if err != nil {
			return run{}, fmt.Errorf("event %d: %w", len(r.outs)+1, err)
		}
		out, fuel, err := call(h, hook.AppendFrame(nil, state, e.Name, data))
		r.fuel += fuel
		if err == nil && len(out) > 0 {
			err = nonsense(h, hook.CheckResult(h, out, 0))
		}
		if err != nil {
			r.err = err
			return r, nil
		}
		r.outs = append(r.outs, out)
		if len(out) > 0 {
			state, _, _ = hook.SplitFrame(out)
		}
	}
	return r, nil
}

// nonsense is a fault about what an answer means, nil without one.
func nonsense(h hook.Hook, err error) error {
	if err == nil {
		return nil
	}
	return &hook.Fault{Hook: h.String(), Kind: hook.BadResult, Detail: err.Error()}
}
