// Package queue bounds how many requests are in flight at places, such as the whole gateway
// or one target, and lets a bounded number of others wait for their turn: the highest
// priority first, and within one priority in the order of arrival.
//
// It knows nothing of what requests do, and does not say how a refusal is answered.
package queue

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Place is something that takes a bounded number of requests at once.
type Place struct {
	Name string
	// Max is how many it takes; 0 means any number, which are only counted. Who enters says
	// so, so that the bound may change at any time.
	Max int
}

// Refusal is why a request is not let in. It is one of few texts, so that it can be the label
// of a metric.
type Refusal string

// The refusals.
const (
	// Full means that as many others wait as may.
	Full Refusal = "queue_full"
	// Late means that the request has waited as long as it may.
	Late Refusal = "queue_wait"
	// Crowded means that half of what may wait already waits for the same holder.
	Crowded Refusal = "queue_share"
)

// Error implements error.
func (r Refusal) Error() string { return "request not let in: " + string(r) }

// Queue counts the requests in places and holds those that wait for one. It is safe for
// concurrent use. It starts no goroutines.
type Queue struct {
	size int
	wait time.Duration

	mu sync.Mutex
	// used counts the requests in each place, holders those that wait for each holder. What
	// counts none has no entry, so there are never more entries than requests.
	used    map[string]int
	holders map[string]int
	// lines are those who wait for a place, by its name.
	lines map[string]*line
	// waiting counts who waits, by class; arrivals counts who ever has.
	waiting  [classes]int
	arrivals uint64
}

// New returns a queue in which at most size requests wait for each place, none of them longer
// than wait. With a size of 0 none waits.
func New(size int, wait time.Duration) *Queue {
	return &Queue{size: size, wait: wait, used: map[string]int{}, holders: map[string]int{}, lines: map[string]*line{}}
}

// Entry is a request that wants to be let in.
type Entry struct {
	Priority llm.Priority
	// Holder is for whom it waits. One holder's requests are at most half of those that may
	// wait for a place.
	Holder string
	// Wait is how long it waits if that is shorter than the queue's own; 0 means the queue's.
	Wait time.Duration
}

// Try lets a request into all these places at once, or reports that one of them is full.
func (q *Queue) Try(p llm.Priority, places []Place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.fits(p, places) {
		return false
	}
	q.enter(places)
	return true
}

// Fits reports what Try would, and changes nothing.
func (q *Queue) Fits(p llm.Priority, places []Place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fits(p, places)
}

// Enter lets a request into all the places of one of the ways in, the first that is free, and
// returns which. It waits for that if need be. The error is a Refusal, or the cause of ctx.
// Leave must be called after it, with the same places, unless there is an error.
func (q *Queue) Enter(ctx context.Context, e Entry, ways ...[]Place) (int, error) {
	w, at, err := q.join(e, ways)
	if w == nil {
		return at, err
	}
	timer := time.NewTimer(q.longest(e))
	defer timer.Stop()
	select {
	case t := <-w.turn:
		return t.way, t.err
	case <-timer.C:
		return q.giveUp(w, Late)
	case <-ctx.Done():
		return q.giveUp(w, context.Cause(ctx))
	}
}

func (q *Queue) longest(e Entry) time.Duration {
	if e.Wait > 0 && e.Wait < q.wait {
		return e.Wait
	}
	return q.wait
}

// Leave gives the places of a request back, and lets in those that wait and have room now.
func (q *Queue) Leave(places []Place) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leave(places)
}

// Used returns how many requests are in a place.
func (q *Queue) Used(name string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used[name]
}

// Waiting returns how many requests of a class wait.
func (q *Queue) Waiting(p llm.Priority) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting[classOf(p)]
}

// join lets a request in, refuses it, or puts it where it waits.
func (q *Queue) join(e Entry, ways [][]Place) (*waiter, int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, places := range ways {
		if q.fits(e.Priority, places) {
			q.enter(places)
			return nil, i, nil
		}
	}
	if q.size > 0 && q.holders[e.Holder] >= max(q.size/2, 1) {
		return nil, 0, Crowded
	}
	w := &waiter{Entry: e, arrived: q.arrivals, ways: make([][]Place, len(ways)), turn: make(chan turn, 1)}
	for i, places := range ways {
		if q.makeRoom(w, places) {
			q.line(w, i, places)
		}
	}
	if len(w.stands) == 0 {
		return nil, 0, Full
	}
	q.arrivals++
	q.waiting[classOf(e.Priority)]++
	q.holders[e.Holder]++
	return w, 0, nil
}

// giveUp ends the wait of a request with an error, unless it was let in just now. One whose
// context has ended does not need its places any more.
func (q *Queue) giveUp(w *waiter, err error) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case t := <-w.turn:
		if t.err == nil && err != error(Late) {
			q.leave(w.ways[t.way])
			return 0, err
		}
		return t.way, t.err
	default:
	}
	q.remove(w)
	return 0, err
}

// fits reports whether a request may enter these places now. The lock is held, here and in all
// that follows.
func (q *Queue) fits(p llm.Priority, places []Place) bool {
	for _, at := range places {
		if at.Max > 0 && q.used[at.Name] >= p.Share(at.Max) {
			return false
		}
	}
	return true
}

func (q *Queue) enter(places []Place) {
	for _, at := range places {
		q.used[at.Name]++
	}
}

func (q *Queue) leave(places []Place) {
	for _, at := range places {
		if q.used[at.Name]--; q.used[at.Name] <= 0 {
			delete(q.used, at.Name)
		}
	}
	for {
		w, way := q.next(places)
		if w == nil {
			return
		}
		q.remove(w)
		q.enter(w.ways[way])
		w.turn <- turn{way: way}
		if covers(w.ways[way], places) {
			return // all is as full as before, when nobody else could be let in
		}
	}
}

// classes is how many there are.
const classes = 3

// classOf numbers the classes, the highest first.
func classOf(p llm.Priority) int { return int(llm.PriorityHigh - p) }

// line is who waits for a place, by class and in the order of arrival.
type line [classes]list.List

func (l *line) len() int {
	n := 0
	for i := range l {
		n += l[i].Len()
	}
	return n
}
