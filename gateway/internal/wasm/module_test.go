package wasm

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
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

func newTestHost(t testing.TB) *Host {
	t.Helper()
	h, err := NewHost(Options{Log: testLog(t)})
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

// echo returns its input.
func echo() asm {
	return guest(Route, get(0), op(0xad), i64c(32), op(0x86), get(1), op(0xad, 0x84)) // ptr<<32 | len
}

func TestCallGivesInputToTheGuestAndAppendsItsResult(t *testing.T) {
	m := load(t, echo().bytes())
	out, fuel, err := m.Call(context.Background(), Route, 1, []byte("hello"), []byte("> "))
	if err != nil || string(out) != "> hello" {
		t.Fatalf("Call = %q, %v, want \"> hello\"", out, err)
	}
	if fuel <= 0 || fuel > 100 {
		t.Errorf("fuel = %d, want a few instructions", fuel)
	}
	if _, _, err := m.Call(context.Background(), RouteFlat, 1, nil, nil); !errors.Is(err, ErrNoHook) {
		t.Errorf("Call of a hook that is not exported: %v, want ErrNoHook", err)
	}
}
