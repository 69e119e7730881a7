package main

import (
	"bytes"
	"math/bits"
	"unsafe"

	penstock "github.com/penstock/penstock/sdk/go"
)

// value is a piece of the input. What is passed on is copied as it stands there.
type value = penstock.JSON

// text is what a string says; nil when v is none. It lies in the input unless it is
// escaped.
func text(v value) []byte {
	inside, ok := v.Inside()
	if !ok {
		return nil
	}
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	decoded, _ := v.Text(nil)
	return decoded
}

// number is a whole number; 0 when v is none.
func number(v value) int64 {
	n, _ := v.Whole()
	return n
}

// filled reports whether a list or an object has anything in it.
func filled(v value) bool {
	for range v.Items {
		return true
	}
	for range v.Members {
		return true
	}
	return false
}

// empty reports whether v says nothing: absent, null, false, zero, an empty string
// or an empty container.
func empty(v value) bool {
	switch v.Kind() {
	case '{', '[':
		return !filled(v)
	case '0':
		x, _ := v.Number()
		return x == 0
	case '"':
		return len(v) == len(`""`)
	}
	return v.Kind() != 't'
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
	const slashes, ones, tops = 0x5c5c5c5c5c5c5c5c, 0x0101010101010101, 0x8080808080808080
	n, i := int64(0), 0
	for i < len(raw) {
		for ; i+8 <= len(raw); i += 8 {
			x := *(*uint64)(unsafe.Pointer(&raw[i]))
			if y := x ^ slashes; (y-ones)&^y&tops != 0 {
				break
			}
			n += 8 - int64(bits.OnesCount64(x&^(x<<1)&tops)) // without UTF-8's continuation bytes
		}
		for end := min(i+8, len(raw)); i < end; i++ {
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
			case c&0xc0 != 0x80:
				n++
			}
		}
	}
	return n
}

func lowSurrogate(hex []byte) bool {
	return (hex[0] == 'd' || hex[0] == 'D') && bytes.IndexByte([]byte("cdefCDEF"), hex[1]) >= 0
}
