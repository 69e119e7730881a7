package wasm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Timing is how long a module takes for a case, in which all events count as one call.
type Timing struct {
	// Calls is how many were made, PerSecond how many of them one instance makes.
	Calls     int
	PerSecond float64
	// P50 and P99 are quantiles of one call's duration.
	P50, P99 time.Duration
	// Fuel is one call's, in instructions, Memory the instance's at the end, in bytes.
	Fuel, Memory int64
}

// maxTimed bounds the calls that are timed one by one.
const maxTimed = 1 << 20

// Time has one warm instance answer a case again and again, for about so long. The case
// must pass; the error says why it does not, or what is wrong with the module.
func (h *Host) Time(ctx context.Context, s Spec, c Case, long time.Duration) (*Timing, error) {
	w, err := h.bench(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("load module %s: %w", s.Name, err)
	}
	defer w.close()
	t, err := w.try(ctx, &c)
	if err != nil {
		return nil, fmt.Errorf("load module %s: %w", s.Name, err)
	}
	m, err := w.module(ctx, w.grants(c.Grants))
	if err = errors.Join(t.Err, err); err != nil {
		return nil, fmt.Errorf("case %s: %w", c.Name, err)
	}
	return m.time(ctx, &c, long)
}

// called is one call that a case makes.
type called struct {
	hook Hook
	in   []byte
}

func (m *Module) time(ctx context.Context, c *Case, long time.Duration) (*Timing, error) {
	g, err := m.instantiate(appendInit(nil, m.name, orEmpty(c.Config)))
	if err != nil {
		return nil, err
	}
	defer g.close()
	m.store.fill(c.entries())
	var calls []called
	_, err = c.play(func(h Hook, in []byte) ([]byte, int64, error) {
		calls = append(calls, called{h, in})
		view, err := g.call(h, uint64(c.Seed), in, m.fuel+m.perByte*int64(len(in)))
		return append([]byte(nil), view...), 0, err
	})
	if err != nil || len(calls) == 0 {
		return nil, errors.Join(err, errors.New("there is nothing to call in this case"))
	}
	var took []time.Duration
	var t Timing
	for began := time.Now(); time.Since(began) < long && len(took) < maxTimed && ctx.Err() == nil; {
		start := time.Now()
		t.Fuel = m.again(g, c, calls)
		took = append(took, time.Since(start))
	}
	return t.of(took, g), ctx.Err()
}

// again makes the calls of a case once more. That they succeed is known.
func (m *Module) again(g *instance, c *Case, calls []called) (fuel int64) {
	for _, k := range calls {
		budget := m.fuel + m.perByte*int64(len(k.in))
		_, _ = g.call(k.hook, uint64(c.Seed), k.in, budget)
		fuel += g.used(budget)
	}
	return fuel
}

func (t *Timing) of(took []time.Duration, g *instance) *Timing {
	var sum time.Duration
	for _, d := range took {
		sum += d
	}
	slices.Sort(took)
	t.Calls, t.Memory = len(took), int64(g.memory.Size())
	if sum > 0 {
		t.PerSecond = float64(len(took)) / sum.Seconds()
		t.P50, t.P99 = took[(len(took)-1)*50/100], took[(len(took)-1)*99/100]
	}
	return t
}
