package penstock

import (
	"bytes"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// The functions of this file find where things end. Go's code for Wasm makes calls and
// turns of loops dear, so they look at eight bytes at a time and call nothing on the way
// that most bytes take.
const ones, tops = 0x0101010101010101, 0x8080808080808080

// word is the eight bytes of s from i on, the first one lowest; anything may stand
// beyond the end. It is not encoding/binary's: Go does not merge its loads on Wasm.
func word(s []byte, i int) uint64 {
	if i+8 <= cap(s) {
		return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), i))
	}
	return lastWord(s, i)
}

//go:noinline
func lastWord(s []byte, i int) (x uint64) {
	for k := len(s) - 1; k >= i; k-- {
		x = x<<8 | uint64(s[k])
	}
	return x
}

// first is the number of the first byte that is marked by its highest bit, 8 when none is.
func first(marks uint64) int { return bits.TrailingZeros64(marks&tops) >> 3 }

// equal marks ASCII bytes that equal c, below those less than c. Of the marks only the
// first one of ASCII is right: what is subtracted is borrowed from the bytes behind it.
func equal(x uint64, c byte) uint64 { return (x ^ ones*uint64(c)) - ones }

func below(x uint64, c byte) uint64 { return x - ones*uint64(c) }

// ended is the number of the first byte that ends a number or a word, 8 when none does.
func ended(x uint64) int {
	return first((equal(x, ',') | equal(x|ones*' ', '}') | below(x, '!')) &^ x)
}

// exactly marks all bytes that equal c, and no others.
func exactly(x uint64, c byte) uint64 {
	x ^= ones * uint64(c)
	return ^(x&^tops + ^uint64(tops) | x) & tops
}

// oddMarks marks what is special within a string: quotes, backslashes, controls, and with
// tops for wide all that is not ASCII.
func oddMarks(x, wide uint64) uint64 {
	return (equal(x, '"')|equal(x, '\\')|below(x, ' '))&^x | x&wide
}

// odd is the number of the first such byte, 8 when there is none.
func odd(x, wide uint64) int { return first(oddMarks(x, wide)) }

// oddAt is where the next such byte stands from i on; beyond the end when there is none.
func oddAt(s []byte, i int, wide uint64) int {
	for base := unsafe.Pointer(unsafe.SliceData(s)); i+32 <= len(s); i += 32 {
		x := (*[4]uint64)(unsafe.Add(base, i))
		if (oddMarks(x[0], wide)|oddMarks(x[1], wide)|oddMarks(x[2], wide)|oddMarks(x[3], wide))&tops != 0 {
			break
		}
	}
	n := odd(word(s, i), wide)
	for i += n; n == 8 && i < len(s); i += n {
		n = odd(word(s, i), wide)
	}
	return i
}

