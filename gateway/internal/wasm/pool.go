package wasm

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// pool lends instances, each to one caller at a time. At most cap(slots) are lent at
// once; the one used last is lent first, so that few stay warm. Beside the lent and
// idle ones there is at most one spare, which replaces an instance that has aged.
type pool struct {
	build func(context.Context) (*instance, error)
	// worn reports whether an instance should be replaced.
	worn func(*instance) bool
	// full reports whether it has so little memory left that the next call may fail.
	full func(*instance) bool
	log  *slog.Logger
	// fresh lends every instance once only.
	fresh bool
	// slots holds a token for every instance that is lent.
	slots chan struct{}
	// wake asks the module's keeper to replenish; one pending wish is enough.
	wake chan struct{}

	mu    sync.Mutex
	idle  []*instance
	spare *instance
	// wanted is set once an instance is worn, until its replacement stands ready.
	wanted bool
	// live counts idle, lent and spare instances.
	live  int
	stats hook.Stats
}

func newPool(size int, log *slog.Logger) *pool {
	return &pool{log: log, slots: make(chan struct{}, size), wake: make(chan struct{}, 1)}
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
	p.add(1) // one that is being built counts, or the keeper would build another
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

// put takes an instance back after a call that ended in o at this cost. A broken one is
// closed, and so is every one of a pool of fresh ones. A worn one goes on serving until its replacement stands ready, unless it is
// full.
func (p *pool) put(g *instance, o outcome, c cost) {
	worn := o != broken && p.worn(g)
	p.mu.Lock()
	p.count(o, c)
	gone, hungry := p.settle(g, o, worn)
	p.mu.Unlock()
	<-p.slots
	if hungry {
		p.ask()
	}
	if gone != nil {
		gone.close()
	}
}

// settle decides what becomes of a returned instance: which one is to be closed, and
// whether the keeper is needed. The caller holds the lock.
func (p *pool) settle(g *instance, o outcome, worn bool) (gone *instance, hungry bool) {
	switch {
	case o == broken:
		p.live--
		p.stats.Discarded++
		return g, p.live == 0
	case p.fresh:
		p.live--
		p.stats.Recycled++
		return g, p.live == 0
	case worn && p.spare != nil:
		p.idle = append(p.idle, p.spare)
		p.spare = nil
		p.live--
		p.stats.Recycled++
		return g, false
	case worn && p.full(g):
		p.live--
		p.stats.Recycled++
		return g, p.live == 0
	}
	p.idle = append(p.idle, g)
	p.wanted = p.wanted || worn
	return nil, worn
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
	case broken:
		p.stats.Faults++
	case rejected:
		p.stats.Rejections++
	}
}

// blame counts a call that looked well as a fault after all.
func (p *pool) blame() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.Faults++
}

func (p *pool) ask() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// replenish builds one instance ahead of need: the spare, or the first one if none is
// left. Only the keeper calls it.
func (p *pool) replenish(ctx context.Context) {
	if !p.hungry() {
		return // the wish was granted already
	}
	g, err := p.build(ctx)
	if err != nil {
		p.add(-1)
		p.log.Warn("build an instance ahead of need", "error", err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// Callers may have built as many as they need meanwhile.
	if p.live <= cap(p.slots) && !p.wanted {
		p.idle = append(p.idle, g)
		return
	}
	p.spare = g
	p.wanted = false
}

// hungry reports whether an instance should be built ahead of need, and counts it in.
func (p *pool) hungry() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live > 0 && (!p.wanted || p.spare != nil) {
		return false
	}
	p.live++
	return true
}

// close closes every instance. Nobody may hold or want one any more.
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

// fill writes the pool's part of the statistics.
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
