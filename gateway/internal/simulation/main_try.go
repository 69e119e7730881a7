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
	s := limited(time.Hour, 0.9)
	for _, p := range []policy{roundRobin(), random(1), oracle(1, roomiest), builtIn("ordered"), builtIn("weighted"), builtIn("least-busy"), builtIn("cost"), builtIn("quality"), builtIn("latency"), builtIn("balanced")} {
		began := time.Now()
		var res *result
		inBubble(t, func() { res, err = s.play(p, r, 1) })
		fmt.Printf("%-12s n=%d p50=%v p99=%v shares %.3f failed %.4f 429s %.5f %v\n", p.name, len(res.served), res.quantile(.5, 0, time.Hour),
			res.quantile(.99, 0, time.Hour), res.shares(0, time.Hour), res.failed(), res.refusals(), time.Since(began))
	}
}
