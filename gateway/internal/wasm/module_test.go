package wasm

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLog sends a host's log into the test's.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func newTestHost(t testing.TB, more ...func(*Options)) *Host {
	t.Helper()
	o := Options{Log: testLog(t)}
	for _, f := range more {
		f(&o)
	}
	h, err := NewHost(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := h.Close(ctx); err != nil {
			t.Errorf("close host: %v", err)
		}
		if m, i := h.Live(); m != 0 || i != 0 {
			t.Errorf("after Close %d modules and %d instances live on", m, i)
		}
	})
	return h
}

// load loads a module into a host of its own.
func load(t testing.TB, wasm []byte, more ...func(*Spec)) *Module {
	t.Helper()
	s := Spec{Name: "test", Wasm: wasm}
	for _, f := range more {
		f(&s)
	}
	m, err := newTestHost(t).Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCallGivesInputToTheGuestAndAppendsItsResult(t *testing.T) {
	m := load(t, asm.Echo().Bytes())
	out, fuel, err := m.Call(context.Background(), hook.Route, 1, []byte("hello"), []byte("> "))
	if err != nil || string(out) != "> hello" {
		t.Fatalf("Call = %q, %v, want \"> hello\"", out, err)
	}
	if fuel <= 0 || fuel > 100 {
		t.Errorf("fuel = %d, want a few instructions", fuel)
	}
	if _, _, err := m.Call(context.Background(), hook.RouteFlat, 1, nil, nil); !errors.Is(err, ErrNoHook) {
		t.Errorf("Call of a hook that is not exported: %v, want ErrNoHook", err)
	}
}
