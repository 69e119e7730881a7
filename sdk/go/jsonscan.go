package penstock

import (
	"bytes"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// The functions of this file find where things end. They look at eight bytes at a
// time: a turn of a loop costs some nanoseconds in Wasm, and bodies hold megabytes.
// An end of -1 says that the thing is not well-formed.
const ones, tops = 0x0101010101010101, 0x8080808080808080

// word is the eight bytes of s from i on, the first one lowest; zeros stand beyond the
// end. It is not encoding/binary's, because Go does not merge its loads on Wasm.
func word(s []byte, i int) uint64 {
	if i+8 <= len(s) {
		return *(*uint64)(unsafe.Pointer(&s[i]))
	}
	return lastWord(s, i)
}

func lastWord(s []byte, i int) (x uint64) {
	for k := len(s) - 1; k >= i; k-- {
		x = x<<8 | uint64(s[k])
	}
	return x
}

// zeros marks the bytes of x that are zero by their highest bits. Above the first one
// there may be false marks; that one is right.
func zeros(x uint64) uint64 { return (x - ones) &^ x & tops }

// first is the number of the first byte that is marked.
func first(marks uint64) int { return bits.TrailingZeros64(marks) >> 3 }

// space is where s goes on behind white space from i on.
func space(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// stringEnd is the end of a text, given from behind the quote that opens it.
func stringEnd(s []byte, i int) int {
	for i < len(s) {
		x := word(s, i)
		marks := zeros(x^ones*'"') | zeros(x^ones*'\\') | (x-ones*' ')&^x&tops
		if marks == 0 {
			i += 8
			continue
		}
		i += first(marks)
		if i < len(s) && s[i] == '"' {
			return i + 1
		}
		if i >= len(s) || s[i] != '\\' {
			return -1
		}
		_, n := escape(s[i:])
		if n == 0 {
			return -1
		}
		i += n
	}
	return -1
}

// containerEnd is the end of an object or list. It looks at texts and brackets only.
func containerEnd(s []byte, i int) int {
	for depth := 0; i < len(s); i++ {
		// The brackets are what becomes DEL; so do y, Y and _, which stand in texts only.
		x := word(s, i)
		marks := zeros(x^ones*'"') | zeros((x|ones*0x26)^ones*0x7f)
		if marks == 0 {
			i += 7
			continue
		}
		i += first(marks)
		switch s[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			if i = stringEnd(s, i+1) - 1; i < 0 {
				return -1
			}
		}
	}
	return -1
}

// digitsEnd is where the run of digits ends that begins at i.
func digitsEnd(s []byte, i int) int {
	for {
		x := word(s, i) ^ ones*'0'
		if marks := (x + ones*0x76 | x) & tops; marks != 0 {
			return i + first(marks)
		}
		i += 8
	}
}

func numberEnd(s []byte, i int) int {
	if s[i] == '-' {
		i++
	}
	end := digitsEnd(s, i)
	if end == i || end > i+1 && s[i] == '0' {
		return -1
	}
	if end < len(s) && s[end] == '.' {
		i = end + 1
		if end = digitsEnd(s, i); end == i {
			return -1
		}
	}
	if end < len(s) && s[end]|0x20 == 'e' {
		i = end + 1
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if end = digitsEnd(s, i); end == i {
			return -1
		}
	}
	return end
}

// check is the end of the value at i. With a depth above 0 everything in it is checked,
// and there must be fewer levels than that; with 0 an object or list is only passed over.
func check(s []byte, i, depth int) int {
	if i >= len(s) {
		return -1
	}
	switch c := s[i]; {
	case c == '"':
		return stringEnd(s, i+1)
	case c == '{' || c == '[':
		switch depth {
		case 0:
			return containerEnd(s, i)
		case 1:
			return -1
		}
		return walk(s, i, depth-1, nil)
	case c == '-' || c-'0' <= 9:
		return numberEnd(s, i)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(s[i:], []byte(word)) {
			return i + len(word)
		}
	}
	return -1
}

// walk gives yield the members or items of the container at i, and returns its end; -1
// too when yield has had enough.
func walk(s []byte, i, depth int, yield func(key []byte, value JSON) bool) int {
	object, closing := s[i] == '{', s[i]+2
	if i = space(s, i+1); i < len(s) && s[i] == closing {
		return i + 1
	}
	for i < len(s) {
		var key []byte
		if object {
			if key, i = member(s, i); i < 0 {
				return -1
			}
		}
		end := check(s, i, depth)
		if end < 0 || yield != nil && !yield(key, s[i:end]) {
			return -1
		}
		i = space(s, end)
		if i == len(s) || s[i] == closing {
			break
		}
		if s[i] != ',' {
			return -1
		}
		i = space(s, i+1)
	}
	if i >= len(s) {
		return -1
	}
	return i + 1
}

// member reads a member's name and finds its value.
func member(s []byte, i int) (key []byte, value int) {
	if s[i] != '"' {
		return nil, -1
	}
	end := i + 1 + plain(s, i+1)
	if end < len(s) && s[end] == '"' {
		key = s[i+1 : end]
		end++
	} else if end = stringEnd(s, end); end < 0 {
		return nil, -1
	} else {
		key = unescape(nil, s[i+1:end-1])
	}
	if end = space(s, end); end == len(s) || s[end] != ':' {
		return nil, -1
	}
	return key, space(s, end+1)
}

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
