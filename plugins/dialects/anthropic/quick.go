package anthropic

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// quickDelta handles an event in the very form in which Anthropic writes the pieces that
// streams are made of, without parsing it. It reports false, having done nothing, for
// anything else, which is parsed.
func (r *reader) quickDelta(data []byte) bool {
	rest, ok := bytes.CutPrefix(data, []byte(`{"type":"content_block_delta","index":`))
	if !ok {
		return false
	}
	index, rest := canonical.SmallIndex(rest)
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"delta":{"type":"`)); !ok {
		return false
	}
	kind, rest := quickKind(rest)
	end := canonical.TextEnd(rest, 0) - 1
	if kind == canonical.OtherBlock || end < 0 || !closes(rest[end+1:]) {
		return false
	}
	b := r.block(index)
	if b == nil {
		return false
	}
	r.piece(b, kind, rest[:end])
	return true
}

// quickKind reads a delta's type up to the first byte of its text.
func quickKind(s []byte) (canonical.BlockKind, []byte) {
	if rest, ok := bytes.CutPrefix(s, []byte(`text_delta","text":"`)); ok {
		return canonical.TextBlock, rest
	}
	if rest, ok := bytes.CutPrefix(s, []byte(`input_json_delta","partial_json":"`)); ok {
		return canonical.CallBlock, rest
	}
	if rest, ok := bytes.CutPrefix(s, []byte(`thinking_delta","thinking":"`)); ok {
		return canonical.ThinkingBlock, rest
	}
	return canonical.OtherBlock, nil
}

// closes reports whether s holds the ends of two objects and white space, nothing else.
func closes(s []byte) bool {
	braces := 0
	for _, c := range s {
		switch c {
		case '}':
			braces++
		case ' ', '\t', '\r', '\n':
		default:
			return false
		}
	}
	return braces == 2
}
