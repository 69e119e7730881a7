package llm

import (
	"encoding/hex"
	"strings"
)

// TraceID and SpanID are those of W3C Trace Context; all zeros means none.
type (
	TraceID [16]byte
	SpanID  [8]byte
)

// Trace is a request's place in a distributed trace. The zero value is none.
type Trace struct {
	ID TraceID
	// Parent is the caller's span, zero without one; Span is the request's own.
	Parent, Span SpanID
	// Sampled says that the spans of the trace are recorded.
	Sampled bool
	// State is the caller's tracestate, which is passed on unchanged.
	State string
}

// IsZero reports whether t is none.
func (t *Trace) IsZero() bool { return t.ID == TraceID{} }

// ParseTraceParent reads the header traceparent. What is malformed is not ok, and has to be
// treated as if it were not there.
func ParseTraceParent(s string) (t Trace, ok bool) {
	const length = len("00-00000000000000000000000000000000-0000000000000000-00")
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' || strings.ToLower(s[:length]) != s[:length] {
		return Trace{}, false
	}
	var version, flags [1]byte
	for _, part := range [...]struct {
		to   []byte
		text string
	}{{version[:], s[:2]}, {t.ID[:], s[3:35]}, {t.Parent[:], s[36:52]}, {flags[:], s[53:length]}} {
		if _, err := hex.Decode(part.to, []byte(part.text)); err != nil {
			return Trace{}, false
		}
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(s) > length, len(s) > length && s[length] != '-':
		return Trace{}, false // a later version may add parts after a dash
	case t.IsZero(), t.Parent == SpanID{}:
		return Trace{}, false
	}
	t.Sampled = flags[0]&1 != 0
	return t, true
}

// TraceParent returns the header traceparent of a call that a span of the trace makes.
func (t *Trace) TraceParent(span SpanID) string {
	b := make([]byte, 0, 55)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, t.ID[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, span[:])
	if t.Sampled {
		return string(append(b, "-01"...))
	}
	return string(append(b, "-00"...))
}

// Hex returns the trace's ID and the span that the request belongs to, its own or else its
// caller's, in hexadecimal digits; empty for none.
func (t *Trace) Hex() (trace, span string) {
	if t.IsZero() {
		return "", ""
	}
	in := t.Span
	if in == (SpanID{}) {
		in = t.Parent
	}
	return hex.EncodeToString(t.ID[:]), hex.EncodeToString(in[:])
}
