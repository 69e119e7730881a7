package pipeline

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// gate is a sink that writes when it is told to.
type gate struct {
	open chan error
	got  string
}

func (g *gate) Start(llm.Head) error { return nil }
func (g *gate) Event(e llm.Event) error {
	err := <-g.open
	g.got += string(e.Frame)
	return err
}

// TestAside writes to a caller who takes nothing while others follow: only the last event
// waits, and the order stays.
func TestAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan error)}
		a := &queuedSink{sink: g, followed: func() bool { return true }}
		a.changed.L = &a.mu
		frame := []byte("a")
		for range 3 {
			if err := a.Event(llm.Event{Frame: frame}); err != nil {
				t.Fatal(err)
			}
			frame[0]++ // the memory of an event is used again
		}
		ended := make(chan error)
		go func() { ended <- a.Event(llm.Event{Frame: []byte("!"), Final: true}) }()
		for range 4 {
			synctest.Wait()
			select {
			case err := <-ended:
				t.Fatalf("the last event has returned %v with %q written", err, g.got)
			default:
			}
			g.open <- nil
		}
		if err := <-ended; err != nil || g.got != "abc!" {
			t.Errorf("%v, %q", err, g.got)
		}
		a.wait()
	})
}

// TestAsideTellsThatTheCallerIsGone has a write fail: the next event reports it, and nothing
// more is written.
func TestAsideTellsThatTheCallerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		g := &gate{open: make(chan error, 1)}
		a := &queuedSink{sink: g, followed: func() bool { return true }}
		a.changed.L = &a.mu
		g.open <- gone
		if err := a.Event(llm.Event{Frame: []byte("a")}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 2 {
			if err := a.Event(llm.Event{Frame: []byte("b")}); !errors.Is(err, gone) {
				t.Errorf("the next event returns %v", err)
			}
		}
		if a.wait(); g.got != "a" {
			t.Errorf("%q was written", g.got)
		}
	})
}
