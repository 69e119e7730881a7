package wasm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// goGuest is testdata/goguest, built by the Go toolchain that runs the tests.
var goGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "goguest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	c := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-trimpath", "-o", out, ".")
	c.Dir = filepath.Join("testdata", "goguest")
	c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if msg, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, msg)
	}
	return os.ReadFile(out)
})

// loadGoGuest loads the Go guest. Compiling it takes a second.
func loadGoGuest(t testing.TB, more ...func(*Spec)) *Module {
	t.Helper()
	if testing.Short() {
		t.Skip("building and compiling a Go guest takes seconds")
	}
	wasm, err := goGuest()
	if err != nil {
		t.Fatal(err)
	}
	return load(t, wasm, more...)
}

// fleet returns n candidates with falling prices.
func fleet(n int) []llm.Candidate {
	c := make([]llm.Candidate, n)
	for i := range c {
		c[i].Target = &llm.Target{
			ID: fmt.Sprintf("p/m%d", i), Provider: "p", Model: fmt.Sprintf("m%d", i), Weight: 1, Quality: -1, Context: 128_000,
			Price: llm.Price{Known: true, Input: llm.NanoUSD(1e9 - 1e6*i), Output: llm.NanoUSD(4e9 - 4e6*i)},
		}
		c[i].Stats = llm.Stats{RemainingRequests: -1, RemainingTokens: -1, TTFT: llm.Millis(300 * time.Millisecond), TPS: 80}
	}
	return c
}

// flatInput asks a router about n candidates in the flat form.
func flatInput(req *llm.Request, n int, part string) []byte {
	return hook.AppendFlat(nil, &hook.RouteInput{Request: req, Candidates: fleet(n), Part: []byte(part), Seed: 1, Now: time.Unix(1, 0)})
}

func TestAStockGoModuleRuns(t *testing.T) {
	// A whole garbage collection happens within some call and takes more fuel than routing.
	m := loadGoGuest(t, func(s *Spec) { s.MaxInstances, s.Fuel = 1, 50_000_000 })
	r, err := NewRouter(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	req := &llm.Request{ID: "req-1"}
	for _, name := range []string{"cheapest", "garbage", "say"} {
		k, err := r.Prepare(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		most := int64(0)
		for range 100 { // enough for the guest to collect its garbage
			got := k.Rank(context.Background(), req, fleet(4))
			if diff := cmp.Diff([]int{3, 2, 1, 0}, got.Order); diff != "" || got.Fault != "" {
				t.Fatalf("Rank with %s: order (-want +got)\n%s fault %q", name, diff, got.Fault)
			}
			most = max(most, got.Fuel)
		}
		t.Logf("%s used at most %d fuel", name, most)
	}
	s := m.Stats()
	t.Logf("%+v", s)
}

func TestAGoModuleThatPanicsOrExitsFaults(t *testing.T) {
	m := loadGoGuest(t)
	for name, want := range map[string]hook.FaultKind{"panic": hook.Trapped, "exit": hook.Exited} {
		_, _, err := m.Call(context.Background(), hook.RouteFlat, 1, flatInput(&llm.Request{}, 2, name+"\n"), nil)
		var f *hook.Fault
		if !errors.As(err, &f) || f.Kind != want {
			t.Errorf("%s: %v, want a fault of kind %s", name, err, want)
		}
	}
}

func TestAGoModuleThatKeepsGrowingIsReplaced(t *testing.T) {
	m := loadGoGuest(t, func(s *Spec) { s.MaxInstances = 1 })
	in := flatInput(&llm.Request{}, 2, "leak\n")
	for range 400 {
		if _, _, err := m.Call(context.Background(), hook.RouteFlat, 1, in, nil); err != nil {
			t.Fatalf("%v after %+v", err, m.Stats())
		}
	}
	if s := m.Stats(); s.Recycled == 0 || s.Instances > 2 || s.Memory > 64<<20 {
		t.Errorf("%+v, want instances replaced", s)
	}
}

func TestConfigThatAModuleRefusesFailsTheLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("building and compiling a Go guest takes seconds")
	}
	wasm, err := goGuest()
	if err != nil {
		t.Fatal(err)
	}
	_, err = newTestHost(t).Load(context.Background(), Spec{Name: "picky", Wasm: wasm, Config: []byte(`{"bad":true}`)})
	if err == nil || !strings.Contains(err.Error(), "bad must not be true") {
		t.Errorf("Load = %v, want the module's own message", err)
	}
}
