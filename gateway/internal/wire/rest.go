package wire

import (
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Rest makes of another target's reply, whose events are canonical, what a client lacks of
// the one in the transcript. A reply to a prefill begins where the transcript ends; any other
// begins anew, and what was sent of it already is left out. Next fails with FaultDiverged
// when the reply says something else than was sent.
func (t *Transcript) Rest(s llm.Stream, prefilled bool) llm.Stream {
	text := t.Text()
	r := &rest{Stream: s, transcript: t, skip: text}
	if prefilled {
		r.skip, r.blanks = "", text[len(strings.TrimRightFunc(text, unicode.IsSpace)):]
	}
	if t.native == "" {
		r.opening = decodeObject(t.first)
	}
	return r
}

// rest is the rest of a reply that broke off, as another target gives it.
type rest struct {
	llm.Stream
	transcript *Transcript
	// skip is the text that is still to be left out. blanks is white space that a target which
	// continues a text may repeat, since it was not sent with it.
	skip, blanks string
	// opening has the names of the reply that broke off; nil when its client's format is not
	// the canonical one.
	opening object
	// waiting is an event that was read and not given yet.
	waiting *llm.Event
	// begun says that an event was given.
	begun bool
	frame []byte
}

// Info implements llm.Stream.
func (r *rest) Info() llm.ReplyInfo {
	info := r.Stream.Info()
	info.Resumed = true
	return info
}

// Next implements llm.Stream.
func (r *rest) Next() (llm.Event, error) {
	if e := r.waiting; e != nil {
		r.waiting = nil
		return *e, nil
	}
	e, err := r.Stream.Next()
	switch {
	case err != nil:
		return e, err
	case e.Final && r.skip != "":
		return llm.Event{}, diverged()
	case !e.Final && (e.Hidden || len(e.Data) == 0):
		return llm.Event{Hidden: true, Progress: e.Progress, More: e.More}, nil
	case !e.Final:
		if err := r.cut(&e); err != nil || e.Hidden {
			return e, err
		}
	}
	if r.begun || r.transcript.native == "" {
		return e, nil
	}
	r.begun, r.waiting = true, &e
	return r.transcript.repeated(), nil
}

// cut leaves out of a chunk what was sent before, and reasoning, since the client has had
// that of another model. An event of which nothing is left is hidden.
func (r *rest) cut(e *llm.Event) error {
	chunk := decodeObject(e.Data)
	for _, one := range objectsOf(chunk["choices"]) {
		delta, _ := one["delta"].(object)
		if delta == nil {
			delta = object{}
		}
		if err := r.cutDelta(delta, one["finish_reason"] != nil); err != nil {
			return err
		}
		one["delta"] = delta
		e.Content = len(delta) > 0
		e.Hidden = !e.Content && one["finish_reason"] == nil && chunk["usage"] == nil
	}
	for _, name := range [...]string{"id", "created", "model", "system_fingerprint", "service_tier"} {
		if v, had := r.opening[name]; had {
			chunk[name] = v
		}
	}
	if e.Hidden {
		e.Data, e.Frame, e.Text = nil, nil, nil
		return nil
	}
	data := encode(chunk)
	r.frame = framing.AppendData(r.frame[:0], data)
	made := chunkEvent(r.frame, data)
	e.Frame, e.Data, e.Text, e.Other = made.Frame, made.Data, made.Text, made.Other
	return nil
}

// cutDelta leaves out of a delta what was sent before.
func (r *rest) cutDelta(delta object, finished bool) error {
	delete(delta, "role")
	for name, v := range delta {
		if v == nil || v == "" || isReasoning([]byte(name)) {
			delete(delta, name)
		}
	}
	text, _ := delta["content"].(string)
	text = r.cutText(text)
	switch {
	case text != "":
		delta["content"] = text
	case delta["content"] != nil:
		delete(delta, "content")
	}
	if r.skip != "" && (len(delta) > 0 || finished) {
		return diverged()
	}
	return nil
}

// cutText leaves out of a text what was sent before. It leaves all of one that goes another
// way.
func (r *rest) cutText(text string) string {
	if r.blanks != "" && text != "" {
		for r.blanks != "" && text != "" && text[0] == r.blanks[0] {
			text, r.blanks = text[1:], r.blanks[1:]
		}
		if text != "" {
			r.blanks = ""
		}
	}
	n := min(len(text), len(r.skip))
	if text[:n] != r.skip[:n] {
		return text
	}
	r.skip = r.skip[n:]
	return text[n:]
}

// repeated is the event that gives a client's module the text that was sent without it.
func (t *Transcript) repeated() llm.Event {
	data := slices.Concat([]byte(`{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"`), t.text,
		[]byte(`"},"finish_reason":null}]}`))
	return llm.Event{Data: data, Hidden: true, Repeated: true, Content: true, More: true}
}

// diverged is the error of a reply that says something else than was sent.
func diverged() error {
	return &llm.Error{Code: llm.CodeStreamCut, Status: http.StatusBadGateway, Fault: llm.FaultDiverged,
		Message: "Another target's answer does not begin with what was sent."}
}
