package cases

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Timing is how long a module takes for a case, whose events count as one call together.
type Timing struct {
	// Calls counts the calls, PerSecond is the rate of one instance.
	Calls     int
	PerSecond float64
	// P50 and P99 are quantiles of one call's duration.
	P50, P99 time.Duration
	// Fuel is one call's, in instructions; Memory is the instance's at the end, in bytes.
	Fuel, Memory int64
}

// maxTimed bounds the calls that are timed.
const maxTimed = 1 << 20

// Time runs a case on one instance repeatedly, for about as long as given. The case must pass;
// the error says why it does not, or what is wrong with the module.
func Time(ctx context.Context, h *wasm.Host, spec wasm.Spec, c Case, long time.Duration) (*Timing, error) {
	s, err := h.Sandbox(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	t, err := runCase(ctx, s, &c)
	if err != nil {
		return nil, err
	}
	if t.Err != nil {
		return nil, fmt.Errorf("case %s: %w", c.Name, t.Err)
	}
	m, err := s.Subject(ctx, s.Grants(c.Grants), c.clock)
	if err != nil {
		return nil, err
	}
	defer m.Stop()
	return measure(ctx, m, &c, long)
}

// timedCall is one call of a case.
type timedCall struct {
	hook hook.Hook
	in   []byte
}

func measure(ctx context.Context, m *wasm.Subject, c *Case, long time.Duration) (*Timing, error) {
	if err := m.Start(ctx, c.Config); err != nil {
		return nil, err
	}
	m.SetStore(c.entries())
	var calls []timedCall
	_, err := c.play(m.FlatReads(), func(h hook.Hook, in []byte) ([]byte, int64, error) {
		calls = append(calls, timedCall{h, in})
		return m.Call(ctx, h, uint64(c.Seed), in, nil)
	})
	if err != nil || len(calls) == 0 {
		return nil, errors.Join(err, errors.New("this case makes no call"))
	}
	var took []time.Duration
	var t Timing
	var out []byte
	for began := time.Now(); time.Since(began) < long && len(took) < maxTimed && ctx.Err() == nil; {
		start := time.Now()
		t.Fuel, out = repeat(ctx, m, c, calls, out)
		took = append(took, time.Since(start))
	}
	return t.of(took, m.Memory()), ctx.Err()
}

// repeat makes the calls of a case once more and reuses the buffer. They have succeeded before.
func repeat(ctx context.Context, m *wasm.Subject, c *Case, calls []timedCall, buffer []byte) (fuel int64, _ []byte) {
	for _, k := range calls {
		out, used, _ := m.Call(ctx, k.hook, uint64(c.Seed), k.in, buffer[:0])
		fuel, buffer = fuel+used, out
	}
	return fuel, buffer
}

func (t *Timing) of(took []time.Duration, memory int64) *Timing {
	var sum time.Duration
	for _, d := range took {
		sum += d
	}
	slices.Sort(took)
	t.Calls, t.Memory = len(took), memory
	if sum > 0 {
		t.PerSecond = float64(len(took)) / sum.Seconds()
		t.P50, t.P99 = took[(len(took)-1)*50/100], took[(len(took)-1)*99/100]
	}
	return t
}
