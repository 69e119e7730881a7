package canonical

import (
	"bytes"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// The functions of this file take the inside of a JSON string, as it is written between
// its quotes, escapes and all.

// TrimRight cuts white space off the end, whether it is escaped or not. White space is
// what Python takes for it, and so do the services that are written in it.
func TrimRight(raw []byte) []byte {
	for {
		c, size := lastRune(raw)
		if size == 0 || !space(c) {
			return raw
		}
		raw = raw[:len(raw)-size]
	}
}

// Blank reports whether a text is white space alone, or none.
func Blank(raw []byte) bool { return len(TrimRight(raw)) == 0 }

// lastRune is the last character and the bytes it takes; 0 bytes when there is none.
func lastRune(raw []byte) (c rune, size int) {
	n := len(raw)
	if n > 1 && escaped(raw[:n-1]) {
		switch raw[n-1] {
		case 'n', 'r', 't', 'f':
			return ' ', 2
		}
		return rune(raw[n-1]), 2 // a quote, a slash or a backspace
	}
	if n >= 6 && raw[n-5] == 'u' && escaped(raw[:n-5]) {
		if code, ok := hex(raw[n-4:]); ok {
			return code, 6
		}
	}
	return utf8.DecodeLastRune(raw)
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

// CountRunes counts the characters.
func CountRunes(raw []byte) int64 {
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
