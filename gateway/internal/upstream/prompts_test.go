package upstream

import (
	"fmt"
	"testing"
	"time"
)

func TestPrompts(t *testing.T) {
	now := testNow
	p := NewPrompts(func() time.Time { return now })
	p.Sent("key", "s", "p/m", 1000)
	p.Sent("key", "", "p/m", 7)
	for _, c := range []struct {
		key, session, target string
		want                 int64
	}{
		{"key", "s", "p/m", 1000},
		{"key", "s", "p/other", 0},
		{"key", "other", "p/m", 0},
		{"other", "s", "p/m", 0},
		{"key", "", "p/m", 0},
	} {
		if got := p.Cached(c.key, c.session, c.target); got != c.want {
			t.Errorf("Cached(%q, %q, %q) = %d, want %d", c.key, c.session, c.target, got, c.want)
		}
	}
	now = now.Add(promptLife - time.Second)
	p.Sent("key", "s", "p/m", 1500)
	now = now.Add(promptLife - time.Second)
	if got := p.Cached("key", "s", "p/m"); got != 1500 {
		t.Errorf("before its time is over: %d, want the last prompt's 1500", got)
	}
	now = now.Add(time.Second)
	if got := p.Cached("key", "s", "p/m"); got != 0 {
		t.Errorf("after five minutes: %d, want 0", got)
	}
}

// TestPromptsAreBounded has more sessions than fit.
func TestPromptsAreBounded(t *testing.T) {
	p := NewPrompts(func() time.Time { return testNow })
	kept := 0
	for i := range 3 * maxPrompts {
		p.Sent("", fmt.Sprint(i), "p/m", 1)
	}
	for i := range 3 * maxPrompts {
		kept += int(p.Cached("", fmt.Sprint(i), "p/m"))
	}
	if kept < maxPrompts/2 || kept > maxPrompts {
		t.Errorf("%d prompts are remembered, want at most %d and at least half of that", kept, maxPrompts)
	}
}

func TestPromptsAllocateNothing(t *testing.T) {
	p := NewPrompts(time.Now)
	p.Sent("key", "s", "p/m", 1)
	if n := testing.AllocsPerRun(100, func() {
		p.Sent("key", "s", "p/m", 1)
		p.Cached("key", "s", "p/m")
	}); n != 0 {
		t.Errorf("a request's share of Prompts allocates %v times, want 0", n)
	}
}
