package cases

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newTestHost returns a host that runs the tests of manifests. It is closed when the test ends.
func newTestHost(t testing.TB, more ...func(*wasm.Options)) *wasm.Host {
	t.Helper()
	o := wasm.Options{SelfTest: SelfTest}
	for _, f := range more {
		f(&o)
	}
	h, err := wasm.NewHost(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := h.Close(ctx); err != nil {
			t.Errorf("close host: %v", err)
		}
	})
	return h
}

// load loads a module into a host of its own.
func load(t testing.TB, code []byte, more ...func(*wasm.Spec)) *wasm.Module {
	t.Helper()
	s := wasm.Spec{Name: "test", Wasm: code}
	for _, f := range more {
		f(&s)
	}
	m, err := newTestHost(t).Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var someTarget = &llm.Target{ID: "a/c", Provider: "a", Model: "c"}

// fleet returns n candidates with falling prices.
func fleet(n int) []llm.Candidate {
	c := make([]llm.Candidate, n)
	for i := range c {
		c[i].Target = &llm.Target{ID: fmt.Sprintf("p/m%d", i), Provider: "p", Model: fmt.Sprintf("m%d", i), Weight: 1, Quality: -1, Context: 128_000,
			Price: llm.Price{Known: true, Input: llm.NanoUSD(1e9 - 1e6*i), Output: llm.NanoUSD(4e9 - 4e6*i)}}
		c[i].Stats = llm.Stats{RemainingRequests: -1, RemainingTokens: -1, TTFT: llm.Millis(300 * time.Millisecond), TPS: 80}
	}
	return c
}
