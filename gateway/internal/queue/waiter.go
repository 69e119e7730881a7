package queue

import (
	"container/list"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// waiter is a request that waits.
type waiter struct {
	Entry
	arrived uint64
	// ways are the ways in that it waits for; nil for those that it does not.
	ways [][]Place
	// stands are where it stands in the lines of places.
	stands []stand
	// turn gets one value when the wait is over.
	turn chan turn
}

// turn is the end of a wait: a way in, or a refusal.
type turn struct {
	way int
	err error
}

// stand is an element of a place's line.
type stand struct {
	place string
	at    *list.Element
}

// line puts a request in the lines of a way's bounded places.
func (q *Queue) line(w *waiter, way int, places []Place) {
	w.ways[way] = places
	for _, at := range places {
		if at.Max <= 0 || w.standsAt(at.Name) {
			continue
		}
		l := q.lines[at.Name]
		if l == nil {
			l = new(line)
			q.lines[at.Name] = l
		}
		w.stands = append(w.stands, stand{at.Name, l[classOf(w.Priority)].PushBack(w)})
	}
}

func (w *waiter) standsAt(place string) bool {
	return slices.ContainsFunc(w.stands, func(s stand) bool { return s.place == place })
}

// remove takes a request out of all lines.
func (q *Queue) remove(w *waiter) {
	class := classOf(w.Priority)
	for _, s := range w.stands {
		l := q.lines[s.place]
		l[class].Remove(s.at)
		if l.len() == 0 {
			delete(q.lines, s.place)
		}
	}
	q.waiting[class]--
	if q.holders[w.Holder]--; q.holders[w.Holder] <= 0 {
		delete(q.holders, w.Holder)
	}
}

// makeRoom reports whether a request may wait for these places. Where as many wait as may, the
// last one of the lowest class below makes room, and is refused.
func (q *Queue) makeRoom(w *waiter, places []Place) bool {
	if q.size <= 0 {
		return false
	}
	for _, at := range places {
		if q.crowded(w, at) && q.lines[at.Name].lastBelow(w.Priority) == nil {
			return false
		}
	}
	for _, at := range places {
		if q.crowded(w, at) { // the one before may have stood here, too
			last := q.lines[at.Name].lastBelow(w.Priority)
			q.remove(last)
			last.turn <- turn{err: Full}
		}
	}
	return true
}

// crowded reports whether as many other requests wait for a place as may.
func (q *Queue) crowded(w *waiter, at Place) bool {
	l := q.lines[at.Name]
	return at.Max > 0 && l != nil && l.len() >= q.size && !w.standsAt(at.Name)
}

// lastBelow returns the last request of the lowest class below another one; nil if there is
// none.
func (l *line) lastBelow(p llm.Priority) *waiter {
	for class := classes - 1; class > classOf(p); class-- {
		if e := l[class].Back(); e != nil {
			return e.Value.(*waiter)
		}
	}
	return nil
}

// next returns who is to be let in where these places have become free, and by which way; nil
// if nobody can be.
func (q *Queue) next(freed []Place) (first *waiter, way int) {
	for class := range classes {
		for _, at := range freed {
			l := q.lines[at.Name]
			if l == nil {
				continue
			}
			for e := l[class].Front(); e != nil; e = e.Next() {
				w := e.Value.(*waiter)
				if first != nil && w.arrived > first.arrived {
					break
				}
				if i := q.openWay(w); i >= 0 {
					first, way = w, i
					break
				}
			}
		}
		if first != nil {
			return first, way
		}
	}
	return nil, 0
}

// openWay returns the first way in that is open to a request; -1 if none is.
func (q *Queue) openWay(w *waiter) int {
	for i, places := range w.ways {
		if places != nil && q.fits(w.Priority, places) {
			return i
		}
	}
	return -1
}

// covers reports whether a way in has all these places.
func covers(way, places []Place) bool {
	for _, at := range places {
		if !slices.ContainsFunc(way, func(p Place) bool { return p.Name == at.Name }) {
			return false
		}
	}
	return true
}
