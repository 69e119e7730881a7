package penstock

import (
	"math/bits"
	"unsafe"
)

// JSON is one value of a JSON text: a span of the input, from which nothing is built. A nil
// JSON is an absent value. Every method returns false or nothing for it, and for a value of
// another kind, so that lookups chain.
//
// Nothing is checked, because the host sends valid JSON only. For text that is not JSON the
// results are arbitrary.
type JSON []byte

// Kind is the kind of a value, by the byte that it begins with: '{' an object, '[' a list, '"' a
// text, '0' any number, 't' true, 'f' false, 'n' null; 0 when there is no value.
func (j JSON) Kind() byte {
	switch {
	case len(j) == 0:
		return 0
	case j[0] <= '9' && j[0] != '"':
		return '0'
	}
	return j[0]
}

// Null reports whether there is no value, or the value null.
func (j JSON) Null() bool { return len(j) == 0 || j[0] == 'n' }

// Members yields an object's members in their order. A key aliases the input unless it is
// escaped.
func (j JSON) Members(yield func(key []byte, value JSON) bool) { j.walk('{', yield) }

// Items yields a list's items.
func (j JSON) Items(yield func(item JSON) bool) {
	j.walk('[', func(_ []byte, item JSON) bool { return yield(item) })
}

// Member returns the first member with the last name of the path, within the member with the
// name before it, and so on. To read many members of one object, range over Members once
// instead.
func (j JSON) Member(path ...string) JSON {
	for i := 0; i < len(path) && len(j) > 0; i++ {
		var found JSON
		for key, value := range j.Members {
			if string(key) == path[i] {
				found = value
				break
			}
		}
		j = found
	}
	return j
}

// Offset is where part, which must be a span of j, begins in it, in bytes.
func (j JSON) Offset(part JSON) int { return cap(j) - cap(part) }

// The functions below return where something ends; an end beyond s means that s is not JSON.
// Calls and loop iterations are slow in Go's code for Wasm, so they read eight bytes at a
// time, and walk makes no calls for the usual members.

// walk yields the members of an object or, without keys, the items of a list.
func (j JSON) walk(opening byte, yield func(key []byte, value JSON) bool) {
	if len(j) == 0 || j[0] != opening {
		return
	}
	s := roomy(j)
	for i := 1; ; i++ {
		if i = space(s, i); i >= len(s) || s[i] == opening+2 {
			return
		}
		var key []byte
		if opening == '{' {
			start := i + 1
			n := special(word(s, start))
			for i = start + n; n == 8 && i < len(s); i += n {
				n = special(word(s, i))
			}
			if i+1 < len(s) && s[i] == '"' && s[i+1] == ':' {
				key = j[start:i]
				i = space(s, i+2)
			} else {
				key, i = member(s, start)
			}
		}
		end := i
		if i >= len(s) {
			return
		} else if s[i] == '"' {
			end = textEnd(s, i+1)
		} else if s[i]|0x20 == '{' {
			end = containerEnd(s, i)
		} else {
			for n := 8; n == 8 && end < len(s); end += n {
				x := word(s, end)
				n = first(equal(x, ',') | equal(x|ones*' ', '}') | (x-ones*'!')&^x)
			}
		}
		if end <= i || end > len(s) || !yield(key, j[i:end]) {
			return
		}
		if i = space(s, end); i >= len(s) || s[i] != ',' {
			return
		}
	}
}

// member returns the name that begins at i, behind its quote, and where its value begins.
func member(s []byte, i int) (key []byte, value int) {
	end := min(textEnd(s, i), len(s))
	return unescape(nil, s[i:max(end-1, i)]), space(s, space(s, end)+1)
}

// space skips white space from i on.
func space(s []byte, i int) int {
	for i < len(s) && s[i] <= ' ' {
		i++
	}
	return i
}

// containerEnd is the end of the object or list at i.
func containerEnd(s []byte, i int) int {
	depth, inside := 0, uint64(0) // inside is ones in a text
	for i < len(s) {
		x, next := word(s, i), i+8
		quotes := exactly(x, '"')
		// A text with an escape, or that continues beyond the word, is skipped by textEnd. Bit 63
		// is set when there is no quote. Branches are slow, so it is a single one.
		if equal(x, '\\')&tops|inside&((quotes-1)&^quotes>>63) != 0 {
			begin := first(quotes)
			next = i + begin + 1
			if inside != 0 {
				begin, next = 0, i
			}
			next = textEnd(s, next)
			x &= 1<<(8*begin) - 1
			quotes, inside = 0, 0
		}
		parity := quotes >> 7 * ones // of the quotes up to a byte: odd in a text
		// The brackets become DEL. So do y, Y and _, which stand in texts only.
		brackets := exactly(x|ones*0x26, 0x7f) &^ ((parity ^ inside) << 7)
		inside ^= parity >> 56 & 1 * ones
		for ; brackets != 0; brackets &= brackets - 1 {
			if x<<6&brackets&-brackets != 0 { // bit 1 is set in those that open
				depth++
			} else if depth--; depth <= 0 {
				return i + first(brackets) + 1
			}
		}
		i = next
	}
	return i + 1
}

// textEnd is the end of a text, given from behind the quote that opens it. Long ones are
// skipped in steps of 32 bytes.
func textEnd(s []byte, i int) int {
	for i < len(s) {
		n := special(word(s, i))
		if i += n; n < 8 && i < len(s) {
			if s[i] == '"' {
				return i + 1
			}
			i += 2 // an escape
		}
		for ; n == 8 && i+32 <= len(s); i += 32 {
			x := (*[4]uint64)(unsafe.Pointer(&s[i]))
			if special(x[0])&special(x[1])&special(x[2])&special(x[3]) != 8 {
				break
			}
		}
	}
	return i + 1
}

const ones, tops = 0x0101010101010101, 0x8080808080808080

// word is the eight bytes of s from i on, the first one lowest; anything may stand
// beyond the end, but s must be roomy. It is not encoding/binary's: Go does not merge its
// loads on Wasm.
func word(s []byte, i int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), i))
}

// roomy is s with 16 bytes of memory behind it, so that words can be read at its end. The
// input has them, and so what lies in it; anything else may have to be copied.
func roomy(s []byte) []byte {
	if cap(s)-len(s) < 16 {
		return append(make([]byte, 0, len(s)+16), s...)
	}
	return s
}

// first is the number of the first byte that is marked by its highest bit, 8 when none is.
func first(marks uint64) int { return bits.TrailingZeros64(marks&tops) >> 3 }

// equal marks the bytes that equal c, which is ASCII. Of the marks only the first one is
// right: what is subtracted is borrowed from the bytes behind it.
func equal(x uint64, c byte) uint64 { return ((x ^ ones*uint64(c)) - ones) &^ x }

// exactly marks all bytes that equal c, and no others.
func exactly(x uint64, c byte) uint64 {
	x ^= ones * uint64(c)
	return ^(x&^tops + ^uint64(tops) | x) & tops
}

// special is the number of the first quote or backslash, 8 when there is none.
func special(x uint64) int { return first(equal(x, '"') | equal(x, '\\')) }
