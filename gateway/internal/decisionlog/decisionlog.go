// Package decisionlog writes admission decisions and settlements as lines of JSON with the
// field names of OPA's decision log (EventV1), so that OPA's tools can read them: one line
// at the decision and, with the same decision_id, one at settlement. Lines go to files and
// to OTLP receivers.
//
// Requests never wait for it. Every queue is bounded; what does not fit or cannot be
// written is dropped and counted by sink and reason. It decides nothing.
package decisionlog

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Log makes lines and gives them to its sinks. It is safe for concurrent use.
type Log struct {
	labels map[string]string
	mask   []Mask
	sinks  []*sink

	mu     sync.RWMutex // guards closed, so that nothing is added to a closed queue
	closed bool
	queue  chan event
	ended  chan struct{}
}

// Options tune a Log. The zero value works.
type Options struct {
	// Labels are in every line, such as the gateway's id and version.
	Labels map[string]string
	// Mask erases or replaces parts of lines, in this order, beside the request's address and
	// metadata, which are always erased.
	Mask []Mask
	// Queue is how many lines may wait for each sink, and as many decisions to be made into
	// lines; 0 means 2048.
	Queue int
}

// defaultQueue is Options.Queue when it is left out.
const defaultQueue = 2048

// event is a line to be made: a decision or a settlement.
type event struct {
	decided llm.Decided
	settled *llm.Record
}

// Start starts a log; Close ends it. The log closes its outputs.
func Start(outputs []Output, o Options) *Log {
	if o.Queue <= 0 {
		o.Queue = defaultQueue
	}
	l := &Log{labels: o.Labels, mask: append(alwaysErased(), o.Mask...), queue: make(chan event, o.Queue), ended: make(chan struct{})}
	for _, out := range outputs {
		l.sinks = append(l.sinks, startSink(out, o.Queue))
	}
	go l.run()
	return l
}

// Decided logs a decision.
func (l *Log) Decided(d llm.Decided) { l.add(event{decided: d}) }

// Settled logs the settlement of a request. The record must not be changed later.
func (l *Log) Settled(r *llm.Record) { l.add(event{settled: r}) }

func (l *Log) add(e event) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		l.drop(reasonClosed)
		return
	}
	select {
	case l.queue <- e:
	default:
		l.drop(reasonQueueFull)
	}
}

// drop counts a line that no sink gets.
func (l *Log) drop(reason string) {
	for _, s := range l.sinks {
		s.drop(reason, 1)
	}
}

func (l *Log) run() {
	defer close(l.ended)
	for e := range l.queue {
		line, err := l.line(&e)
		if err != nil {
			l.drop(reasonNotEncoded)
			continue
		}
		for _, s := range l.sinks {
			s.add(line)
		}
	}
}

// Close writes what is queued until ctx ends; what is left is dropped. It returns after all
// goroutines have ended, with the errors of outputs that could not write everything. It may
// be called more than once.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	<-l.ended
	errs := make([]error, len(l.sinks))
	var wg sync.WaitGroup
	for i, s := range l.sinks {
		wg.Go(func() { errs[i] = s.close(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Drops is how many lines one sink has dropped for one reason.
type Drops struct {
	Sink, Reason string
	Lines        uint64
}

// Dropped returns the dropped lines of every sink by every reason, zeros included.
func (l *Log) Dropped() []Drops {
	var all []Drops
	for _, s := range l.sinks {
		all = append(all, s.drops()...)
	}
	return all
}

// Line is one line of the log.
type Line struct {
	// JSON is the line without a newline.
	JSON []byte
	// At is the time of the decision or the settlement.
	At time.Time
	// DecisionID is the request's id, Event is EventDecided or EventSettled.
	DecisionID, Event string
	// Trace is the caller's span; settlements have none.
	Trace llm.Trace
}

// The values of Line.Event.
const (
	EventDecided = "decided"
	EventSettled = "settled"
)
