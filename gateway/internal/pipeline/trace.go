package pipeline

import (
	"encoding/binary"
	"math/rand/v2"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// span returns an ID for the attempt's span; none for a request without a trace.
func (a *attempt) span() (id llm.SpanID) {
	if !a.req.Trace.IsZero() {
		id = newSpan()
	}
	return id
}

func newSpan() (id llm.SpanID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1) // all zeros would mean none
	return id
}

// propagate tells the provider which span its call belongs to, by W3C Trace Context.
func (a *attempt) propagate() {
	if !a.req.Propagate || a.req.Trace.IsZero() {
		return
	}
	h := a.call.Header.Clone() // the dialect's own may be shared
	if h == nil {
		h = http.Header{}
	}
	h["Traceparent"] = []string{a.req.Trace.TraceParent(a.entry.Span)}
	if state := a.req.Trace.State; state != "" {
		h["Tracestate"] = []string{state}
	}
	a.call.Header = h
}
