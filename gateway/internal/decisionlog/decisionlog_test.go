package decisionlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/decisionlog"
	"github.com/penstock/penstock/gateway/internal/llm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// decided is a decision on an input.
func decided(id, input string) llm.Decided {
	return llm.Decided{RequestID: id, KeyID: "ab12cd34", At: noon(), Took: 1500, Decision: &llm.Decision{Allow: true, Revision: "0123456789ab",
		Limits: []llm.Limit{{Name: "day", Scope: "team:search", Unit: "usd", Window: "day", Max: 9007199254740993}}},
		Input: func() ([]byte, error) { return []byte(input), nil }}
}

const fullInput = `{"key":{"user":"ada@example.com"},"request":{"ip":"192.0.2.9","metadata":{"canary":"canary"},"model":"m","tags":{"email":"eve@example.com","usecase":"x"}}}`

// memory is an output that keeps what it gets.
type memory struct {
	mu    sync.Mutex
	lines [][]byte
	block chan struct{} // if not nil, Write waits until it is closed or the context ends
	fail  error
}

func (m *memory) Name() string             { return "memory" }
func (m *memory) Batch() decisionlog.Batch { return decisionlog.Batch{Lines: 10, Bytes: 1 << 20} }
func (m *memory) Close() error             { return nil }

