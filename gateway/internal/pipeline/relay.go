package pipeline

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// replay is the stored reply of a slot; nil unless it is a hit. A hit is charged one
// request and no tokens.
func (l *life) replay(ctx context.Context, slot Slot) (llm.Stream, error) {
	l.record.Cache = slot.State()
	hit := slot.Reply()
	if hit == nil {
		return nil, nil
	}
	l.record.Cache = llm.CacheMiss // until the limits have room for a hit
	if _, err := l.take(ctx, l.draft(), llm.Exactly(llm.Amounts{Requests: 1})); err != nil {
		return nil, err
	}
	l.record.Cache, l.record.Target, l.info, l.age = llm.CacheHit, hit.Target, hit.Info, hit.Age
	for _, t := range l.route.Targets {
		if t.ID == hit.Target {
			l.target = t
		}
	}
	return hit, nil
}

// attend is where the reply goes. The caller of a stream hears something while it waits,
// if the route says so.
func (l *life) attend(w Writer) (out sink, stop func()) {
	every := l.route.Timeout.KeepAlive
	if !l.req.Facts.Stream || every <= 0 {
		return w, func() {}
	}
	l.waiting = newKeepAlive(w, every, l.head())
	return l.waiting, l.waiting.Close
}

// relay sends the reply to the caller, event by event. Before the last one the
// request is settled: a caller who has the whole answer can rely on its being
// booked.
func (l *life) relay(ctx context.Context, reply llm.Stream, w sink) error {
	started := false
	for {
		ev, err := reply.Next()
		switch {
		case err != nil:
			return interrupted(ctx, err)
		case ev.Hidden && !started:
			continue
		}
		l.keepReply(ev)
		if ev.Final {
			l.complete(ctx)
		}
		if !started {
			started = true
			l.record.FirstByte = l.since()
			if err := w.Start(l.head()); err != nil {
				return err
			}
		}
		if l.hold != nil && l.serving != nil {
			l.hold.Seen(l.info().Billed(0, false).Output)
		}
		if err := w.Event(ev); err != nil || ev.Final {
			return err
		}
	}
}

// complete settles a request whose reply is whole.
func (l *life) complete(ctx context.Context) {
	if l.serving != nil {
		l.serving.finish(nil)
	}
	if !l.req.Facts.Stream {
		l.record.FirstByte = l.since()
	}
	l.settle(ctx)
}

// interrupted is what the caller is told when a reply breaks off. It must not look
// like the provider's refusal of a request that was never answered.
func interrupted(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	e := *llm.AsError(err)
	e.Body, e.Retried = nil, true
	if e.Fault == llm.FaultCut || e.Fault == llm.FaultNetwork {
		e.Code = llm.CodeStreamCut
	}
	if e.Status < 500 {
		e.Status = http.StatusBadGateway
	}
	return &e
}

// dropped is what the target that answers, or else the one that is being asked, has no
// equivalent for.
func (l *life) dropped() []string {
	switch n := len(l.record.Attempts); {
	case l.serving != nil:
		return l.serving.entry().Dropped
	case n > 0:
		return l.record.Attempts[n-1].Dropped
	}
	return nil
}

// head is the reply's status and headers.
func (l *life) head() llm.Head {
	h := make(http.Header, 16)
	values := make([]string, 0, 10) // one allocation for all; they are not appended to
	set := func(name, value string) {
		if value != "" {
			values = append(values, value)
			h[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	set("X-Penstock-Model", l.req.Facts.Model)
	set("X-Penstock-Route", l.route.Name)
	set("X-Penstock-Cache", string(l.record.Cache))
	set("X-Penstock-Attempts", strconv.Itoa(len(l.record.Attempts)))
	set("X-Penstock-Policy", l.decision.Revision)
	set("X-Penstock-Overhead-Ms", string(l.overhead().AppendJSON(nil)))
	set("X-Penstock-Target", l.record.Target)
	set("X-Penstock-Dropped", strings.Join(l.dropped(), ", "))
	if l.record.Cache == llm.CacheHit {
		set("Age", strconv.Itoa(int(l.age.Seconds())))
	}
	if l.settled && l.record.Price.Known {
		set("X-Penstock-Cost-Usd", l.record.Cost.Decimal())
	}
	l.providerHeaders(h)
	l.limitHeaders(h)
	for name, value := range l.decision.Obligations.Headers {
		if llm.MayAddHeader(name) {
			h.Set(name, value)
		}
	}
	l.warningHeaders(h)
	return llm.Head{Status: http.StatusOK, Stream: l.req.Facts.Stream, Header: h}
}

// The bounds of the warnings in a reply's headers: how many, and the bytes of each.
const (
	maxWarnings     = 8
	maxWarningBytes = 240
)

// warningHeaders passes on what the policy and its softer limits warn of, a line each.
func (l *life) warningHeaders(h http.Header) {
	for i, warning := range l.decision.Warnings {
		if i == maxWarnings {
			h.Add("X-Penstock-Warning", strconv.Itoa(len(l.decision.Warnings)-i)+" more")
			return
		}
		h.Add("X-Penstock-Warning", headerText(warning))
	}
}

// headerText is text as a header can carry it: printable ASCII, and not too long.
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

// passed are the provider's headers that reach the caller, in canonical form. Retry-After
// is not among them: what an error says of it has been read, and reaches the caller as a
// number.
var passed = [...]string{"Openai-Processing-Ms", "Openai-Version", "Openai-Model"}

func (l *life) providerHeaders(h http.Header) {
	if l.answered == nil {
		return
	}
	for _, name := range passed {
		if v := l.answered.Header[name]; len(v) > 0 {
			h[name] = v[:1]
		}
	}
}

// limitHeaders tells what is left of the tightest request and token limits, under
// the names that OpenAI made common.
func (l *life) limitHeaders(h http.Header) {
	for _, s := range l.record.Limits {
		var unit string
		switch s.Unit {
		case llm.UnitRequests:
			unit = "Requests"
		case llm.UnitTokens:
			unit = "Tokens"
		default:
			continue
		}
		left := max(s.Max-s.Before-s.Reserved, 0)
		name := "X-Ratelimit-Remaining-" + unit
		if had := h.Get(name); had != "" {
			if n, _ := strconv.ParseInt(had, 10, 64); n <= left {
				continue
			}
		}
		h[name] = []string{strconv.FormatInt(left, 10)}
		h["X-Ratelimit-Limit-"+unit] = []string{strconv.FormatInt(s.Max, 10)}
		reset := time.Until(time.UnixMilli(s.ResetsAt))
		h["X-Ratelimit-Reset-"+unit] = []string{max(reset, 0).Round(time.Millisecond).String()}
	}
}

// overhead is the time so far that was spent neither on a provider nor on pauses
// between tries.
func (l *life) overhead() llm.Millis {
	spent := l.record.Upstream + l.paused
	if l.serving != nil && !l.serving.done {
		spent += llm.Millis(l.serving.first)
	}
	return max(l.since()-spent, 0)
}
