package pipeline

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestCachedPrefix has a session's second request see what its first one left at its target.
func TestCachedPrefix(t *testing.T) {
	f := newFakes("a", "b")
	var seen []int64
	f.ranks = func(c []llm.Candidate) llm.Ranking {
		seen = seen[:0]
		for i := range c {
			seen = append(seen, c[i].CachedPrefix)
			if want := llm.StickyHash("s", c[i].Target.ID); c[i].Sticky != want && c[i].Sticky != llm.StickyHash("t", c[i].Target.ID) {
				t.Errorf("the sticky hash of %s is %d, want %d", c[i].Target.ID, c[i].Sticky, want)
			}
		}
		return llm.Ranking{Order: []int{0, 1}}
	}
	ask := func(key, session string, estimate int64) *llm.Record {
		f.records = nil
		req := request(false)
		req.Principal.KeyID, req.Session, req.Facts.EstInputTokens = key, session, estimate
		if _, err := f.serve(t, t.Context(), req); err != nil {
			t.Fatal(err)
		}
		return f.records[0]
	}
	ask("k", "s", 120)
	for _, c := range []struct {
		key, session string
		estimate     int64
		want         int64
	}{{"k", "s", 200, 100}, {"k", "s", 60, 60}, {"k", "t", 200, 0}, {"l", "s", 200, 0}} {
		r := ask(c.key, c.session, c.estimate)
		if seen[0] != c.want || seen[1] != 0 || r.Candidates[0].CachedPrefix != c.want {
			t.Errorf("session %s of key %s: the router saw %v, the record has %d, want %d for the first target only",
				c.session, c.key, seen, r.Candidates[0].CachedPrefix, c.want)
		}
	}
}

func TestKeptPrompt(t *testing.T) {
	u := &llm.Usage{Input: 5000, CacheRead: 2000, CacheWrite: 1000, CacheWriteLong: 500}
	for _, c := range []struct {
		name   string
		target llm.Target
		want   int64
	}{
		{"keeps what it is asked", llm.Target{Dialect: llm.OpenAI, Price: llm.Price{Known: true, Input: 5, CacheRead: 1, CacheWrite: 5}}, 5000},
		{"nothing known", llm.Target{Dialect: llm.OpenAI}, 5000},
		{"writes at a price", llm.Target{Dialect: "bedrock", Price: llm.Price{Known: true, Input: 4, CacheWrite: 5}}, 3500},
		{"writes on request", llm.Target{Dialect: llm.Anthropic}, 3500},
	} {
		if got := keptPrompt(&c.target, u); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
