package wasm

import (
	"fmt"
	"net/http"
	"time"
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
type calling func(h Hook, in []byte) (out []byte, fuel int64, err error)

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
	if h == Route || h == RouteFlat {
		n, routing = candidates(in)
	}
	if h == RouteFlat && routing {
		if in, err = flatInput(in, uint64(c.Seed), c.clock()); err != nil {
			return run{}, err
		}
	}
	var r run
	out, fuel, err := call(h, in)
	if err == nil && len(out) > 0 && (routing || h != Route && h != RouteFlat) {
		err = nonsense(h, sensible(h, out, n))
	}
	r.outs, r.fuel, r.err = [][]byte{out}, fuel, err
	return r, nil
}

// clock is the time that the plugin is shown.
func (c *Case) clock() time.Time { return time.UnixMilli(or(c.Now, defaultNow)) }

// stream makes one call for each event, carrying the state. An error ends it.
func (c *Case) stream(h Hook, call calling) (run, error) {
	var r run
	var state []byte
	for _, e := range c.Events {
		data, err := sent(e.Data)
		if err != nil {
			return run{}, fmt.Errorf("event %d: %w", len(r.outs)+1, err)
		}
		out, fuel, err := call(h, appendFrame(nil, state, e.Name, data))
		r.fuel += fuel
		if err == nil && len(out) > 0 {
			err = nonsense(h, sensible(h, out, 0))
		}
		if err != nil {
			r.err = err
			return r, nil
		}
		r.outs = append(r.outs, out)
		if len(out) > 0 {
			state, _, _ = splitFrame(out)
		}
	}
	return r, nil
}

// sensible says what is wrong with a result that is not empty. N counts the candidates
// of a router's.
func sensible(h Hook, out []byte, n int) error {
	switch h {
	case RouteFlat, Route:
		return checkBallot(h, out, n)
	case TransformRequest, AcceptRequest:
		return checkBody(out)
	case RenderResponse:
		_, err := readRendered(out, http.StatusOK)
		return err
	case NormaliseEvent, RenderEvent:
		_, payload, err := splitFrame(out)
		if err == nil && h == NormaliseEvent {
			_, err = splitLines(payload, readLine)
		}
		return err
	}
	_, err := readAnswer(out)
	return err
}

// checkBody looks for the body of a request.
func checkBody(out []byte) error {
	s, found := scan{b: out}, false
	s.object(func(key string) {
		s.raw()
		found = found || key == "body"
	})
	if err := s.end(); err != nil {
		return err
	}
	if !found {
		return errNoBody
	}
	return nil
}

// nonsense is a fault about what an answer means, nil without one.
func nonsense(h Hook, err error) error {
	if err == nil {
		return nil
	}
	return &Fault{Hook: h.String(), Kind: BadResult, Detail: err.Error()}
}
