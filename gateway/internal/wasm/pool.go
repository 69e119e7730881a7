package wasm

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// pool lends instances, each to one caller at a time. At most cap(slots) are lent at once;
// the one used last is lent first, so that few stay in use. Besides the lent and idle ones
// there is at most one spare, which replaces an instance that is due for replacement.
type pool struct {
	build func(context.Context) (*instance, error)
	// shouldReplace reports whether an instance should be replaced.
	shouldReplace func(*instance) bool
	// nearlyFull reports whether an instance has so little memory left that the next call may
	// fail.
	nearlyFull func(*instance) bool
	log        *slog.Logger
	// isolate lends every instance only once.
	isolate bool
	// slots holds a token for every instance that is lent.
	slots chan struct{}
	// notify asks the module's maintenance to build ahead; one pending signal is enough.
	notify chan struct{}

	mu    sync.Mutex
	idle  []*instance
	spare *instance
	// needsSpare is set from when an instance is due for replacement until the spare is there.
	needsSpare bool
	// live counts idle, lent and spare instances.
	live  int
	stats hook.Stats
}

func newPool(size int, log *slog.Logger) *pool {
	return &pool{log: log, slots: make(chan struct{}, size), notify: make(chan struct{}, 1)}
}

// get lends an instance, waiting for one until ctx ends. It builds one when none is
// idle and the bound allows.
func (p *pool) get(ctx context.Context) (*instance, error) {
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if g := p.pop(); g != nil {
		return g, nil
	}
	p.add(1) // one that is being built counts, or the maintenance would build another
	g, err := p.build(ctx)
	if err != nil {
		p.add(-1)
		<-p.slots
		return nil, err
	}
	return g, nil
}

func (p *pool) pop() *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	g := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	return g
}

func (p *pool) add(n int) {
	p.mu.Lock()
	p.live += n
	p.mu.Unlock()
}

// cost is what a call took, in instructions and in time.
type cost struct {
	fuel int64
	took time.Duration
}

// put takes an instance back after a call. It is closed after a fault, and after every call
// of an isolated pool. An instance due for replacement serves on until the spare is there,
// unless it is nearly full.
func (p *pool) put(g *instance, o outcome, c cost) {
	replace := o != faulted && p.shouldReplace(g)
	p.mu.Lock()
	p.count(o, c)
	closing, build := p.release(g, o, replace)
	p.mu.Unlock()
	<-p.slots
	if build {
		p.wakeUp()
	}
	if closing != nil {
		closing.close()
	}
}

// release makes a returned instance idle or replaces it. It returns the instance to close,
// if any, and whether the maintenance should build one. The caller holds the lock.
func (p *pool) release(g *instance, o outcome, replace bool) (closing *instance, build bool) {
	switch {
	case o == faulted:
		p.live--
		p.stats.Discarded++
		return g, p.live == 0
	case p.isolate:
		p.live--
		p.stats.Recycled++
		return g, p.live == 0
	case replace && p.spare != nil:
		p.idle = append(p.idle, p.spare)
		p.spare = nil
		p.live--
		p.stats.Recycled++
		return g, false
	case replace && p.nearlyFull(g):
		p.live--
		p.stats.Recycled++
		return g, p.live == 0
	}
	p.idle = append(p.idle, g)
	p.needsSpare = p.needsSpare || replace
	return nil, replace
}

func (p *pool) count(o outcome, c cost) {
	p.stats.Calls++
	p.stats.Fuel += c.fuel
	p.stats.Time += c.took
	for k, bound := range hook.Latencies {
		if c.took <= bound {
			p.stats.Within[k]++ // made cumulative when it is read
			break
		}
	}
	switch o {
	case faulted:
		p.stats.Faults++
	case rejected:
		p.stats.Rejections++
	}
}

// countFault counts a fault that is found in a call's result.
func (p *pool) countFault() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Faults++
}

// wakeUp signals the maintenance.
func (p *pool) wakeUp() {
	select {
	case p.notify <- struct{}{}:
	default:
	}
}

// buildAhead builds one instance ahead of need: the spare, or the first one if none is left.
// Only the maintenance calls it.
func (p *pool) buildAhead(ctx context.Context) {
	if !p.reserveSpare() {
		return // it has been built already
	}
	g, err := p.build(ctx)
	if err != nil {
		p.add(-1)
		p.log.Warn("build an instance ahead of need", "error", err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// Callers may have built instances meanwhile.
	if p.live <= cap(p.slots) && !p.needsSpare {
		p.idle = append(p.idle, g)
		return
	}
	p.spare = g
	p.needsSpare = false
}

// reserveSpare reports whether an instance should be built ahead of need, and counts it.
func (p *pool) reserveSpare() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live > 0 && (!p.needsSpare || p.spare != nil) {
		return false
	}
	p.live++
	return true
}

// close closes every instance. None is lent, and nobody asks for one any more.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spare != nil {
		p.idle = append(p.idle, p.spare)
		p.spare = nil
	}
	for _, g := range p.idle {
		g.close()
	}
	p.live -= len(p.idle)
	p.idle = nil
}

// fill sets the pool's part of the statistics.
func (p *pool) fill(s *hook.Stats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.stats
	s.Calls, s.Faults, s.Rejections, s.Fuel = own.Calls, own.Faults, own.Rejections, own.Fuel
	s.Time = own.Time
	sum := int64(0)
	for k, n := range own.Within {
		sum += n
		s.Within[k] = sum
	}
	s.Recycled, s.Discarded = own.Recycled, own.Discarded
	s.Instances, s.Idle = p.live, len(p.idle)
	for _, g := range p.idle {
		s.Memory += int64(g.memory.Size())
	}
}
