package similar

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// modelEntry is an entry of the model: a text with the reply's key, and its end.
type modelEntry struct {
	text    string
	expires time.Time
}

// TestIndexModel compares an index with a map, under any order of calls.
func TestIndexModel(t *testing.T) {
	texts := []string{"reset my password", "Plan 3 days in Rome", "Plan 4 days in Rome", "Is it safe?", "Is it not safe?", "what do otters eat"}
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		x := NewIndex(1<<40, c.now)
		model := map[Key]map[Key]modelEntry{}
		draw := func(t *rapid.T) (identity Key, text string, q *Query) {
			identity, text = keyOf(rapid.IntRange(1, 3).Draw(t, "identity")), rapid.SampledFrom(texts).Draw(t, "text")
			q, err := NewQuery(identity, text, Embed(text), true)
			if err != nil {
				t.Fatal(err)
			}
			return identity, text, q
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				identity, text, q := draw(t)
				reply, ttl := keyOf(rapid.IntRange(10, 20).Draw(t, "reply")), time.Duration(rapid.IntRange(1, 100).Draw(t, "ttl"))*time.Second
				x.Add(q, reply, ttl)
				if model[identity] == nil {
					model[identity] = map[Key]modelEntry{}
				}
				model[identity][reply] = modelEntry{text, c.at.Add(ttl)}
			},
			"delete": func(t *rapid.T) {
				reply := keyOf(rapid.IntRange(10, 20).Draw(t, "reply"))
				want := 0
				for _, entries := range model {
					if _, ok := entries[reply]; ok {
						want++
						delete(entries, reply)
					}
				}
				if got := x.Delete(reply.ID()); len(got) != want {
					t.Fatalf("Delete removed %d entries, want %d", len(got), want)
				}
			},
			"forget": func(t *rapid.T) {
				identity, _, _ := draw(t)
				reply := keyOf(rapid.IntRange(10, 20).Draw(t, "reply"))
				x.Forget(identity, reply)
				delete(model[identity], reply)
			},
			"wait": func(t *rapid.T) {
				c.at = c.at.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "seconds")) * time.Second)
			},
			"find": func(t *rapid.T) {
				identity, text, q := draw(t)
				m := x.Find(q, 0.95)
				want := false
				for _, e := range model[identity] {
					want = want || e.text == text && e.expires.After(c.at)
				}
				if found(m) != want || want && model[identity][m.Reply].text != text {
					t.Fatalf("Find(%q) = %+v, want found = %v", text, m, want)
				}
			},
			"": func(t *rapid.T) {
				entries := 0
				for _, m := range model {
					entries += len(m)
				}
				if n, bytes := x.size(); n != entries || (n == 0) != (bytes == 0) && bytes > 3*groupBytes {
					t.Fatalf("%d entries take %d bytes, want %d entries", n, bytes, entries)
				}
			},
		})
	})
}
