package httpapi

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Tracing says which requests have a trace. The zero value traces none.
type Tracing struct {
	// On gives every request a trace: the caller's, by W3C Trace Context, or one of its own.
	On bool
	// Sample is the share of the requests without a caller's trace that are sampled, 0 to 1. Of
	// the others, the caller decides.
	Sample float64
	// Propagate says that providers get the trace as well.
	Propagate bool
}

// maxTraceState bounds a tracestate that is passed on, in bytes: what the standard asks for.
const maxTraceState = 512

// trace returns the trace of a request: without tracing, the caller's span as it says.
func (x *exchange) trace() llm.Trace {
	o := x.api.tracing
	t, ok := llm.Trace{}, false
	if parents := x.r.Header["Traceparent"]; len(parents) == 1 {
		t, ok = llm.ParseTraceParent(parents[0])
	}
	if !o.On {
		return t
	}
	binary.BigEndian.PutUint64(t.Span[:], rand.Uint64()|1) // all zeros would mean none
	if ok {
		t.State = traceState(x.r.Header["Tracestate"])
		return t
	}
	low := rand.Uint64()
	binary.BigEndian.PutUint64(t.ID[:8], rand.Uint64()|1)
	binary.BigEndian.PutUint64(t.ID[8:], low)
	t.Sampled = o.Sample >= 1 || float64(low>>1) < o.Sample*math.MaxInt64 // as OpenTelemetry's TraceIdRatioBased
	return t
}

// traceState joins the values of tracestate; empty if they are too long or not printable ASCII.
func traceState(values []string) string {
	s := strings.Join(values, ",")
	if len(s) > maxTraceState || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return s
}
