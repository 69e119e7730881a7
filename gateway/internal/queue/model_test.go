package queue

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// model is a queue as it would be written without care for speed: one list of all that wait.
type model struct {
	size  int
	used  map[string]int
	waits []*modelWaiter // in the order of arrival
}

type modelWaiter struct {
	id   int
	e    Entry
	ways [][]Place // those that it waits for
}

func (m *model) fits(p llm.Priority, places []Place) bool {
	return !slices.ContainsFunc(places, func(at Place) bool { return at.Max > 0 && m.used[at.Name] >= p.Share(at.Max) })
}

func (m *model) at(name string) (n int, last *modelWaiter) {
	for _, w := range m.waits {
		if slices.ContainsFunc(w.ways, func(way []Place) bool {
			return slices.ContainsFunc(way, func(at Place) bool { return at.Name == name && at.Max > 0 })
		}) {
			n++
			if last == nil || w.e.Priority <= last.e.Priority {
				last = w
			}
		}
	}
	return n, last
}

// letIn returns those who can be let in, in the order in which they are.
func (m *model) letIn() (ids []int) {
	for {
		best := -1
		for i, w := range m.waits {
			if slices.ContainsFunc(w.ways, func(way []Place) bool { return m.fits(w.e.Priority, way) }) && (best < 0 || w.e.Priority > m.waits[best].e.Priority) {
				best = i
			}
		}
		if best < 0 {
			return ids
		}
		w := m.waits[best]
		way := w.ways[slices.IndexFunc(w.ways, func(way []Place) bool { return m.fits(w.e.Priority, way) })]
		for _, at := range way {
			m.used[at.Name]++
		}
		m.waits = slices.Delete(m.waits, best, best+1)
		ids = append(ids, w.id)
	}
}

func (m *model) drop(id int) {
	m.waits = slices.DeleteFunc(m.waits, func(w *modelWaiter) bool { return w.id == id })
}

