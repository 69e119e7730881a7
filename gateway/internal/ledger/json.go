package ledger

import (
	"strconv"
	"unicode/utf8"
)

// object is a JSON object being written. Its methods leave out what is zero. Names
// are written as they are: they must need no escape.
type object struct{ b []byte }

func (o *object) name(name string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *object) text(name, s string) {
	if s != "" {
		o.name(name)
		o.b = appendString(o.b, s)
	}
}

func (o *object) whole(name string, n int64) {
	if n != 0 {
		o.name(name)
		o.b = strconv.AppendInt(o.b, n, 10)
	}
}

func (o *object) yes(name string, v bool) {
	if v {
		o.name(name)
		o.b = append(o.b, "true"...)
	}
}

func (o *object) strings(name string, list []string) {
	if len(list) == 0 {
		return
	}
	o.name(name)
	o.b = append(o.b, '[')
	for i, s := range list {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendString(o.b, s)
	}
	o.b = append(o.b, ']')
}

func (o *object) texts(name string, m map[string]string) {
	if len(m) > 0 {
		o.name(name)
		o.b = appendStrings(o.b, m)
	}
}

// inner writes an object as a member, or takes the member's name back when it has
// nothing to say.
func (o *object) inner(name string, write func(*object)) {
	before := len(o.b)
	o.name(name)
	o.b = append(o.b, '{')
	start := len(o.b)
	write(o)
	if len(o.b) == start {
		o.b = o.b[:before]
		return
	}
	o.b = append(o.b, '}')
}

// list writes a member that is an array of objects.
func list[T any](o *object, name string, items []T, write func(*object, *T)) {
	if len(items) > 0 {
		o.name(name)
		array(o, items, write)
	}
}

// array writes the items one after the other into the same object, so that none of
// them needs memory of its own.
func array[T any](o *object, items []T, write func(*object, *T)) {
	o.b = append(o.b, '[')
	for i := range items {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(o.b, '{')
		write(o, &items[i])
		o.b = append(o.b, '}')
	}
	o.b = append(o.b, ']')
}

// appendStrings writes a map as an object. Its members stand in no particular order.
func appendStrings(b []byte, m map[string]string) []byte {
	b = append(b, '{')
	first := true
	for k, v := range m {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, k), ':')
		b = appendString(b, v)
	}
	return append(b, '}')
}

func appendInts(b []byte, list []int) []byte {
	b = append(b, '[')
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ']')
}

func appendFloats(b []byte, list []float64) []byte {
	b = append(b, '[')
	for i, f := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFloat(b, f)
	}
	return append(b, ']')
}

const hex = "0123456789abcdef"

// appendString writes a JSON string. Bytes that are not UTF-8 become U+FFFD, as in
// encoding/json.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, s[start:i]...)
		b = appendEscape(b, c)
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch {
	case c >= utf8.RuneSelf:
		return utf8.AppendRune(b, utf8.RuneError)
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	default:
		return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}
