package penstock

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// escape reads the escape at the front of s, or the two of a surrogate pair: the
// character, and the bytes that it takes, 0 when it is none.
func escape(s []byte) (r rune, n int) {
	const letters, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if len(s) < 2 {
		return 0, 0
	}
	for k := range len(letters) {
		if letters[k] == s[1] {
			return rune(meanings[k]), 2
		}
	}
	switch r = hex(s); {
	case r < 0:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	if r = utf16.DecodeRune(r, hex(s[6:])); r != utf8.RuneError {
		return r, 12
	}
	return r, 6
}

// hex reads \u and four digits; -1 when that is not what s begins with.
func hex(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	r := rune(0)
	for _, c := range s[2:6] {
		d := c - '0'
		if d > 9 {
			if d = c | 0x20 - 'a' + 10; d < 10 || d > 15 {
				return -1
			}
		}
		r = r<<4 | rune(d)
	}
	return r
}

// unescape appends what the inside of a text spells. What is no escape stays as it is.
func unescape(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		r, n := escape(s[i:])
		if n == 0 {
			return append(dst, s[i:]...)
		}
		dst = utf8.AppendRune(dst, r)
		s = s[i+n:]
	}
}
