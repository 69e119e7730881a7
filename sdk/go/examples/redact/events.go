package main

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"
)

// normaliseEvent is the hook for streams. The state is the waiting texts.
func (r *redactor) normaliseEvent(out, in []byte) ([]byte, error) {
	state, payload, ok := penstock.SplitFrame(in)
	name, data, named := penstock.SplitEvent(payload)
	if !ok || !named || !r.load(state) {
		return nil, penstock.Reject(500, "the event's frame is cut short")
	}
	r.lines = r.lines[:0]
	changed := false
	switch string(name) {
	case "chunk":
		changed = r.chunk(data)
	case "penstock.end":
		return r.end(out), nil
	}
	if !changed {
		return nil, nil
	}
	r.state = r.appendState(r.state[:0])
	if len(r.state) > penstock.MaxState {
		return nil, penstock.Reject(500, "the stream has too many choices")
	}
	return penstock.AppendLine(penstock.AppendState(out, r.state), r.lines), nil
}

// chunk writes a chunk to lines. It reports whether the chunk, or the waiting text, has changed.
func (r *redactor) chunk(data penstock.JSON) bool {
	copied, changed := 0, false
	for choice := range data.Member("choices").Items {
		p := readPiece(choice)
		r.clean = r.clean[:0]
		if !r.pass(&p) {
			continue
		}
		changed = true
		at := data.Offset(p.delta) + 1
		if p.content != nil {
			at = data.Offset(p.content)
		}
		r.lines = append(r.lines, data[copied:at]...)
		if p.content == nil {
			r.lines = append(r.lines, `"content":`...)
		}
		r.lines = penstock.AppendText(r.lines, r.clean)
		if copied = at + len(p.content); p.content == nil && p.more {
			r.lines = append(r.lines, ',')
		}
	}
	r.lines = append(r.lines, data[copied:]...)
	return changed
}

// piece is one choice of a chunk.
type piece struct {
	index          int64
	delta, content penstock.JSON
	// more is set when delta has members, last when the choice ends with it.
	more, last bool
}

func readPiece(choice penstock.JSON) (p piece) {
	for key, value := range choice.Members {
		switch string(key) {
		case "index":
			p.index, _ = value.Whole()
		case "delta":
			p.delta = value
		case "finish_reason":
			p.last = !value.Null()
		}
	}
	for key, value := range p.delta.Members {
		p.more = true
		if string(key) == "content" {
			p.content = value
		}
	}
	return p
}

// pass puts what the client may see of a piece into clean and keeps the rest. It reports false
// when the piece may go out as it is.
func (r *redactor) pass(p *piece) bool {
	waiting := r.waiting(p.index)
	text := p.content.Kind() == '"'
	if p.delta.Kind() != '{' || !text && (len(waiting) == 0 || !p.last) {
		return false
	}
	r.text = append(r.text[:0], waiting...)
	r.text, _ = p.content.Text(r.text)
	cut := len(r.text)
	if !p.last {
		cut = boundary(r.text)
	}
	r.clean = appendRedacted(r.clean, r.text[:cut])
	if len(waiting) == 0 && cut == len(r.text) && bytes.Equal(r.clean, r.text) {
		return false
	}
	r.keep(p.index, r.text[cut:])
	return true
}

// maxHeld bounds how much of a choice's text waits, in bytes.
const maxHeld = 256

// boundary is where the end of text begins that could be part of an address.
func boundary(text []byte) int {
	i := len(text)
	for i > 0 && len(text)-i < maxHeld && class[text[i-1]]&address != 0 {
		i--
	}
	return i
}

// end writes a chunk for every choice whose text still waits.
func (r *redactor) end(out []byte) []byte {
	if len(r.held) == 0 {
		return nil
	}
	out = penstock.AppendState(out, nil)
	for _, h := range r.held {
		r.clean = appendRedacted(r.clean[:0], h.text)
		r.lines = penstock.AppendWhole(append(r.lines[:0], `{"choices":[{"index":`...), h.index)
		r.lines = penstock.AppendText(append(r.lines, `,"delta":{"content":`...), r.clean)
		out = penstock.AppendLine(out, append(r.lines, `},"finish_reason":null}]}`...))
	}
	return out
}
