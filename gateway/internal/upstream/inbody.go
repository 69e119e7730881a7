package upstream

import "bytes"

// HasError reports whether a JSON object holds a member "error" at its top that is
// not empty: a reply of status 200, or an event of a stream, that is an error all
// the same. It reads no more of the body than it must, and takes invalid JSON for
// no error: that is found out elsewhere.
func HasError(body []byte) bool {
	if !bytes.Contains(body, []byte(`"error"`)) {
		return false
	}
	s := scanner{rest: body}
	if !s.take('{') {
		return false
	}
	for {
		key, ok := s.str()
		if !ok || !s.take(':') {
			return false
		}
		s.space()
		if string(key) == "error" {
			return truthy(s.rest)
		}
		if !s.skip() || !s.take(',') {
			return false
		}
	}
}

// truthy reports whether a JSON value is other than null, false, zero or empty, as
// the official clients judge it.
func truthy(v []byte) bool {
	for _, empty := range [...]string{"null", "false", "0", `""`} {
		if bytes.HasPrefix(v, []byte(empty)) {
			return false
		}
	}
	if len(v) > 0 && (v[0] == '{' || v[0] == '[') {
		inner := bytes.TrimLeft(v[1:], " \t\r\n")
		return len(inner) > 0 && inner[0] != '}' && inner[0] != ']'
	}
	return len(v) > 0
}

// scanner walks over JSON without decoding it.
type scanner struct{ rest []byte }

func (s *scanner) space() { s.rest = bytes.TrimLeft(s.rest, " \t\r\n") }

// take skips white space and then c.
func (s *scanner) take(c byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// str takes a string and returns it as it is written.
func (s *scanner) str() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	for at := 0; ; {
		i := bytes.IndexByte(s.rest[at:], '"')
		if i < 0 {
			return nil, false
		}
		at += i
		if !escaped(s.rest[:at]) {
			v := s.rest[:at]
			s.rest = s.rest[at+1:]
			return v, true
		}
		at++
	}
}

// escaped reports whether what follows b is escaped: b ends in an odd number of
// backslashes.
func escaped(b []byte) bool {
	n := len(b) - len(bytes.TrimRight(b, `\`))
	return n%2 == 1
}

// skip passes over one value up to the comma or brace behind it.
func (s *scanner) skip() bool {
	for depth := 0; len(s.rest) > 0; {
		switch s.rest[0] {
		case '"':
			if _, ok := s.str(); !ok {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
		s.rest = s.rest[1:]
	}
	return false
}
