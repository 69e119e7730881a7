package main

import (
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/valyala/fastjson"
)

// writer appends JSON to b. Members and elements put their own commas: one is due
// unless the last byte opens a container or ends a name.
//
// Values go out by MarshalTo, which copies numbers and strings as they were
// written. That holds only for strings that nobody has read: reading one unescapes
// it in place, and fastjson would write it back with Go's escapes, which are not
// JSON's. So whatever is passed on whole is passed on before it is looked into, and
// what has been read is written with text.
type writer struct{ b []byte }

func (w *writer) comma() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':', '\n':
		default:
			w.b = append(w.b, ',')
		}
	}
}

// open begins an object or an array with the given bracket, close ends it.
func (w *writer) open(bracket byte) {
	w.comma()
	w.b = append(w.b, bracket)
}

func (w *writer) close(bracket byte) { w.b = append(w.b, bracket) }

// name begins a member. The name is a plain word that needs no escaping.
func (w *writer) name(name string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

// literal writes s, which is JSON already.
func (w *writer) literal(s string) {
	w.comma()
	w.b = append(w.b, s...)
}

// value writes an unread value as it came.
func (w *writer) value(v *fastjson.Value) {
	w.comma()
	w.b = v.MarshalTo(w.b)
}

// object writes an object whose members nobody has read but whose names have been
// looked through, which unescapes them as reading does strings.
func (w *writer) object(o *fastjson.Object) {
	w.open('{')
	o.Visit(func(key []byte, v *fastjson.Value) {
		w.text(key)
		w.b = append(w.b, ':')
		w.value(v)
	})
	w.close('}')
}

func (w *writer) int(n int64) {
	w.comma()
	w.b = strconv.AppendInt(w.b, n, 10)
}

// text writes s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func (w *writer) text(s []byte) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = appendEscaped(w.b, s)
	w.b = append(w.b, '"')
}

// memberValue writes a member unless the value is absent or null.
func (w *writer) memberValue(name string, v *fastjson.Value) {
	if !missing(v) {
		w.name(name)
		w.value(v)
	}
}

func (w *writer) memberLiteral(name, json string) {
	w.name(name)
	w.literal(json)
}

func (w *writer) memberInt(name string, n int64) {
	w.name(name)
	w.int(n)
}

func (w *writer) memberText(name string, s []byte) {
	w.name(name)
	w.text(s)
}

// appendEscaped appends s as the inside of a JSON string.
func appendEscaped(dst, s []byte) []byte {
	start := 0
	for i := plainRun(s); i < len(s); i += plainRun(s[i:]) {
		size, bad := 1, true
		if c := s[i]; c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRune(s[i:])
			bad = r == utf8.RuneError && size == 1
		}
		if bad {
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, s[i])
			start = i + size
		}
		i += size
	}
	return append(dst, s[start:]...)
}

// plainRun is how many bytes at the front of s stand for themselves in a JSON
// string and are ASCII. It looks at eight at a time: bodies hold images of
// megabytes, and a byte costs ten nanoseconds in Wasm.
func plainRun(s []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		// Not by encoding/binary: Go does not merge its loads on Wasm.
		x := *(*uint64)(unsafe.Pointer(&s[i]))
		quote, slash := x^ones*'"', x^ones*'\\'
		odd := x | (x-ones*0x20)&^x | (quote-ones)&^quote | (slash-ones)&^slash
		if odd&tops != 0 {
			break
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\t':
		return append(dst, `\t`...)
	case c < 0x20:
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
	return append(dst, `\ufffd`...)
}