// space is where s goes on behind white space from i on.
func space(s []byte, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// skip is the end of the value at i, -1 when it has none. Of what is in objects and
// lists it looks at quotes and brackets only.
func skip(s []byte, i int) int {
	if i >= len(s) {
		return -1
	}
	switch s[i] {
	case '"':
		return skipString(s, i+1)
	case '{', '[':
		return skipContainer(s, i)
	}
	return scalarEnd(s, i)
}

// skipString is the end of a string, given from behind the quote that opens it. Escapes
// are not looked into.
func skipString(s []byte, i int) int {
	n := odd(word(s, i), 0)
	for i += n; i < len(s); {
		switch {
		case n == 8:
			i, n = oddAt(s, i, 0), 0
		case s[i] == '"':
			return i + 1
		case s[i] == '\\':
			n = odd(word(s, i+2), 0)
			i += 2 + n
		default:
			return -1
		}
	}
	return -1
}

// skipContainer is the end of an object or list. It takes eight bytes in one go as long
// as there is no backslash and the end is not near: the parity of the quotes before a
// byte tells whether it is in a string.
func skipContainer(s []byte, i int) int {
	depth, inside := 0, uint64(0) // inside is ones in a string
	for ; i < len(s); i += 8 {
		x := word(s, i)
		if equal(x, '\\')&^x&tops != 0 {
			if i, depth = escaped(s, i, depth, inside != 0); i < 0 || depth == 0 {
				return i
			}
			i, inside = i-8, 0
			continue
		}
		quotes := exactly(x, '"')
		parity := quotes >> 7 * ones
		// The brackets become DEL. So do y, Y and _, which stand in strings only.
		brackets := exactly(x|ones*0x26, 0x7f) &^ ((parity ^ inside) << 7)
		if inside != 0 && quotes == 0 {
			i = oddAt(s, i+8, 0) - 8
			continue
		}
		inside ^= parity >> 56 & 1 * ones
		closing := brackets &^ (x << 6) // bit 1 is set in those that open
		if n := bits.OnesCount64(closing); n < depth {
			depth += bits.OnesCount64(brackets) - 2*n
			continue
		}
		for ; brackets != 0; brackets &= brackets - 1 {
			if mark := brackets & -brackets; closing&mark == 0 {
				depth++
			} else if depth--; depth <= 0 {
				return bounded(s, i+first(mark)+1)
			}
		}
	}
	return -1
}

// escaped goes on from i, in a string or before one that has escapes, to the end of that
// string; not so far when the container ends before.
func escaped(s []byte, i, depth int, inside bool) (next, level int) {
	for ; !inside && i < len(s); i++ {
		switch s[i] {
		case '"':
			inside = true
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, 0
			}
		}
	}
	return skipString(s, i), depth
}

func bounded(s []byte, end int) int {
	if end > len(s) {
		return -1
	}
	return end
}

// scalarEnd is where the number or word ends that begins at i.
func scalarEnd(s []byte, i int) int {
	end := i
	n := ended(word(s, end))
	for end += n; n == 8 && end < len(s); end += n {
		n = ended(word(s, end))
	}
	if end == i {
		return -1
	}
	return min(end, len(s))
}

// valid reports whether s is one well-formed value with white space around it.
func valid(s []byte) bool {
	var closing [MaxDepth + 1]byte // the brackets that are due
	depth, i := 0, space(s, 0)
	for {
		if closing[depth] == '}' {
			if i = nameEnd(s, i); i < 0 {
				return false
			}
		}
		if i >= len(s) {
			return false
		}
		switch c := s[i]; {
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return false
			}
			closing[depth] = c + 2
			if i = space(s, i+1); i >= len(s) || s[i] != c+2 {
				continue
			}
			depth--
			i++
		case c == '"':
			i = stringEnd(s, i+1)
		case c > '9':
			i = literalEnd(s, i)
		default:
			i = numberEnd(s, i)
		}
		for i >= 0 {
			if i < len(s) && s[i] <= ' ' {
				i = space(s, i)
			}
			if depth == 0 || i >= len(s) || s[i] != closing[depth] {
				break
			}
			depth--
			i++
		}
		if depth == 0 || i < 0 || i >= len(s) || s[i] != ',' {
			return depth == 0 && i == len(s)
		}
		if i++; i < len(s) && s[i] <= ' ' {
			i = space(s, i)
		}
	}
}

// nameEnd is where the value of the member at i begins, -1 when there is none.
func nameEnd(s []byte, i int) int {
	if i >= len(s) || s[i] != '"' {
		return -1
	}
	i++
	end := i
	n := odd(word(s, end), 0)
	for end += n; n == 8 && end < len(s); end += n {
		n = odd(word(s, end), 0)
	}
	if end++; end >= len(s) || s[end-1] != '"' {
		if end = stringEnd(s, i); end < 0 {
			return -1
		}
	}
	if end < len(s) && s[end] <= ' ' {
		end = space(s, end)
	}
	if end >= len(s) || s[end] != ':' {
		return -1
	}
	if end++; end < len(s) && s[end] <= ' ' {
		end = space(s, end)
	}
	return end
}

