package dialects

import (
	"bytes"
	"math/bits"
	"unicode/utf8"
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

// trimRaw cuts white space off the end of a JSON string's inside, as it is written there
// or escaped. White space is what Python takes for it, and so Anthropic.
func trimRaw(s []byte) []byte {
	for {
		c, size := lastRune(s)
		if size == 0 || !space(c) {
			return s
		}
		s = s[:len(s)-size]
	}
}

// lastRune is the last character of a JSON string's inside and the bytes it takes there;
// 0 bytes when there is none.
func lastRune(s []byte) (c rune, size int) {
	n := len(s)
	if n > 1 && escaped(s[:n-1]) {
		switch s[n-1] {
		case 'n', 'r', 't', 'f':
			return ' ', 2
		}
		return rune(s[n-1]), 2 // a quote, a slash, or what can't be shown
	}
	if n >= 6 && s[n-5] == 'u' && escaped(s[:n-5]) {
		if code, ok := hex(s[n-4:]); ok {
			return code, 6
		}
	}
	return utf8.DecodeLastRune(s)
}

func hex(digits []byte) (n rune, ok bool) {
	for _, c := range digits {
		switch {
		case c-'0' <= 9:
			n = n<<4 | rune(c-'0')
		case (c|0x20)-'a' <= 5:
			n = n<<4 | rune((c|0x20)-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

func space(c rune) bool {
	switch {
	case c >= 0x09 && c <= 0x0d, c >= 0x1c && c <= 0x20, c >= 0x2000 && c <= 0x200a:
		return true
	}
	switch c {
	case 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000:
		return true
	}
	return false
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
