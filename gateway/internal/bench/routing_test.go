package main

import (
	"context"
	"math"
	"testing"
)

func TestMeasureRouting(t *testing.T) {
	all := results{}
	c := routingCell{"latency", 100}
	if err := measureRouting(context.Background(), []routingCell{c}, all); err != nil {
		t.Fatal(err)
	}
	one := all[c.cell()]
	if len(one) != 1 || one[0].CPU < rankedFor || one[0].cpu() < 1 {
		t.Errorf("measureRouting(%v) = %+v, want one result of at least %v and 1 µs a call", c, one, rankedFor)
	}
	if err := measureRouting(context.Background(), []routingCell{{"newest", 8}}, all); err == nil {
		t.Error("measureRouting of an unknown strategy: no error")
	}
}

func TestRoutingCellsAreTheGateways(t *testing.T) {
	if got := (options{Targets: []string{direct, floor}}).routingCells(); got != nil {
		t.Errorf("routingCells without the gateway = %v, want none", got)
	}
	if got := highestRatio(nil, 8); !math.IsNaN(got) {
		t.Errorf("highestRatio of nothing = %v, want NaN", got)
	}
}
