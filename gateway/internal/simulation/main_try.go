package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/plugins"
)

func main() {
	runAsTest(func(t *testing.T) error { try(t); return nil })
}

func try(t *testing.T) {
	code, _ := plugins.Builtin()
	h, _ := wasm.NewHost(wasm.Options{})
	began := time.Now()
	m, err := h.Load(context.Background(), wasm.Spec{Name: "builtin", Wasm: code, BuiltIn: true})
	if err != nil {
		panic(err)
	}
	fmt.Println("compiled", time.Since(began))
	r, _ := wasm.NewRouter(m, time.Now)
	var five []model
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		five = append(five, model{id: id, first: 400 * time.Millisecond, speed: 80, jitter: 0.4, input: 1, output: 4, cached: .1, quality: .8})
	}
	for _, rate := range []float64{1, 10} {
		s := &scenario{name: "degraded", length: 3 * time.Hour, models: five, traffic: traffic{rate: rate, prompt: 800, output: 250, spread: .6, plain: .2},
			incidents: []incident{{target: "c", from: time.Hour, to: 2 * time.Hour, slower: 10}}}
		for _, p := range []policy{roundRobin(), random(1), oracle(1, fastest), builtIn("latency"), builtIn("least-busy"), builtIn("weighted"), builtIn("balanced")} {
			began := time.Now()
			var res *result
			inBubble(t, func() { res, err = s.play(p, r, 1) })
			worst := 0.0
			for at := 2 * time.Hour; at < 3*time.Hour; at += time.Minute {
				for _, x := range res.shares(at, at+time.Minute) {
					worst = max(worst, x)
				}
			}
			fmt.Printf("%5.0f %-12s n=%d p50=%v p99 during=%v after=%v shares %.3f after %.3f worst minute %.2f failed %.4f %v\n", rate, p.name, len(res.served), res.quantile(.5, time.Hour, 2*time.Hour),
				res.quantile(.99, time.Hour, 2*time.Hour), res.quantile(.99, 2*time.Hour, 3*time.Hour), res.shares(time.Hour, 2*time.Hour), res.shares(2*time.Hour, 3*time.Hour), worst, res.failed(), time.Since(began))
		}
	}
}
