package fuel

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// reader reads a Wasm binary. The first error stops it: from then on every read returns
// zero, so callers check err once, at the end of a step. It never reads past its bytes.
type reader struct {
	b   []byte
	at  int
	err error
}

var errShort = errors.New("the file is cut short, or a length in it is wrong")

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	r.at = len(r.b)
}

func (r *reader) done() bool { return r.at >= len(r.b) }

func (r *reader) byte() byte {
	if r.at >= len(r.b) {
		if r.err == nil {
			r.err = errShort
		}
		return 0
	}
	c := r.b[r.at]
	r.at++
	return c
}

// u32 reads an unsigned LEB128 of at most five bytes.
func (r *reader) u32() uint32 {
	var v uint32
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		if shift == 28 && c > 0x0f {
			break
		}
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	r.fail("a number is longer than 32 bits")
	return 0
}

// skipLEB skips a signed LEB128 of at most n bytes.
func (r *reader) skipLEB(n int) {
	for range n {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail("a number is too long")
}

// bytes returns the next n bytes, not copied.
func (r *reader) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(r.b)-r.at) {
		r.fail("%w", errShort)
		return nil
	}
	b := r.b[r.at : r.at+int(n)]
	r.at += int(n)
	return b
}

// count reads the length of a vector whose items take at least one byte each, so that a
// wrong length can't cost memory.
func (r *reader) count() int {
	n := r.u32()
	if uint64(n) > uint64(len(r.b)-r.at) {
		r.fail("%w", errShort)
		return 0
	}
	return int(n)
}

// name reads a name. Characters on which a terminal might act are refused, since names are
// printed.
func (r *reader) name() string {
	b := r.bytes(r.u32())
	switch {
	case !utf8.Valid(b):
		r.fail("a name is not valid UTF-8")
	case bytes.ContainsFunc(b, func(c rune) bool { return !strconv.IsPrint(c) }):
		r.fail("the name %q holds control characters", b[:min(len(b), 200)])
	default:
		return string(b)
	}
	return ""
}

// appendU32 appends an unsigned LEB128.
func appendU32(dst []byte, v uint32) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// appendSection appends a section with its length.
func appendSection(dst []byte, id byte, body []byte) []byte {
	dst = append(dst, id)
	dst = appendU32(dst, uint32(len(body)))
	return append(dst, body...)
}
