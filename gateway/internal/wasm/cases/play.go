package cases

import (
	"cmp"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// run is the outcome of running a case once.
type run struct {
	// outs are the plugin's results, one for each event.
	outs [][]byte
	err  error
	// fuel is that of all calls, memory the instance's size afterwards, in bytes.
	fuel, memory int64
	took         time.Duration
	// store is the contents of the store afterwards.
	store map[string][]byte
}

// callFunc calls a hook: of an instance, or, to test the cases, of a plugin in plain Go.
type callFunc func(h hook.Hook, in []byte) (out []byte, fuel int64, err error)

// play makes the calls of a case; one about the settings alone has none. A result that the
// gateway would refuse is a fault, as it is there. The flat form has these texts of the
// request.
func (c *Case) play(reads hook.Reads, call callFunc) (run, error) {
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
		if in, err = flatInput(in, reads, uint64(c.Seed), c.clock()); err != nil {
			return run{}, err
		}
	}
	var r run
	out, fuel, err := call(h, in)
	if err == nil && len(out) > 0 && (routing || h != hook.Route && h != hook.RouteFlat) {
		err = invalidResult(h, hook.CheckResult(h, out, n))
	}
	r.outs, r.fuel, r.err = [][]byte{out}, fuel, err
	return r, nil
}

// clock returns the plugin's time.
func (c *Case) clock() time.Time { return time.UnixMilli(cmp.Or(c.Now, defaultNow)) }

// stream makes one call for each event and passes the state on. An error ends it.
func (c *Case) stream(h hook.Hook, call callFunc) (run, error) {
	var r run
	var state []byte
	for _, e := range c.Events {
		data, err := payload(e.Data)
		if err != nil {
			return run{}, fmt.Errorf("event %d: %w", len(r.outs)+1, err)
		}
		out, fuel, err := call(h, hook.AppendFrame(nil, state, e.Name, data))
		r.fuel += fuel
		if err == nil && len(out) > 0 {
			err = invalidResult(h, hook.CheckResult(h, out, 0))
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

// invalidResult returns the fault of an invalid result, nil for a nil error.
func invalidResult(h hook.Hook, err error) error {
	if err == nil {
		return nil
	}
	return &hook.Fault{Hook: h.String(), Kind: hook.BadResult, Detail: err.Error()}
}
