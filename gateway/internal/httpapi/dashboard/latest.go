package dashboard

import (
	"slices"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// livePause is the least time between rows that a browser is sent.
	livePause = 250 * time.Millisecond
	// liveRows is how many rows it is sent at once. 200 rows a second are more than a person
	// reads, and rendering all would cost more than serving the requests; the list is complete when the
	// page is loaded again.
	liveRows = 50
)

// latest are the latest records that a browser has not been sent. It is safe for concurrent use.
type latest struct {
	// ready gets a value when records are to be taken.
	ready chan struct{}

	mu      sync.Mutex
	records []*llm.Record
	taken   time.Time
}

func newLatest() *latest { return &latest{ready: make(chan struct{}, 1)} }

// add adds a record and forgets the oldest beyond liveRows. It never waits.
func (l *latest) add(r *llm.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch len(l.records) {
	case 0:
		time.AfterFunc(time.Until(l.taken.Add(livePause)), func() { l.ready <- struct{}{} })
	case liveRows:
		l.records = slices.Delete(l.records, 0, 1)
	}
	l.records = append(l.records, r)
}

// take returns the records, the oldest first, after a value of ready.
func (l *latest) take() []*llm.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.records
	l.records, l.taken = nil, time.Now()
	return taken
}
