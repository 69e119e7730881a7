package main

import (
	"bytes"

	"github.com/valyala/fastjson"
)

// null is the value that the parser shares between all nulls: comparing with it
// does not read a string the way asking for a type does.
var null = new(fastjson.Arena).NewNull()

// missing reports whether a member is absent or null.
func missing(v *fastjson.Value) bool { return v == nil || v == null }

// rawString appends the inside of a JSON string, escapes and all, to dst. It
// reports false, and returns dst as it was, when v is not a string.
func rawString(dst []byte, v *fastjson.Value) ([]byte, bool) {
	if missing(v) || v.GetObject() != nil || len(v.GetArray()) > 0 {
		return dst, false
	}
	start := len(dst)
	out := v.MarshalTo(dst)
	if out[start] != '"' {
		return dst, false
	}
	copy(out[start:], out[start+1:len(out)-1])
	return out[:len(out)-2], true
}

// empty reports whether v says nothing: absent, null, false, zero, an empty string
// or an empty container.
func empty(v *fastjson.Value, scratch []byte) bool {
	if missing(v) {
		return true
	}
	if o := v.GetObject(); o != nil {
		return o.Len() == 0
	}
	if len(v.GetArray()) > 0 {
		return false
	}
	switch b := v.MarshalTo(scratch[:0]); string(b) {
	case `""`, "[]", "false", "0", "0.0", "-0":
		return true
	}
	return false
}

// trimRaw cuts white space off the end of a JSON string's inside.
func trimRaw(s []byte) []byte {
	for len(s) > 0 {
		n := len(s)
		switch {
		case s[n-1] == ' ':
			s = s[:n-1]
		case n > 1 && bytes.IndexByte([]byte("nrt"), s[n-1]) >= 0 && escaped(s[:n-1]):
			s = s[:n-2]
		default:
			return s
		}
	}
	return s
}

// escaped reports whether s ends in a backslash that is not itself escaped.
func escaped(s []byte) bool {
	n := 0
	for n < len(s) && s[len(s)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// runes counts the characters of a JSON string's inside.
func runes(raw []byte) int64 {
	n := int64(0)
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\\' && i+5 < len(raw) && raw[i+1] == 'u':
			// The low half of a surrogate pair belongs to the character before it.
			if !lowSurrogate(raw[i+2:]) {
				n++
			}
			i += 5
		case c == '\\':
			n++
			i++
		case c&0xc0 != 0x80: // not a continuation byte of UTF-8
			n++
		}
	}
	return n
}

func lowSurrogate(hex []byte) bool {
	return (hex[0] == 'd' || hex[0] == 'D') && bytes.IndexByte([]byte("cdefCDEF"), hex[1]) >= 0
}
