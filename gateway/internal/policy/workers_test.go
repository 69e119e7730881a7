package policy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/policies"
)

func TestStuckJobsAreDetachedAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorkers()
		free := make(chan struct{})
		stuck := func() (int, error) { <-free; return 1, nil }
		b := bounds{limit: 20 * time.Millisecond, grace: 200 * time.Millisecond, stop: func() {}}
		for n := range cap(w.evaluations) {
			start := time.Now()
			if _, err := within(t.Context(), w, w.evaluations, b, stuck); !errors.Is(err, errStuck) || time.Since(start) != b.limit+b.grace {
				t.Fatalf("within = %v after %v, want errStuck after %v", err, time.Since(start), b.limit+b.grace)
			}
			if got := w.Overrunning(); got != n+1 {
				t.Fatalf("Overrunning = %d, want %d", got, n+1)
			}
		}
		start := time.Now()
		if _, err := within(t.Context(), w, w.evaluations, b, stuck); !errors.Is(err, errBusy) || time.Since(start) != 0 {
			t.Errorf("within = %v after %v, want errBusy at once", err, time.Since(start))
		}
		close(free)
		synctest.Wait()
		if got, err := within(t.Context(), w, w.evaluations, b, stuck); err != nil || got != 1 || w.Overrunning() != 0 {
			t.Errorf("within = %d, %v with %d overrunning, want 1 once the others have ended", got, err, w.Overrunning())
		}
	})
}

func TestJobsThatStopInTheirGraceAreNotDetached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorkers()
		stopped := make(chan struct{})
		b := bounds{limit: time.Second, grace: time.Second, stop: func() { close(stopped) }}
		_, err := within(t.Context(), w, w.loads, b, func() (int, error) { <-stopped; return 0, errTimeout })
		if !errors.Is(err, errTimeout) || errors.Is(err, errStuck) || w.Overrunning() != 0 {
			t.Errorf("within = %v, %d overrunning, want the job's own error", err, w.Overrunning())
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped = make(chan struct{})
		time.AfterFunc(10*time.Millisecond, cancel)
		start := time.Now()
		if _, err := within(ctx, w, w.loads, b, func() (int, error) { <-stopped; return 0, nil }); err != nil || time.Since(start) != 10*time.Millisecond {
			t.Errorf("within = %v after %v, want the job to be stopped with its context", err, time.Since(start))
		}
	})
}

func TestWaitForASlotIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWorkers()
		for range cap(w.loads) {
			w.loads <- struct{}{}
		}
		start := time.Now()
		if _, err := within(t.Context(), w, w.loads, bounds{limit: time.Second}, func() (int, error) { return 0, nil }); !errors.Is(err, errBusy) || time.Since(start) != maxWait {
			t.Errorf("within = %v after %v, want errBusy after %v", err, time.Since(start), maxWait)
		}
	})
}

func TestPanicOfAJobIsAnError(t *testing.T) {
	w := NewWorkers()
	_, err := within(t.Context(), w, w.loads, bounds{limit: time.Minute}, func() (int, error) { panic("odd") })
	if err == nil || !strings.Contains(err.Error(), "odd") || len(w.loads) != 0 {
		t.Errorf("within = %v, %d slots taken, want the panic as an error and no slot", err, len(w.loads))
	}
}

// TestDecideReturnsWhileAnEvaluationRunsOn has a policy compare two values that share their
// parts so often that it takes a while, during which nothing can stop it.
func TestDecideReturnsWhileAnEvaluationRunsOn(t *testing.T) {
	rego := "package penstock\ndecision := {\"allow\": x22 == y22} if input.request.model == \"odd\"\ndecision := {\"allow\": true} if input.request.model != \"odd\"\n" +
		chain("x", 22) + chain("y", 22)
	dir := t.TempDir()
	writeRego(t, dir, rego)
	e, err := New(t.Context(), Options{Source: Source{Dir: dir, FS: policies.FS}, Timeout: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(model string) error {
		_, err := e.Decide(t.Context(), Input{Request: &llm.Request{Facts: llm.Facts{Model: model}}})
		return err
	}
	err = ask("odd")
	var known *llm.Error
	if !errors.As(err, &known) || known.Status != 503 || !errors.Is(err, errStuck) || e.Status().Overrunning != 1 {
		t.Errorf("Decide = %v, %d overrunning, want 503 while the evaluation goes on", err, e.Status().Overrunning)
	}
	slots := e.options.Workers.evaluations
	for range cap(slots) { // waits for the one that runs on
		slots <- struct{}{}
	}
	if n := e.Status().Overrunning; n != 0 {
		t.Errorf("%d overrunning after the end, want none", n)
	}
}

func TestLoadThatTakesTooLongIsRefused(t *testing.T) {
	dir := t.TempDir()
	writeRego(t, dir, "package penstock\ndecision := {\"allow\": true}\n")
	w := NewWorkers()
	_, err := New(t.Context(), Options{Source: Source{Dir: dir, FS: policies.FS}, LoadTimeout: time.Nanosecond, Workers: w})
	if err == nil || !strings.Contains(err.Error(), "was not read, compiled and tested within 1ns") {
		t.Errorf("New = %v, want a policy that takes too long", err)
	}
	for range cap(w.loads) { // waits for what still runs
		w.loads <- struct{}{}
	}
}

// chain returns rules for a value of 2^n parts that takes the memory of n.
func chain(name string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s0 := [input.request.model, 1]\n", name)
	for i := range n {
		fmt.Fprintf(&b, "%s%d := [%s%d, %s%d]\n", name, i+1, name, i, name, i)
	}
	return b.String()
}

func writeRego(t *testing.T, dir, rego string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "p.rego"), []byte(rego), 0o600); err != nil {
		t.Fatal(err)
	}
}