// stringEnd is the end of a string, given from behind the quote that opens it; -1 when
// it is not well-formed.
func stringEnd(s []byte, i int) int {
	n := odd(word(s, i), 0)
	for i += n; i < len(s); {
		switch {
		case n == 8:
			i, n = oddAt(s, i, 0), 0
		case s[i] == '"':
			return i + 1
		case s[i] == '\\':
			if _, n = escape(s[i:]); n == 0 {
				return -1
			}
			i += n
			n = odd(word(s, i), 0)
			i += n
		default:
			return -1
		}
	}
	return -1
}

func literalEnd(s []byte, i int) int {
	for _, word := range [...]string{"true", "false", "null"} {
		if end := i + len(word); end <= len(s) && string(s[i:end]) == word {
			return end
		}
	}
	return -1
}

// digits is how many of the first bytes are digits.
func digits(x uint64) int { x ^= ones * '0'; return first(x + ones*0x76 | x) }

// digitsEnd is where the run of digits ends that begins at i.
func digitsEnd(s []byte, i int) int {
	n := digits(word(s, i))
	for i += n; n == 8 && i < len(s); i += n {
		n = digits(word(s, i))
	}
	return min(i, len(s))
}

func numberEnd(s []byte, i int) int {
	if s[i] == '-' {
		i++
	}
	end := i
	n := digits(word(s, end))
	for end += n; n == 8 && end < len(s); end += n {
		n = digits(word(s, end))
	}
	end = min(end, len(s))
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

// walk gives yield the members or items of the container that s begins with.
func walk(s []byte, yield func(key []byte, value JSON) bool) {
	i := space(s, 0)
	if i >= len(s) {
		return
	}
	object, closing := s[i] == '{', s[i]+2
	for i++; ; i++ {
		if i < len(s) && s[i] <= ' ' {
			i = space(s, i)
		}
		if i >= len(s) || s[i] == closing {
			return
		}
		var key []byte
		if object {
			start := i + 1
			i = start
			n := odd(word(s, i), 0)
			for i += n; n == 8 && i < len(s); i += n {
				n = odd(word(s, i), 0)
			}
			if i+1 < len(s) && s[i] == '"' && s[i+1] == ':' && s[start-1] == '"' {
				key = s[start:i]
				if i += 2; i < len(s) && s[i] <= ' ' {
					i = space(s, i)
				}
			} else if key, i = name(s, start-1); i < 0 {
				return
			}
		}
		end := i
		if i < len(s) && s[i] != '"' && s[i]|0x20 != '{' {
			n := ended(word(s, end))
			for end += n; n == 8 && end < len(s); end += n {
				n = ended(word(s, end))
			}
			end = min(end, len(s))
		} else {
			end = skip(s, i)
		}
		if end <= i || !yield(key, s[i:end]) {
			return
		}
		if i = end; i < len(s) && s[i] <= ' ' {
			i = space(s, i)
		}
		if i >= len(s) || s[i] != ',' {
			return
		}
	}
}

// name reads the name of the member at i, and finds its value; -1 when there is none.
func name(s []byte, i int) (key []byte, value int) {
	if s[i] != '"' {
		return nil, -1
	}
	i++
	end := i
	n := odd(word(s, end), 0)
	for end += n; n == 8 && end < len(s); end += n {
		n = odd(word(s, end), 0)
	}
	if end < len(s) && s[end] == '"' {
		key = s[i:end]
	} else if end = stringEnd(s, i) - 1; end >= 0 {
		key = unescape(nil, s[i:end])
	} else {
		return nil, -1
	}
	if end++; end < len(s) && s[end] <= ' ' {
		end = space(s, end)
	}
	if end >= len(s) || s[end] != ':' {
		return nil, -1
	}
	if end++; end < len(s) && s[end] <= ' ' {
		end = space(s, end)
	}
	return key, end
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
