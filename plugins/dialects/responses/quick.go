package responses

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// quickDelta handles an event in the very form in which OpenAI writes the pieces of a text,
// without parsing it. It reports false, having done nothing, for anything else, which is
// parsed.
func (r *reader) quickDelta(data []byte) bool {
	rest, ok := bytes.CutPrefix(data, []byte(`{"type":"response.output_text.delta","content_index":`))
	if !ok {
		return false
	}
	part, rest := canonical.SmallIndex(rest)
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"delta":"`)); !ok {
		return false
	}
	end := canonical.TextEnd(rest, 0) - 1
	if end < 0 {
		return false
	}
	raw, rest := rest[:end], rest[end+1:]
	_, rest, ok = cutText(rest, `,"item_id":"`)
	if !ok {
		return false
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"logprobs":[]`)); !ok {
		return false
	}
	if _, after, padded := cutText(rest, `,"obfuscation":"`); padded {
		rest = after
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"output_index":`)); !ok {
		return false
	}
	index, rest := canonical.SmallIndex(rest)
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"sequence_number":`)); !ok || !closes(rest) {
		return false
	}
	it := r.item(index)
	if it == nil || it.kind != messageItem {
		return false
	}
	if len(raw) > 0 {
		r.textPiece(it, part, raw, nil)
	}
	return true
}

// cutText cuts off a member that is a string, given with everything up to its text.
func cutText(s []byte, before string) (text, rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(s, []byte(before))
	if !ok {
		return nil, s, false
	}
	end := canonical.TextEnd(rest, 0) - 1
	if end < 0 {
		return nil, s, false
	}
	return rest[:end], rest[end+1:], true
}

// closes reports whether s is a whole number and the end of an object.
func closes(s []byte) bool {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i > 0 && i == len(s)-1 && s[i] == '}' && (i == 1 || s[0] != '0')
}
