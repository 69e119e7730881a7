package penstock

import (
	"math/bits"
	"unsafe"
)

// The functions of this file find where things end. Go's code for Wasm makes calls and
// turns of loops dear, so they look at eight bytes at a time and call nothing on the way
// that most bytes take.
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

// equal marks ASCII bytes that equal c, below those less than c. Of the marks only the
// first one of ASCII is right: what is subtracted is borrowed from the bytes behind it.
func equal(x uint64, c byte) uint64 { return (x ^ ones*uint64(c)) - ones }

func below(x uint64, c byte) uint64 { return x - ones*uint64(c) }

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

// ended is the number of the first byte that ends a number or a word, 8 when none does.
func ended(x uint64) int {
	return first((equal(x, ',') | equal(x|ones*' ', '}') | below(x, '!')) &^ x)
}

// digits is how many of the first bytes are digits.
func digits(x uint64) int { x ^= ones * '0'; return first(x + ones*0x76 | x) }
