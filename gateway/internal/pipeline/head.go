package pipeline

import (
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// head is the status and headers of the reply, as far as the request has come.
func (x *state) head() llm.Head {
	if !x.concluded {
		x.update()
	}
	h := make(http.Header, 14)      // the most for which a map of 16 slots is made, and not of 32
	values := make([]string, 0, 12) // one allocation for all; they are not appended to
	set := func(name, value string) {
		if value != "" {
			values = append(values, value)
			h[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	set("X-Penstock-Model", x.req.Facts.Model)
	if x.route != nil {
		set("X-Penstock-Route", x.route.Name)
	}
	set("X-Penstock-Cache", string(x.record.Cache))
	set("X-Penstock-Attempts", strconv.Itoa(len(x.record.Attempts)))
	set("X-Penstock-Policy", x.decision.Revision)
	set("X-Penstock-Overhead-Ms", string(x.attempts.overhead(x.since()-llm.Millis(x.req.Queued)).AppendJSON(nil)))
	set("X-Penstock-Target", x.record.Target)
	set("X-Penstock-Dropped", strings.Join(x.attempts.dropped(), ", "))
	if s := x.attempts.serving; s != nil && s.estimated {
		set("X-Penstock-Estimated", "input_tokens")
	}
	if x.hit != nil && !x.hit.Live {
		set("Age", strconv.Itoa(int(x.hit.Age.Seconds())))
	}
	if x.record.Cache == llm.CacheSimilar {
		if l := x.slot.Similar(); l != nil {
			set("X-Penstock-Similarity", strconv.FormatFloat(l.Similarity, 'f', 4, 64))
			set("X-Penstock-Cache-Id", l.ID)
		}
	}
	if x.concluded && x.record.Price.Known {
		set("X-Penstock-Cost-Usd", x.record.Cost.Decimal())
	}
	x.providerHeaders(h)
	x.limitHeaders(h, x.record.Limits)
	for name, value := range x.decision.Obligations.Headers {
		if llm.MayAddHeader(name) {
			h.Set(name, value)
		}
	}
	x.warningHeaders(h)
	return llm.Head{Status: http.StatusOK, Stream: x.req.Facts.Stream, Resumable: x.resumable(), Header: h}
}

// resumable reports whether another target may go on with the reply if it breaks off.
func (x *state) resumable() bool {
	if x.hit != nil {
		return x.hit.Live && x.route.Resume
	}
	return x.attempts.resumable()
}

// The bounds of the warnings in a reply's headers: how many, and the bytes of each.
const (
	maxWarnings     = 8
	maxWarningBytes = 240
)

// warningHeaders adds what the policy and its limits warn of, a header each.
func (x *state) warningHeaders(h http.Header) {
	for i, warning := range x.logged.Warnings {
		if i == maxWarnings {
			h.Add("X-Penstock-Warning", strconv.Itoa(len(x.logged.Warnings)-i)+" more")
			return
		}
		h.Add("X-Penstock-Warning", headerText(warning))
	}
}

// headerText returns text as a header can carry it: printable ASCII of bounded length.
func headerText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() == maxWarningBytes {
			b.WriteString("...")
			break
		}
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			b.WriteByte(' ')
		case r > '~':
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// passedHeaders are the provider's headers that reach the caller, in canonical form.
// Retry-After is not among them: an error's has been parsed, and reaches the caller as a
// number.
var passedHeaders = [...]string{"Openai-Processing-Ms", "Openai-Version", "Openai-Model"}

func (x *state) providerHeaders(h http.Header) {
	a := x.attempts.serving
	if a == nil || a.answer == nil {
		return
	}
	for _, name := range passedHeaders {
		if v := a.answer.Header[name]; len(v) > 0 {
			h[name] = v[:1]
		}
	}
}
