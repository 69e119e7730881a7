package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func at(max int) []Place { return []Place{{"x", max}} }

// outcome is how an Enter ended, and after what time.
type outcome struct {
	name string
	way  int
	err  error
	took time.Duration
}

// TestOrder lets requests of all classes wait and expects the highest class first, and within
// a class the order of arrival.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, order := New(20, time.Minute), make(chan string, 10)
		if !q.Try(llm.PriorityHigh, at(1)) || q.Try(llm.PriorityHigh, at(1)) {
			t.Fatal("one place takes one request")
		}
		for _, name := range []string{"low 1", "normal 1", "high 1", "normal 2", "high 2", "low 2"} {
			class := map[byte]llm.Priority{'l': llm.PriorityLow, 'n': llm.PriorityNormal, 'h': llm.PriorityHigh}[name[0]]
			go func() {
				_, err := q.Enter(t.Context(), Entry{Priority: class}, at(1))
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				order <- name
				q.Leave(at(1))
			}()
			synctest.Wait()
		}
		if n := q.Waiting(llm.PriorityLow); n != 2 {
			t.Errorf("%d of the lowest class wait, want 2", n)
		}
		q.Leave(at(1))
		var got []string
		for range 6 {
			got = append(got, <-order)
		}
		if want := []string{"high 1", "high 2", "normal 1", "normal 2", "low 1", "low 2"}; !slices.Equal(got, want) {
			t.Errorf("they were let in as %v, want %v", got, want)
		}
		empty(t, q)
	})
}

// empty fails the test if the queue still counts anything.
func empty(t *testing.T, q *Queue) {
	t.Helper()
	synctest.Wait()
	if len(q.used)+len(q.lines)+len(q.holders) > 0 || q.waiting != [classes]int{} {
		t.Errorf("the queue is not empty: %v %v %v %v", q.used, q.lines, q.holders, q.waiting)
	}
}

// TestBounds has more requests than may wait, and some that wait too long or leave.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, done := New(4, 10*time.Second), make(chan outcome, 10)
		q.Try(llm.PriorityNormal, at(1))
		enter := func(ctx context.Context, name string, e Entry) {
			e.Holder = cmp(e.Holder, name)
			go func(from time.Time) {
				way, err := q.Enter(ctx, e, at(1))
				done <- outcome{name, way, err, time.Since(from)}
			}(time.Now())
			synctest.Wait()
		}
		expect := func(name string, err error, took time.Duration) {
			t.Helper()
			if got := <-done; got.name != name || !errors.Is(got.err, err) || got.took != took {
				t.Errorf("got %+v, want %s to end with %v after %v", got, name, err, took)
			}
		}
		gone, leave := context.WithCancelCause(t.Context())
		enter(t.Context(), "a", Entry{Holder: "k"})
		enter(gone, "b", Entry{Holder: "k"})
		enter(t.Context(), "c", Entry{Holder: "k"})
		expect("c", Crowded, 0)
		enter(t.Context(), "short", Entry{Wait: time.Second})
		enter(t.Context(), "d", Entry{Priority: llm.PriorityLow})
		enter(t.Context(), "e", Entry{})
		expect("d", Full, 0) // the only one below the newcomer
		enter(t.Context(), "f", Entry{})
		expect("f", Full, 0)
		expect("short", Late, time.Second)
		leave(errors.New("left"))
		if got := <-done; got.name != "b" || got.err == nil || got.err.Error() != "left" {
			t.Errorf("got %+v, want b to leave", got)
		}
		q.Leave(at(1))
		expect("a", nil, time.Second)
		expect("e", Late, 10*time.Second)
		q.Leave(at(1))
		empty(t, q)
	})
}

func cmp(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// TestShares fills places with requests of the lower classes.
func TestShares(t *testing.T) {
	for _, test := range []struct{ max, low, normal int }{{1, 1, 1}, {4, 4, 4}, {5, 4, 5}, {20, 16, 19}, {10_000, 8_000, 9_500}} {
		q, n := New(0, 0), 0
		fill := func(p llm.Priority) int {
			for q.Try(p, at(test.max)) {
				n++
			}
			return n
		}
		low, normal, high := fill(llm.PriorityLow), fill(llm.PriorityNormal), fill(llm.PriorityHigh)
		if low != test.low || normal != test.normal || high != test.max {
			t.Errorf("of %d places low takes %d, normal %d and high %d; want %d, %d and all", test.max, low, normal, high, test.low, test.normal)
		}
		if _, err := q.Enter(t.Context(), Entry{}, at(test.max)); err != Full {
			t.Errorf("nobody may wait: %v", err)
		}
	}
}

// TestWays waits for whichever of several ways in becomes free, all of whose places must be.
func TestWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, done := New(4, time.Minute), make(chan outcome, 4)
		a, b := []Place{{"a", 1}, {"p", 2}}, []Place{{"b", 1}, {"p", 2}}
		q.Try(0, a)
		q.Try(0, b)
		for _, name := range []string{"first", "second"} {
			go func() {
				way, err := q.Enter(t.Context(), Entry{Holder: name}, a, b)
				done <- outcome{name: name, way: way, err: err}
			}()
			synctest.Wait()
		}
		q.Leave(b)
		if got := <-done; got.name != "first" || got.way != 1 || got.err != nil {
			t.Errorf("got %+v, want the first by the second way", got)
		}
		q.Leave(a)
		if got := <-done; got.name != "second" || got.way != 0 || got.err != nil {
			t.Errorf("got %+v, want the second by the first way", got)
		}
		if free := []Place{{"c", 0}, {"p", 2}}; q.Fits(0, free) || q.Used("p") != 2 {
			t.Errorf("all places of a way must be free; %d are taken of p", q.Used("p"))
		}
		q.Leave(a)
		q.Leave(b)
		empty(t, q)
	})
}

// TestHammer uses one queue from many goroutines, which leave, give up and are sent away at
// random moments, and watches that no place ever takes more than it may.
func TestHammer(t *testing.T) {
	q := New(8, 2*time.Millisecond)
	var inside [2]atomic.Int64
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			for n := range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				if (i+n)%7 == 0 {
					time.AfterFunc(time.Duration(n)*time.Microsecond, cancel)
				}
				e := Entry{Priority: llm.Priority(i%3 - 1), Holder: string(rune('a' + i%5))}
				ways := [][]Place{{{"a", 2}, {"p", 4}}, {{"b", 3}, {"p", 4}}}
				way, err := q.Enter(ctx, e, ways...)
				if err == nil {
					if now := inside[way].Add(1); int(now) > ways[way][0].Max {
						t.Errorf("%d are in %s", now, ways[way][0].Name)
					}
					inside[way].Add(-1)
					q.Leave(ways[way])
				}
				cancel()
			}
		})
	}
	group.Wait()
	if len(q.used)+len(q.lines)+len(q.holders) > 0 || q.waiting != [classes]int{} {
		t.Errorf("the queue is not empty: %v %v %v %v", q.used, q.lines, q.holders, q.waiting)
	}
}
