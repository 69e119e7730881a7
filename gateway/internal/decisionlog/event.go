package decisionlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// line is an event of OPA's decision log: the names, types and order of EventV1. What OPA
// has no name for is under custom.
type line struct {
	Labels      map[string]string     `json:"labels"`
	DecisionID  string                `json:"decision_id"`
	TraceID     string                `json:"trace_id,omitempty"`
	SpanID      string                `json:"span_id,omitempty"`
	Revision    string                `json:"revision,omitempty"`
	Bundles     map[string]bundleInfo `json:"bundles,omitempty"`
	Path        string                `json:"path"`
	Input       any                   `json:"input,omitempty"`
	Result      any                   `json:"result,omitempty"`
	Erased      []string              `json:"erased,omitempty"`
	Masked      []string              `json:"masked,omitempty"`
	Error       *lineError            `json:"error,omitempty"`
	RequestedBy string                `json:"requested_by,omitempty"`
	Timestamp   time.Time             `json:"timestamp"`
	Metrics     map[string]int64      `json:"metrics,omitempty"`
	Custom      any                   `json:"custom,omitempty"`
}

// bundleInfo is OPA's BundleInfoV1.
type bundleInfo struct {
	Revision string `json:"revision,omitempty"`
}

type lineError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// settlement is the outcome of a request, in the units of llm.Record. Its id is also that of
// the reservation.
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

const (
	// path is OPA's path of the query, data.penstock.decision.
	path = "penstock/decision"
	// bundleName is the name of the only bundle: OPA's configuration gives bundles names.
	bundleName = "penstock"
	// timerEval is OPA's name of the time that an evaluation took, in nanoseconds.
	timerEval = "timer_rego_query_eval_ns"
)

// line makes the line of an event.
func (l *Log) line(e *event) (Line, error) {
	out, made := line{Labels: l.labels, Path: path}, Line{Event: EventDecided}
	if e.settled != nil {
		made.Event = EventSettled
		out.settle(e.settled)
	} else if err := out.decide(&e.decided); err != nil {
		return made, err
	}
	for i := range l.mask {
		if err := l.mask[i].apply(&out); err != nil {
			return made, err
		}
	}
	var err error
	made.Trace = e.decided.Trace
	made.At, made.DecisionID = out.Timestamp, out.DecisionID
	made.JSON, err = json.Marshal(&out)
	return made, err
}

func (out *line) settle(r *llm.Record) {
	out.DecisionID, out.RequestedBy, out.Timestamp = r.ID, r.KeyID, r.Time.Add(time.Duration(r.Duration)).UTC()
	if r.Decision != nil {
		out.Revision = r.Decision.Revision
	}
	out.Custom = &settlement{Event: EventSettled, Status: r.Status, Target: r.Target, Usage: r.Usage,
		Priced: r.Price.Known, Cost: r.Cost, Reserved: r.Limits, Charges: r.Charges, Took: r.Duration}
}

func (out *line) decide(d *llm.Decided) error {
	out.DecisionID, out.RequestedBy, out.Timestamp, out.Revision = d.RequestID, d.KeyID, d.At.UTC(), d.Decision.Revision
	out.TraceID, out.SpanID = d.Trace.Hex()
	if d.Bundle != "" {
		out.Bundles = map[string]bundleInfo{bundleName: {d.Bundle}}
	}
	if d.Took > 0 {
		out.Metrics = map[string]int64{timerEval: d.Took.Nanoseconds()}
	}
	if d.Input == nil {
		out.Erased = []string{"/input"}
	} else {
		input, err := d.Input()
		if err != nil {
			return fmt.Errorf("input as JSON: %w", err)
		}
		out.Input = json.RawMessage(input)
	}
	if d.Err == nil {
		out.Result = d.Decision
		return nil
	}
	out.Error = &lineError{Code: string(llm.CodePolicyFault), Message: d.Err.Error()}
	var known *llm.Error
	if errors.As(d.Err, &known) {
		out.Error.Code = string(known.Code)
	}
	return nil
}
