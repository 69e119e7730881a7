package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// cell is one case against one target.
type cell struct{ Case, Target string }

// results holds every cell's results, in the order of the rounds.
type results map[cell][]result

// bench starts the processes, measures everything the options ask for, and prints the
// report. Progress goes to stderr.
func bench(ctx context.Context, o options, stdout, stderr io.Writer) error {
	s, err := newTestbed()
	if err != nil {
		return err
	}
	defer s.close()
	starts, err := setUp(ctx, s, o, stderr)
	if err != nil {
		return err
	}
	if err := verify(ctx, s, o); err != nil {
		return err
	}
	all, err := measure(ctx, s, o, stderr)
	if err != nil {
		return err
	}
	r := newReport(o, all, starts)
	r.print(stdout, o.Markdown)
	return r.fault()
}

// setUp starts the processes that the options ask for. It also measures the gateway's cold
// starts, while nothing else uses the machine.
func setUp(ctx context.Context, s *testbed, o options, stderr io.Writer) (startups, error) {
	if err := s.startMocks(ctx, o.Pace); err != nil {
		return startups{}, err
	}
	if o.measures(floor) {
		if err := s.startFloors(ctx, o.Floor); err != nil {
			return startups{}, fmt.Errorf("%w; build it, or leave it out with -only", err)
		}
	}
	if !o.measures(gateway) {
		return startups{}, nil
	}
	return setUpGateway(ctx, s, o, stderr)
}

func setUpGateway(ctx context.Context, s *testbed, o options, stderr io.Writer) (startups, error) {
	g, err := newPenstock(ctx, o.Gateway, s)
	if err != nil {
		return startups{}, fmt.Errorf("prepare the gateway: %w", err)
	}
	fmt.Fprintln(stderr, "measuring cold starts")
	starts, err := measureStartups(ctx, g, o.Starts)
	if err != nil {
		return starts, err
	}
	p, err := g.start(ctx, filepath.Join(s.dir, "modules-0"))
	if err != nil {
		return starts, err
	}
	s.add(p)
	for _, upstream := range upstreams() {
		s.endpoints[endpointKey{gateway, upstream}] = endpoint{Addr: g.api, Key: g.key, PID: p.pid()}
	}
	return starts, g.answers(ctx, p, modelPlain)
}

// verify sends every cell's request until the reply is right, so that a fault shows before
// anything is measured, and so that the cache is filled.
func verify(ctx context.Context, s *testbed, o options) error {
	for _, c := range o.cells() {
		j := s.job(c)
		if err := until(ctx, processTimeout, func() error { return probe(j) }); err != nil {
			return fmt.Errorf("%s, %s: %w", c.Case, c.Target, err)
		}
	}
	return nil
}

// measure runs all rounds.
func measure(ctx context.Context, s *testbed, o options, stderr io.Writer) (results, error) {
	all := results{}
	for round := range o.Rounds {
		for _, c := range o.cells() {
			j := s.job(c).at(o.Warm, caseNamed(c.Case).measured(o.Measure))
			r, err := s.load(ctx, j)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", c.Case, c.Target, err)
			}
			all[c] = append(all[c], r)
			fmt.Fprintf(stderr, "round %d of %d: %-12s %-7s %8.0f req/s, p50 %v, %d errors\n",
				round+1, o.Rounds, c.Case, c.Target, r.rate(), r.P50.Round(time.Microsecond), r.Errors)
		}
		if err := measureRouting(ctx, o.routingCells(), all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// caseNamed returns the workload of a name, which the options have checked.
func caseNamed(name string) workload {
	for _, w := range workloads() {
		if w.Name == name {
			return w
		}
	}
	panic("bench: no case named " + name)
}
