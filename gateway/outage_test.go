//go:build faults

package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// outage is a target that is down for a time and then healthy, with callers all along.
type outage struct {
	mu       sync.Mutex
	asked    int
	failed   []string
	began    time.Time
	healthy  time.Time     // when the target is healthy again
	back     time.Duration // from then to its first answer; 0 when there was none
	attempts []time.Time
}

// The target must be back within backWithin. Once its circuit is open, at most one probe
// comes per probeEvery; tripAfter is the most attempts before that.
const (
	outageEvery = 500 * time.Millisecond
	backWithin  = 15 * time.Second
	probeEvery  = 5 * time.Second
)

func (o *outage) run(t *testing.T, s *scorecard) {
	var c *llmtest.FaultCase
	for _, c = range s.cases {
		if c.Row == 15 && c.Replaceable && c.Stream {
			break
		}
	}
	o.began = time.Now()
	s.up.SetDown(c.Model(), true)
	var wg sync.WaitGroup
	for time.Since(o.began) < downFor+backWithin+outageEvery {
		if o.healthy.IsZero() && time.Since(o.began) >= downFor {
			o.healthy = time.Now()
			s.up.SetDown(c.Model(), false)
		}
		start := time.Now()
		wg.Go(func() {
			seen, err := s.client.Ask(t.Context(), s.base, c.Model(), "hi", true)
			o.note(start, seen, err)
		})
		time.Sleep(outageEvery)
	}
	wg.Wait()
	o.attempts = s.up.Attempts(c.Model())
}

func (o *outage) note(start time.Time, seen *llmtest.Seen, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	switch {
	case err != nil:
		o.failed = append(o.failed, err.Error())
	case seen.Ending() != llmtest.EndWhole || seen.Text != llmtest.FaultText:
		o.failed = append(o.failed, fmt.Sprintf("%s: %.300s", seen.Ending(), seen.Body))
	case o.back == 0 && !o.healthy.IsZero() && start.After(o.healthy) && len(seen.Header.Get("X-Penstock-Target")) > 4 && seen.Header.Get("X-Penstock-Target")[:5] != "good/":
		o.back = time.Since(o.healthy)
	}
}

// probes are the attempts after the first second of the outage.
func (o *outage) probes() (n int, shortest time.Duration) {
	var last time.Time
	for _, at := range o.attempts {
		if at.Sub(o.began) < probeEvery || at.After(o.healthy) {
			continue
		}
		n++
		if gap := at.Sub(last); !last.IsZero() && (shortest == 0 || gap < shortest) {
			shortest = gap
		}
		last = at
	}
	return n, shortest
}

func (o *outage) problems() (list []string) {
	for _, f := range o.failed {
		list = append(list, "a caller got "+f)
	}
	if o.back == 0 || o.back > backWithin {
		list = append(list, fmt.Sprintf("it is used again after %v, want within %v", o.back, backWithin))
	}
	if n, _ := o.probes(); n > int(downFor/probeEvery) {
		list = append(list, fmt.Sprintf("it was asked %d times while its circuit was open, want at most one in %v", n, probeEvery))
	}
	return list
}

func (o *outage) String() string {
	n, shortest := o.probes()
	return fmt.Sprintf("%d of %d whole, %d probes, %v or more apart, back after %v", o.asked-len(o.failed), o.asked, n,
		shortest.Round(100*time.Millisecond), o.back.Round(100*time.Millisecond))
}
