package dialects

import "bytes"

// quickDelta handles an event in the very form in which Anthropic writes the pieces
// that streams are made of, without parsing it. It reports false, having done
// nothing, for anything else: that takes the long way.
func (t *translator) quickDelta(data []byte) bool {
	rest, ok := bytes.CutPrefix(data, []byte(`{"type":"content_block_delta","index":`))
	if !ok {
		return false
	}
	index, rest := smallIndex(rest)
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"delta":{"type":"`)); !ok {
		return false
	}
	kind, rest := quickKind(rest)
	end := textEnd(rest, 0) - 1
	if kind == otherBlock || end < 0 || !closes(rest[end+1:]) {
		return false
	}
	b := t.stream.block(index)
	if b == nil {
		return false
	}
	t.piece(b, kind, rest[:end])
	return true
}

// smallIndex reads a number of at most three digits, as JSON writes it.
func smallIndex(s []byte) (int64, []byte) {
	n, i := int64(0), 0
	for i < len(s) && i < 3 && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int64(s[i]-'0')
		i++
	}
	if i == 0 || i > 1 && s[0] == '0' {
		return 0, nil
	}
	return n, s[i:]
}

// quickKind reads a delta's type up to the first byte of its text.
func quickKind(s []byte) (block, []byte) {
	if rest, ok := bytes.CutPrefix(s, []byte(`text_delta","text":"`)); ok {
		return textBlock, rest
	}
	if rest, ok := bytes.CutPrefix(s, []byte(`input_json_delta","partial_json":"`)); ok {
		return toolBlock, rest
	}
	if rest, ok := bytes.CutPrefix(s, []byte(`thinking_delta","thinking":"`)); ok {
		return thinkingBlock, rest
	}
	return otherBlock, nil
}

// closes reports whether s holds the ends of two objects and white space, nothing
// else.
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
