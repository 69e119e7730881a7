package anthropic

import "bytes"

// objectReader follows the arguments of a call to where their object ends.
type objectReader struct {
	depth int64
	// begun says that the object has begun; inText and escaped that the next character is
	// part of a string, and stands behind a backslash.
	begun, inText, escaped bool
}

// complete reports whether the object has ended.
func (o *objectReader) complete() bool { return o.begun && o.depth == 0 }

// feed takes a piece of the arguments, given as the inside of a JSON string, and returns the
// part of it that belongs to the object. Services send white space around it, or null in its
// place.
func (o *objectReader) feed(raw []byte) []byte {
	if !o.begun {
		raw = raw[max(bytes.IndexByte(raw, '{'), 0):]
		if len(raw) == 0 || raw[0] != '{' {
			return nil
		}
		o.begun = true
	} else if o.depth == 0 {
		return nil
	}
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '\\' && i+1 < len(raw) {
			i++
			c = unescaped(raw[i:])
			if raw[i] == 'u' {
				i += 4
			}
		}
		if o.next(c); o.depth == 0 {
			return raw[:min(i+1, len(raw))]
		}
	}
	return raw
}

// next takes one character.
func (o *objectReader) next(c byte) {
	switch {
	case o.escaped:
		o.escaped = false
	case o.inText:
		o.escaped = c == '\\'
		o.inText = c != '"'
	case c == '"':
		o.inText = true
	case c == '{' || c == '[':
		o.depth++
	case c == '}' || c == ']':
		o.depth--
	}
}

// unescaped is the character of an escape, given from behind its backslash, as far as it
// matters to the structure of JSON.
func unescaped(s []byte) byte {
	switch {
	case s[0] == '"' || s[0] == '\\':
		return s[0]
	case s[0] != 'u' || len(s) < 5:
		return ' '
	}
	switch string(bytes.ToLower(s[1:5])) {
	case "0022":
		return '"'
	case "005c":
		return '\\'
	case "005b", "007b":
		return '{'
	case "005d", "007d":
		return '}'
	}
	return ' '
}
