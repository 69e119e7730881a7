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

// DecisionLog writes decisions and settlements as lines of JSON with the field names of
// OPA's decision log (EventV1), so that OPA's tools can read it: one line at the decision
// and, with the same decision_id, one at settlement. Requests never wait for it: when the
// writer is too slow, lines are dropped and counted.
type DecisionLog struct {
	labels map[string]string
	erased []string
	plan   plan

	mu      sync.RWMutex // guards closed, so that nothing is added to a closed queue
	closed  bool
	queue   chan event
	ended   chan struct{}
	dropped atomic.Uint64
	err     error // of the first failed write; read after ended
}

// DecisionLogOptions tune a DecisionLog. The zero value works.
type DecisionLogOptions struct {
	// Labels are in every line, such as the gateway's id and version.
	Labels map[string]string
	// Erase lists the parts of the input that are not written, such as
	// "/input/request/ip". Nil means the address and the metadata of the request; an
	// empty list erases nothing.
	Erase []string
	// Queue is how many lines may wait; 0 means 1024.
	Queue int
}

// event is a line to be written. The input is in canonical form: the request may be changed
// by the time the line is written.
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
	l := &DecisionLog{labels: o.Labels, erased: o.Erase, plan: fullPlan(), queue: make(chan event, o.Queue),
		ended: make(chan struct{})}
	for _, pointer := range o.Erase {
		if err := l.plan.erase(pointer); err != nil {
			return nil, fmt.Errorf("start decision log: %w", err)
		}
	}
	go l.run(bufio.NewWriter(w))
	return l, nil
}

// erase removes what is at a JSON pointer, or below it, from the plan.
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

// Close writes what is queued and returns the first error of writing. It may be called more
// than once; later lines are dropped.
func (l *DecisionLog) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	<-l.ended
	return l.err
}

// Dropped returns the number of lines that did not fit the queue or could not be written.
func (l *DecisionLog) Dropped() uint64 { return l.dropped.Load() }

// Settled logs the settlement of a request. The record must not be changed later.
func (l *DecisionLog) Settled(r *llm.Record) {
	l.add(event{id: r.ID, at: r.Time.Add(time.Duration(r.Duration)), settled: r, duration: time.Duration(r.Duration)})
}

// decided logs a decision. Under the obligation log: none the line has the outcome alone.
func (l *DecisionLog) decided(in *Input, v llm.Decision, err error) {
	if v.Obligations.Log == llm.LogNone {
		l.add(event{id: in.Request.ID, at: in.Now, decision: &llm.Decision{Allow: v.Allow, Revision: v.Revision, Memoised: v.Memoised,
			Obligations: llm.Obligations{Log: llm.LogNone}}, err: err})
		return
	}
	v.Input = nil // the line has its own, without what is erased
	var c encoder
	c.write(&l.plan, in)
	c.close()
	l.add(event{id: in.Request.ID, at: in.Now, input: string(c.b), decision: &v, err: err})
}

func (l *DecisionLog) add(e event) {
	l.mu.RLock()
	defer l.mu.RUnlock()
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
			l.keepError(w.Flush())
		}
	}
	l.keepError(w.Flush())
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

// settlement is the outcome of a request, in the units of llm.Record.
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
	l.keepError(err)
}

// keepError keeps the first error.
func (l *DecisionLog) keepError(err error) {
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
