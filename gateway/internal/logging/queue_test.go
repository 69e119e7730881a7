package logging_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/logging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFormats(t *testing.T) {
	for json, want := range map[bool]string{true: `"msg":"hello","n":1}`, false: "msg=hello n=1"} {
		var out bytes.Buffer
		log := logging.New(&out, json, slog.LevelWarn)
		log.Info("not shown")
		log.Warn("hello", "n", 1)
		if got := out.String(); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("json %v: %s", json, got)
		}
	}
}

// gate is a writer that waits until it is opened.
type gate struct {
	opened chan struct{}
	mu     sync.Mutex
	out    bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.opened
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.out.Write(p)
}

// TestQueueNeverWaits has a writer that hangs: all lines beyond the bound are dropped, counted,
// and none is cut.
func TestQueueNeverWaits(t *testing.T) {
	g := &gate{opened: make(chan struct{})}
	q := logging.NewQueue(g)
	var wg sync.WaitGroup
	const writers, each = 8, 2000
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				fmt.Fprintf(q, "writer %d line %d\n", w, i)
			}
		})
	}
	wg.Wait() // although nothing can be written
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	q.Close(ended) // although it hangs
	close(g.opened)
	q.Close(t.Context())
	q.Close(t.Context())
	_, _ = io.WriteString(q, "too late\n")
	lines := strings.Count(g.out.String(), "\n")
	if dropped := int(q.Dropped()); dropped == 0 || lines+dropped != writers*each {
		t.Errorf("%d lines are written and %d dropped of %d", lines, dropped, writers*each)
	}
	for line := range strings.Lines(g.out.String()) {
		var w, i int
		if _, err := fmt.Sscanf(line, "writer %d line %d\n", &w, &i); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestQueueCountsWhatCannotBeWritten(t *testing.T) {
	q := logging.NewQueue(broken{})
	_, _ = io.WriteString(q, "a\n")
	q.Close(t.Context())
	if q.Dropped() != 1 {
		t.Errorf("%d lines are dropped, want 1", q.Dropped())
	}
}
