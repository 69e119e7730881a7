package policy

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// DecisionLog writes what was decided and what came of it as lines of JSON with the
// field names of OPA's decision log (EventV1), so that OPA's tools read it: one line at
// the decision and, under the same decision_id, one at settlement. It never makes a
// request wait: when the writer cannot keep up, lines are dropped and counted.
type DecisionLog struct {
	labels map[string]string
	erased []string
	plan   plan

	adding  sync.RWMutex // held to close, so that nothing is added to a queue that nobody reads
	closed  bool
	queue   chan event
	ended   chan struct{}
	dropped atomic.Uint64
	err     error // of the first failed write; read after ended
}

// DecisionLogOptions say what the lines hold. The zero value works.
type DecisionLogOptions struct {
	// Labels go into every line, such as the gateway's id and version.
	Labels map[string]string
	// Erase lists the parts of the input that are not written, such as
	// "/input/request/ip". Nil means the address and the metadata of the request; an
	// empty list erases nothing.
	Erase []string
	// Queue is how many lines may wait; 0 means 1024.
	Queue int
}

// event is a line in waiting. The input is in canonical form: a request may be gone by
// the time the line is written.
type event struct {
	id       string
	at       time.Time
	input    string
	decision *llm.Decision
	err      error
	settled  *llm.Record
	duration time.Duration
}

// StartDecisionLog starts a goroutine that writes to w; Close ends it. An unknown path
// in Erase is an error.
func StartDecisionLog(w io.Writer, o DecisionLogOptions) (*DecisionLog, error) {
	if o.Erase == nil {
		o.Erase = []string{"/input/request/ip", "/input/request/metadata"}
	}
	if o.Queue <= 0 {
		o.Queue = 1024
	}
	l := &DecisionLog{labels: o.Labels, erased: o.Erase, plan: everything(), queue: make(chan event, o.Queue),
		ended: make(chan struct{})}
	for _, pointer := range o.Erase {
		if err := l.plan.erase(pointer); err != nil {
			return nil, fmt.Errorf("start decision log: %w", err)
		}
	}
	go l.run(bufio.NewWriter(w))
	return l, nil
}

// erase takes all at a JSON pointer, or below it, out of the plan.
func (p *plan) erase(pointer string) error {
	path, ok := strings.CutPrefix(pointer, "/input/")
	erased := false
	for l, at := range leafPaths {
		if ok && hasPrefix(at, strings.Split(path, "/")) {
			p.wanted &^= l
			erased = true
		}
	}
	if !erased {
		return fmt.Errorf("erase %s: no such part of the input", pointer)
	}
	return nil
}

// Close writes what is waiting and returns the first error of writing. It may be called
// more than once; lines that come later are dropped.
func (l *DecisionLog) Close() error {
	l.adding.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.adding.Unlock()
	<-l.ended
	return l.err
}

// Dropped counts the lines that found no place in the queue or could not be written.
func (l *DecisionLog) Dropped() uint64 { return l.dropped.Load() }

// Settled adds what the request came to in the end. The record must not change later.
func (l *DecisionLog) Settled(r *llm.Record) {
	l.add(event{id: r.ID, at: r.Time.Add(time.Duration(r.Duration)), settled: r, duration: time.Duration(r.Duration)})
}

// decided adds a decision. Under the log duty "none" the line says no more than that
// there was one, and how it went.
func (l *DecisionLog) decided(in *Input, v llm.Decision, err error) {
	if v.Obligations.Log == llm.LogNone {
		l.add(event{id: in.Request.ID, at: in.Now, decision: &llm.Decision{Allow: v.Allow, Revision: v.Revision, Memoised: v.Memoised,
			Obligations: llm.Obligations{Log: llm.LogNone}}, err: err})
		return
	}
	v.Input = nil // the line has its own, without what is erased
	var c canon
	c.write(&l.plan, in)
	c.close()
	l.add(event{id: in.Request.ID, at: in.Now, input: string(c.b), decision: &v, err: err})
}

func (l *DecisionLog) add(e event) {
	l.adding.RLock()
	defer l.adding.RUnlock()
	if l.closed {
		l.dropped.Add(1)
		return
	}
	select {
	case l.queue <- e:
	default:
		l.dropped.Add(1)
	}
}

func (l *DecisionLog) run(w *bufio.Writer) {
	defer close(l.ended)
	for e := range l.queue {
		l.write(w, e)
		if len(l.queue) == 0 {
			l.note(w.Flush())
		}
	}
	l.note(w.Flush())
}

// line has the names of OPA's EventV1; what OPA has no name for is under custom.
type line struct {
	Labels      map[string]string `json:"labels,omitempty"`
	DecisionID  string            `json:"decision_id"`
	Revision    string            `json:"revision,omitempty"`
	Path        string            `json:"path"`
	Input       json.RawMessage   `json:"input,omitempty"`
	Result      *llm.Decision     `json:"result,omitempty"`
	Erased      []string          `json:"erased,omitempty"`
	Error       *lineError        `json:"error,omitempty"`
	RequestedBy string            `json:"requested_by,omitempty"`
	Timestamp   time.Time         `json:"timestamp"`
	Custom      *settlement       `json:"custom,omitempty"`
}

type lineError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// settlement is what became of a request, in the units of llm.Record.
type settlement struct {
	Event    string           `json:"event"`
	Status   int              `json:"status"`
	Target   string           `json:"target,omitempty"`
	Usage    llm.Usage        `json:"usage"`
	Priced   bool             `json:"priced"`
	Cost     llm.NanoUSD      `json:"cost_nano_usd"`
	Reserved []llm.LimitState `json:"reserved,omitempty"`
	Charges  []llm.Charge     `json:"charges,omitempty"`
	Took     llm.Millis       `json:"duration_ms"`
}

func (l *DecisionLog) write(w *bufio.Writer, e event) {
	b, err := json.Marshal(l.line(e))
	if err == nil {
		_, err = w.Write(append(b, '\n'))
	}
	if err != nil {
		l.dropped.Add(1)
	}
	l.note(err)
}

// note remembers the first error.
func (l *DecisionLog) note(err error) {
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("write decision log: %w", err)
	}
}

func (l *DecisionLog) line(e event) line {
	out := line{Labels: l.labels, DecisionID: e.id, Path: "penstock/decision", Timestamp: e.at.UTC()}
	if r := e.settled; r != nil {
		out.RequestedBy = r.KeyID
		out.Custom = &settlement{Event: "settled", Status: r.Status, Target: r.Target, Usage: r.Usage,
			Priced: r.Price.Known, Cost: r.Cost, Reserved: r.Limits, Charges: r.Charges, Took: llm.Millis(e.duration)}
		return out
	}
	out.Revision, out.Erased = e.decision.Revision, l.erased
	if e.input == "" {
		out.Erased = []string{"/input"}
	} else {
		out.Input, _ = toJSON(value(e.input)) // a canonical form is always JSON
	}
	if e.err == nil {
		out.Result = e.decision
		return out
	}
	out.Error = &lineError{Code: string(llm.CodePolicyFault), Message: e.err.Error()}
	var known *llm.Error
	if errors.As(e.err, &known) {
		out.Error.Code = string(known.Code)
	}
	return out
}