func (m *memory) Write(ctx context.Context, lines []decisionlog.Line) (int, string, error) {
	if m.block != nil {
		select {
		case <-m.block:
		case <-ctx.Done():
			return len(lines), "shutdown", ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return len(lines), "write_failed", m.fail
	}
	for _, l := range lines {
		m.lines = append(m.lines, bytes.Clone(l.JSON))
	}
	return 0, "", nil
}

func dropped(l *decisionlog.Log) map[string]uint64 {
	all := map[string]uint64{}
	for _, d := range l.Dropped() {
		if d.Lines > 0 {
			all[d.Sink+" "+d.Reason] = d.Lines
		}
	}
	return all
}

// The lines of each kind, as they are in a file.
func TestLines(t *testing.T) {
	replace := "***"
	m := &memory{}
	l := decisionlog.Start([]decisionlog.Output{m}, decisionlog.Options{Labels: map[string]string{"app": "penstock", "version": "v1"}, Mask: []decisionlog.Mask{
		{Path: "/input/request/tags/email"}, {Path: "/input/key/user", Replace: &replace}, {Path: "/result/limits/0/scope", Replace: &replace}, {Path: "/custom/charges/0/scope", Replace: &replace}, {Path: "/custom/target"}}})
	l.Decided(decided("req-1", fullInput))
	plain := decided("req-2", `{"request":{"model":"m"}}`)
	plain.Decision = &llm.Decision{Allow: true, Revision: "0123456789ab"}
	plain.Bundle, plain.Trace = "v7", callersTrace()
	l.Decided(plain)
	quiet := decided("req-3", "")
	quiet.Input, quiet.Decision = nil, &llm.Decision{Allow: true, Revision: "0123456789ab", Obligations: llm.Obligations{Log: llm.LogNone}}
	l.Decided(quiet)
	failed := decided("req-4", `{"request":{"model":"odd"}}`)
	failed.Err = &llm.Error{Code: llm.CodePolicyFault, Message: "cannot decide", Err: errors.New("allow is 1")}
	l.Decided(failed)
	l.Settled(&llm.Record{ID: "req-1", Time: noon(), Duration: llm.Millis(1234 * time.Millisecond), Status: 200, KeyID: "ab12cd34", Target: "demo/demo", Cost: 7,
		Decision: &llm.Decision{Revision: "0123456789ab"},
		Limits:   []llm.LimitState{{Limit: llm.Limit{Name: "day", Scope: "team:search", Unit: "usd", Window: "day", Max: 100}, WindowID: "2026-11-22", Before: 1, Reserved: 9}},
		Charges:  []llm.Charge{{Scope: "user:ada@example.com", Unit: "usd", Window: "day", WindowID: "2026-11-22", Amount: 7}}})
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := string(bytes.Join(m.lines, []byte("\n"))) + "\n"
	for _, secret := range []string{"canary", "192.0.2.9", "eve@example.com", "ada@example.com"} {
		if strings.Contains(got, secret) {
			t.Errorf("%s is in the log:\n%s", secret, got)
		}
	}
	if *update {
		if err := os.WriteFile("testdata/lines.jsonl", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/lines.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestMasks(t *testing.T) {
	value := "x"
	for _, test := range []struct {
		mask           decisionlog.Mask
		want           string // of the input
		erased, masked []string
	}{
		{decisionlog.Mask{Path: "/input/a"}, `{"b":[1,2],"c/d":{"~":1}}`, []string{"/input/a"}, nil},
		{decisionlog.Mask{Path: "/input/b/0"}, `{"a":{"x":12345678901234567890},"b":[2],"c/d":{"~":1}}`, []string{"/input/b/0"}, nil},
		{decisionlog.Mask{Path: "/input/c~1d/~0"}, `{"a":{"x":12345678901234567890},"b":[1,2],"c/d":{}}`, []string{"/input/c~1d/~0"}, nil},
		{decisionlog.Mask{Path: "/input/none/of/it"}, "", nil, nil},
		{decisionlog.Mask{Path: "/input/b/2"}, "", nil, nil},
		{decisionlog.Mask{Path: "/input/b/x"}, "", nil, nil},
		{decisionlog.Mask{Path: "/input/a/x/y"}, "", nil, nil},
		{decisionlog.Mask{Path: "/input"}, "null", []string{"/input"}, nil},
		{decisionlog.Mask{Path: "/custom/x"}, "", nil, nil},
		{decisionlog.Mask{Path: "/input/b/1", Replace: &value}, `{"a":{"x":12345678901234567890},"b":[1,"x"],"c/d":{"~":1}}`, nil, []string{"/input/b/1"}},
		{decisionlog.Mask{Path: "/input/new/one", Replace: &value}, "", nil, nil},
		{decisionlog.Mask{Path: "/input/a/x/y", Replace: &value}, "", nil, nil},
		{decisionlog.Mask{Path: "/input", Replace: &value}, `"x"`, nil, []string{"/input"}},
	} {
		m := &memory{}
		l := decisionlog.Start([]decisionlog.Output{m}, decisionlog.Options{Mask: []decisionlog.Mask{test.mask}})
		const input = `{"a":{"x":12345678901234567890},"b":[1,2],"c/d":{"~":1}}`
		l.Decided(decided("r", input))
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Input          json.RawMessage
			Erased, Masked []string
		}
		if err := json.Unmarshal(m.lines[0], &got); err != nil {
			t.Fatal(err)
		}
		if test.want == "" {
			test.want = input
		}
		if got.Input == nil {
			got.Input = []byte("null")
		}
		if string(got.Input) != test.want || !cmp.Equal(got.Erased, test.erased) || !cmp.Equal(got.Masked, test.masked) {
			t.Errorf("mask %s: input %s, erased %q, masked %q; want %s, %q, %q", test.mask.Path, got.Input, got.Erased, got.Masked, test.want, test.erased, test.masked)
		}
	}
}

// A sink that hangs loses lines, and nobody waits for it: neither requests nor other sinks.
func TestFullQueue(t *testing.T) {
	slow, fast := &memory{block: make(chan struct{})}, &memory{}
	l := decisionlog.Start([]decisionlog.Output{slow, named{fast, "fast"}}, decisionlog.Options{Queue: 20})
	for i := range 200 {
		l.Decided(decided(fmt.Sprint("req-", i), `{}`))
		for len(fast.snapshot()) <= i { // all of them reach the sink that works
			runtime.Gosched()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(ctx); err == nil || !strings.Contains(err.Error(), "lines are missing") {
		t.Errorf("Close = %v, want the number of missing lines", err)
	}
	lost := dropped(l)
	if lost["memory queue_full"] < 100 || lost["memory queue_full"]+lost["memory shutdown"] != 200 || len(lost) != 2 {
		t.Errorf("dropped %v, want all 200 of the sink that hangs", lost)
	}
	l.Decided(decided("late", `{}`))
	if lost := dropped(l); lost["fast closed"] != 1 {
		t.Errorf("dropped %v, want the line after Close", lost)
	}
	if err := l.Close(t.Context()); err == nil {
		t.Error("a second Close forgot the error")
	}
}

// A stream that nobody reads does not keep the log from being closed.
func TestStreamThatHangs(t *testing.T) {
	read, write := io.Pipe()
	l := decisionlog.Start([]decisionlog.Output{decisionlog.NewStream("pipe", write)}, decisionlog.Options{Queue: 20})
	for i := range 10 {
		l.Decided(decided(fmt.Sprint("req-", i), `{}`))
	}
	if _, err := read.Read(make([]byte, 1)); err != nil { // so that a Write waits
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(ctx); err == nil || !strings.Contains(err.Error(), "nobody reads it") && !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("Close = %v, want that nobody reads it", err)
	}
	if lost := dropped(l); lost["pipe shutdown"] != 10 {
		t.Errorf("dropped %v, want all 10", lost)
	}
	_ = read.Close() // ends the Write
}

type named struct {
	*memory
	name string
}

func (n named) Name() string { return n.name }

func (m *memory) snapshot() [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lines
}

func TestFailingSink(t *testing.T) {
	m := &memory{fail: errors.New("disk full")}
	l := decisionlog.Start([]decisionlog.Output{m}, decisionlog.Options{})
	l.Settled(&llm.Record{ID: "x"})
	if err := l.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "disk full (1 lines are missing)") {
		t.Errorf("Close = %v, want disk full", err)
	}
}

// TestHammer has many writers while sinks write, and closes in the middle.
func TestHammer(t *testing.T) {
	m := &memory{}
	l := decisionlog.Start([]decisionlog.Output{m}, decisionlog.Options{Queue: 100_000})
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := range 40 {
				l.Decided(decided(fmt.Sprintf("%d-%d", w, i), fullInput))
				l.Settled(&llm.Record{ID: fmt.Sprintf("%d-%d", w, i)})
				l.Dropped()
			}
		})
	}
	wg.Wait()
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, line := range m.lines {
		var got struct {
			ID string `json:"decision_id"`
		}
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		seen[got.ID]++
	}
	if len(m.lines) != 64*80 || len(seen) != 64*40 || len(dropped(l)) != 0 {
		t.Errorf("%d lines of %d requests, dropped %v; want all", len(m.lines), len(seen), dropped(l))
	}
}