// TestModel compares random uses of a queue with the model.
func TestModel(t *testing.T) {
	ways := [][]Place{{{"a", 1}, {"p", 2}}, {{"b", 2}, {"p", 2}}, {{"c", 6}}, {{"a", 1}}}
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) { // a bubble has no Deadline
			size := rapid.IntRange(0, 3).Draw(rt, "size")
			q, m := New(size, time.Hour), &model{size: size, used: map[string]int{}}
			ended := map[int]outcome{}    // as the queue says
			inside := map[int][]Place{}   // by request
			gone := map[int]func(){}      // cancels a request's context
			results := make(chan struct { // of Enter
				id int
				outcome
			}, 1000)
			defer func() { // a bubble waits for all of its goroutines
				for _, cancel := range gone {
					cancel()
				}
				synctest.Wait()
			}()
			id := 0
			collect := func() {
				synctest.Wait()
				for len(results) > 0 {
					r := <-results
					ended[r.id] = r.outcome
				}
			}
			// admitted expects that these requests, and no others, were let in.
			admitted := func(ids []int, all map[int][][]Place) {
				collect()
				for i, end := range ended {
					if in := slices.Contains(ids, i); in != (end.err == nil) {
						rt.Fatalf("request %d ended with %v, and the model lets in %v", i, end.err, ids)
					}
					if end.err == nil {
						inside[i] = all[i][end.way]
					}
				}
				for _, i := range ids {
					if _, ok := ended[i]; !ok {
						rt.Fatalf("request %d was not let in", i)
					}
				}
				clear(ended)
			}
			all := map[int][][]Place{}
			rt.Repeat(map[string]func(*rapid.T){
				"enter": func(rt *rapid.T) {
					id++
					e := Entry{Priority: llm.Priority(rapid.IntRange(-1, 1).Draw(rt, "priority")), Holder: rapid.SampledFrom([]string{"k", "l", "m"}).Draw(rt, "holder")}
					first := rapid.IntRange(0, len(ways)-1).Draw(rt, "first")
					mine := ways[first : first+1 : first+1]
					if first < len(ways)-1 && rapid.Bool().Draw(rt, "two") {
						mine = ways[first : first+2 : first+2]
					}
					all[id] = mine
					ctx, cancel := context.WithCancel(context.Background())
					gone[id] = cancel
					go func(id int) {
						way, err := q.Enter(ctx, e, mine...)
						results <- struct {
							id int
							outcome
						}{id, outcome{way: way, err: err}}
					}(id)
					collect()
					got, over := ended[id]
					delete(ended, id)
					want, evicted := m.enter(id, e, mine)
					switch {
					case want == nil && over:
						rt.Fatalf("request %d ended with %v, want it to wait", id, got.err)
					case want != nil && (!over || got.err != want.err || got.err == nil && got.way != want.way):
						rt.Fatalf("request %d ended with %+v (over: %t), want %+v", id, got, over, *want)
					case want != nil && want.err == nil:
						inside[id] = mine[want.way]
					}
					for _, i := range evicted {
						if ended[i].err != Full {
							rt.Fatalf("request %d ended with %+v, want it to make room", i, ended[i])
						}
						delete(ended, i)
					}
					admitted(nil, all)
				},
				"leave": func(rt *rapid.T) {
					ids := keysOf(inside)
					if len(ids) == 0 {
						rt.Skip("nobody is inside")
					}
					i := rapid.SampledFrom(ids).Draw(rt, "who")
					places := inside[i]
					delete(inside, i)
					for _, at := range places {
						m.used[at.Name]--
					}
					q.Leave(places)
					admitted(m.letIn(), all)
				},
				"give up": func(rt *rapid.T) {
					if len(m.waits) == 0 {
						rt.Skip("nobody waits")
					}
					i := m.waits[rapid.IntRange(0, len(m.waits)-1).Draw(rt, "who")].id
					gone[i]()
					m.drop(i)
					collect()
					if end, ok := ended[i]; !ok || end.err != context.Canceled {
						rt.Fatalf("request %d ended with %+v, want it to have left", i, end)
					}
					delete(ended, i)
					admitted(nil, all)
				},
				"": func(rt *rapid.T) {
					for _, name := range []string{"a", "b", "c", "p"} {
						if q.Used(name) != m.used[name] {
							rt.Fatalf("%d are in %s, want %d", q.Used(name), name, m.used[name])
						}
					}
					n := 0
					for _, p := range llm.Priorities() {
						n += q.Waiting(p)
					}
					if n != len(m.waits) {
						rt.Fatalf("%d wait, want %d", n, len(m.waits))
					}
				},
			})
		})
	})
}

// enter returns how an Enter ends, nil if it waits, and who makes room for it.
func (m *model) enter(id int, e Entry, ways [][]Place) (end *outcome, evicted []int) {
	for i, way := range ways {
		if m.fits(e.Priority, way) {
			for _, at := range way {
				m.used[at.Name]++
			}
			return &outcome{way: i}, nil
		}
	}
	held := 0
	for _, w := range m.waits {
		if w.e.Holder == e.Holder {
			held++
		}
	}
	if m.size > 0 && held >= max(m.size/2, 1) {
		return &outcome{err: Crowded}, nil
	}
	w := &modelWaiter{id: id, e: e}
	for _, way := range ways {
		room := m.size > 0
		for _, at := range way {
			n, last := m.at(at.Name)
			room = room && (n < m.size || last.e.Priority < e.Priority)
		}
		if !room {
			continue
		}
		for _, at := range way {
			if n, last := m.at(at.Name); n >= m.size {
				m.drop(last.id)
				evicted = append(evicted, last.id)
			}
		}
		w.ways = append(w.ways, way)
	}
	if len(w.ways) == 0 {
		return &outcome{err: Full}, evicted
	}
	m.waits = append(m.waits, w)
	return nil, evicted
}

func keysOf(inside map[int][]Place) (ids []int) {
	for id := range inside {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
