package wasm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// TestHammer calls one module from many goroutines, with faults, rejections and cancelled
// callers among them, while instances are replaced often.
func TestHammer(t *testing.T) {
	m := load(t, asm.Misbehaving(asm.Op(0x00)).Bytes(), func(s *Spec) { s.MaxInstances = 3; s.Recycle = 7 })
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 300 {
				ctx, stop := context.WithCancel(context.Background())
				in := fmt.Appendf(nil, "worker %d call %d", w, i)
				switch i % 10 {
				case 3:
					in = []byte("!")
				case 7:
					stop()
				}
				out, _, err := m.Call(ctx, hook.Route, uint64(i), in, nil)
				stop()
				checkHammered(t, in, out, err, i%10 == 7)
				if n := m.Stats().Instances; n > 4 {
					t.Errorf("%d instances, want at most 3 and a spare", n)
				}
			}
		})
	}
	wg.Wait()
	if s := m.Stats(); s.Faults != 16*30 || s.Recycled == 0 {
		t.Errorf("%+v", s)
	}
}

func checkHammered(t *testing.T, in, out []byte, err error, impatient bool) {
	var f *hook.Fault
	switch {
	case impatient && errors.Is(err, context.Canceled):
	case in[0] == '!':
		if !errors.As(err, &f) {
			t.Errorf("the evil call: %q, %v", out, err)
		}
	case err != nil || !bytes.Equal(in, out):
		t.Errorf("Call(%q) = %q, %v", in, out, err)
	}
}

// parked returns a module and its only instance, which is lent.
func parked(t *testing.T) (*Module, *instance) {
	m := load(t, asm.Echo().Bytes(), func(s *Spec) { s.MaxInstances = 1 })
	g, err := m.pool.get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return m, g
}

// telling is a module that returns the input of the call before, as a plugin might by mistake.
func telling() asm.Module {
	return asm.Guest(hook.Route,
		asm.I32(8192), asm.I32(4096), asm.I32(64), asm.Op(0xfc, 10, 0, 0), // what was kept goes out
		asm.I32(4096), asm.I32(1024), asm.I32(64), asm.Op(0xfc, 10, 0, 0), // and the input is kept
		asm.Result(8192, 6))
}

func TestACallWithMemoryOfItsOwnSeesNothingOfAnother(t *testing.T) {
	for _, isolate := range []bool{false, true} {
		m := load(t, telling().Bytes(), func(s *Spec) { s.MaxInstances, s.Isolate = 1, isolate })
		if _, _, err := m.Call(t.Context(), hook.Route, 1, []byte("secret"), nil); err != nil {
			t.Fatal(err)
		}
		out, _, err := m.Call(t.Context(), hook.Route, 2, []byte("mine!!"), nil)
		if err != nil || (string(out) == "secret") == isolate {
			t.Errorf("isolated: %v; the second call is told %q, %v", isolate, out, err)
		}
		if s := m.Stats(); s.Instances > 2 || isolate && s.Recycled != 2 {
			t.Errorf("isolated: %v; %d instances, %d recycled", isolate, s.Instances, s.Recycled)
		}
	}
}

func TestHammerOfIsolatedCalls(t *testing.T) {
	m := load(t, asm.Misbehaving(asm.Op(0x00)).Bytes(), func(s *Spec) { s.MaxInstances, s.Isolate = 3, true })
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 100 {
				in := fmt.Appendf(nil, "worker %d call %d", w, i)
				if i%10 == 3 {
					in = []byte("!")
				}
				out, _, err := m.Call(t.Context(), hook.Route, uint64(i), in, nil)
				checkHammered(t, in, out, err, false)
				if n := m.Stats().Instances; n > 4 {
					t.Errorf("%d instances, want at most 3 and one ahead of need", n)
				}
			}
		})
	}
	wg.Wait()
	if s := m.Stats(); s.Faults != 8*10 || s.Recycled != 8*90 {
		t.Errorf("%+v", s)
	}
}

func TestWaitingForAnInstanceEndsWithTheContext(t *testing.T) {
	m, g := parked(t)
	ctx, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	if _, _, err := m.Call(ctx, hook.Route, 1, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Call with no instance free: %v, want the context's error", err)
	}
	m.pool.put(g, succeeded, cost{})
	if _, _, err := m.Call(context.Background(), hook.Route, 1, nil, nil); err != nil {
		t.Errorf("Call after one came free: %v", err)
	}
}

func TestAWaiterGetsTheFreedInstance(t *testing.T) {
	m, g := parked(t)
	got := make(chan error)
	go func() {
		_, _, err := m.Call(context.Background(), hook.Route, 1, []byte("x"), nil)
		got <- err
	}()
	m.pool.put(g, succeeded, cost{})
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestCloseWaitsForAllReferences(t *testing.T) {
	m := load(t, asm.Echo().Bytes())
	if !m.Retain() {
		t.Fatal("Retain of an open module = false")
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := m.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close while the module is held: %v, want the context's error", err)
	}
	if _, _, err := m.Call(context.Background(), hook.Route, 1, nil, nil); err != nil {
		t.Errorf("Call while the module is held: %v", err)
	}
	m.Release()
	if err := m.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, _, err := m.Call(context.Background(), hook.Route, 1, nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Call after Close: %v, want ErrClosed", err)
	}
	if m.Retain() {
		t.Error("Retain of a closed module = true")
	}
}

// TestReloadUnderLoad swaps modules a thousand times during calls: no call fails, and the old
// modules are freed.
func TestReloadUnderLoad(t *testing.T) {
	reloads := 1000
	if testing.Short() {
		reloads = 50
	}
	h := newTestHost(t)
	next := func() *Module {
		m, err := h.Load(context.Background(), Spec{Name: "swap", Wasm: asm.Echo().Bytes(), MaxInstances: 2})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var mu sync.RWMutex
	current := next()
	hold := func() *Module { // as a configuration does: look up and retain under one lock
		mu.RLock()
		defer mu.RUnlock()
		if !current.Retain() {
			t.Error("the current module is closed")
		}
		return current
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				m := hold()
				if _, _, err := m.Call(context.Background(), hook.Route, 1, []byte("x"), nil); err != nil {
					t.Error(err)
				}
				m.Release()
			}
		})
	}
	for range reloads {
		fresh := next()
		mu.Lock()
		old := current
		current = fresh
		mu.Unlock()
		if err := old.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if modules, instances := h.Live(); modules != 1 || instances > 3 {
			t.Fatalf("%d modules and %d instances live after a reload, want one module", modules, instances)
		}
	}
	close(stop)
	wg.Wait()
	if modules, instances := h.Live(); modules != 1 || instances > 3 {
		t.Errorf("%d modules and %d instances live, want one module", modules, instances)
	}
}
