package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/plugins"
	"github.com/penstock/penstock/plugins/strategies"
)

// routing stands for the routing call among the targets that are measured. Its requests are
// calls of the built-in strategies, and their processor time is this process's own.
const routing = "routing"

// rankedFor is how much processor time one strategy's calls take together, at least, in a round.
const rankedFor = 100 * time.Millisecond

// routed is the workload whose processor time per request the routing call is a part of.
const routed = "tls-json-64"

// routingCells are the routing calls that a round measures.
func (o options) routingCells() (all []routingCell) {
	if !o.measures(gateway) {
		return nil
	}
	for _, strategy := range []string{"ordered", "latency", "balanced", strategies.Classifier} {
		for _, targets := range []int{8, 100} {
			all = append(all, routingCell{strategy, targets})
		}
	}
	return all
}

// routingCell is a strategy that ranks so many targets.
type routingCell struct {
	strategy string
	targets  int
}

// cell is where the results are kept.
func (c routingCell) cell() cell { return cell{fmt.Sprintf("%s-%d", c.strategy, c.targets), routing} }

// router runs the built-in strategies in this process, as the gateway does.
type router struct {
	host   *wasm.Host
	module *wasm.Module
	router *wasm.Router
}

// newRouter compiles the built-in module. The caller closes the router.
func newRouter(ctx context.Context) (*router, error) {
	code, err := plugins.Builtin()
	if err != nil {
		return nil, err
	}
	host, err := wasm.NewHost(wasm.Options{})
	if err != nil {
		return nil, err
	}
	r := &router{host: host}
	if r.module, err = host.Load(ctx, wasm.Spec{Name: "builtin", Wasm: code}); err == nil {
		r.router, err = wasm.NewRouter(r.module, nil)
	}
	if err != nil {
		r.close(ctx)
		return nil, err
	}
	return r, nil
}

func (r *router) close(ctx context.Context) {
	if r.module != nil {
		_ = r.module.Close(ctx) // the process ends soon
	}
	_ = r.host.Close(ctx)
}

// measureRouting adds one round's routing calls to the results.
func measureRouting(ctx context.Context, cells []routingCell, all results) error {
	if len(cells) == 0 {
		return nil
	}
	r, err := newRouter(ctx)
	if err != nil {
		return fmt.Errorf("routing call: %w", err)
	}
	defer r.close(ctx)
	for _, c := range cells {
		one, err := r.measure(ctx, c)
		if err != nil {
			return fmt.Errorf("routing call, %s: %w", c.strategy, err)
		}
		all[c.cell()] = append(all[c.cell()], one)
	}
	return nil
}

// measure has a strategy rank until that has taken rankedFor.
func (r *router) measure(ctx context.Context, c routingCell) (result, error) {
	k, err := r.router.WithReads(0).Prepare(c.strategy, nil)
	if err != nil {
		return result{}, err
	}
	candidates, requests := fleet(c.targets), sessions(64)
	calls, begin := 0, time.Duration(0)
	for {
		for _, req := range requests {
			if got := k.Rank(ctx, req, candidates); got.Fault != "" {
				return result{}, fmt.Errorf("rank %d targets: %s", c.targets, got.Fault)
			}
		}
		now, err := ownCPU()
		switch {
		case err != nil:
			return result{}, err
		case begin == 0: // the first calls warm up
			begin = now
			continue
		}
		calls += len(requests)
		if now-begin >= rankedFor {
			return result{Requests: calls, CPU: now - begin}, nil
		}
	}
}

// ownCPU is the user and system time that this process has used so far.
func ownCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// sessions are requests of n sessions.
func sessions(n int) (all []*llm.Request) {
	for i := range n {
		all = append(all, &llm.Request{ID: fmt.Sprintf("request-%d", i), Session: fmt.Sprintf("session-%d", i), Facts: llm.Facts{EstInputTokens: 900, MaxTokens: 300}})
	}
	return all
}

// fleet is n measured targets in three tiers, of which one has the prompt in its cache.
func fleet(n int) []llm.Candidate {
	c := make([]llm.Candidate, n)
	for i := range c {
		price := llm.Price{Known: true, Input: llm.NanoUSD(1e9 + i*1e7), Output: llm.NanoUSD(4e9 - i*1e7), CacheRead: 1e8}
		id := fmt.Sprintf("provider-%d/model", i)
		c[i].Target = &llm.Target{ID: id, Weight: 1, Order: i % 3, Quality: float64(i%7) / 7, Price: price, Context: 128_000}
		c[i].Sticky, c[i].EstCost = llm.StickyHash("session", id), 2e6
		c[i].Stats = llm.Stats{TTFT: llm.Millis(time.Duration(100+i*37%211) * time.Millisecond), TPS: float64(50 + i%31), ErrorRate: float64(i%5) / 100,
			Samples: float64(i % 5), Inflight: int64(i % 11), RemainingRequests: -1, RemainingTokens: -1, RequestsLeft: -1, TokensLeft: -1}
	}
	c[n-1].Target.Order, c[n-1].CachedPrefix = 0, 900
	return c
}

// routingRow is one routing call's processor time in microseconds, and its ratio to that of one
// request of the same round.
type routingRow struct {
	routingCell
	cpu, ofRequest float64
}

func newRoutingRows(o options, all results) (rows []routingRow) {
	for _, c := range o.routingCells() {
		if mine := all[c.cell()]; len(mine) > 0 {
			rows = append(rows, routingRow{c, medianOf(mine, result.cpu), medianRatio(mine, all[cell{routed, gateway}], result.cpu)})
		}
	}
	return rows
}

// routingTable returns a line for each routing call.
func (r *report) routingTable() table {
	t := table{left: 1, header: []string{"routing call", "targets", "CPU µs", "% of a JSON request over TLS, 64 clients"}}
	for _, row := range r.routing {
		t.rows = append(t.rows, []string{row.strategy, fmt.Sprint(row.targets), number(row.cpu, 1), number(100*row.ofRequest, 1)})
	}
	return t
}

// highestRatio is the highest of so many targets, in percent; NaN without any.
func highestRatio(rows []routingRow, targets int) float64 {
	highest := median(nil)
	for _, r := range rows {
		if r.targets == targets && !(100*r.ofRequest <= highest) { // true for the first, against NaN
			highest = 100 * r.ofRequest
		}
	}
	return highest
}
