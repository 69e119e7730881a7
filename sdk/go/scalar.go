package penstock

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Inside is a text as it is written between its quotes, with its escapes.
func (j JSON) Inside() ([]byte, bool) {
	if len(j) < 2 || j[0] != '"' {
		return nil, false
	}
	return j[1 : len(j)-1], true
}

// Text appends a text's bytes to dst, without quotes and escapes. Half a surrogate pair
// becomes U+FFFD.
func (j JSON) Text(dst []byte) ([]byte, bool) {
	inside, ok := j.Inside()
	return unescape(dst, inside), ok
}

// unescape appends the inside of a text without its escapes.
func unescape(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 || i+1 >= len(s) {
			return append(dst, s...)
		}
		r, n := escape(s[i+1:])
		dst = utf8.AppendRune(append(dst, s[:i]...), r)
		s = s[i+1+n:]
	}
}

// escape is the character that s stands for behind a backslash, two backslashes when it
// is a surrogate pair, and how many bytes that takes.
func escape(s []byte) (r rune, n int) {
	const letters, meanings = "bfnrt", "\b\f\n\r\t"
	if k := bytes.IndexByte([]byte(letters), s[0]); k >= 0 {
		return rune(meanings[k]), 1
	}
	if s[0] != 'u' || len(s) < 5 {
		return rune(s[0]), 1
	}
	if r = hex(s[1:5]); !utf16.IsSurrogate(r) {
		return r, 5
	}
	if len(s) >= 11 && s[5] == '\\' && s[6] == 'u' {
		if r = utf16.DecodeRune(r, hex(s[7:11])); r != utf8.RuneError {
			return r, 11
		}
	}
	return utf8.RuneError, 5
}

// hex is the number that hexadecimal digits make.
func hex(digits []byte) rune {
	r := rune(0)
	for _, c := range digits {
		r = r<<4 | rune(c&15+c>>6*9) // letters have bit 6, and begin at 1
	}
	return r
}

// Whole is a number written without fraction and exponent that fits into an int64.
func (j JSON) Whole() (int64, bool) {
	digits, sign := j, uint64(0)
	if len(j) > 0 && j[0] == '-' {
		digits, sign = j[1:], 1
	}
	n := uint64(0)
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	if len(digits) == 0 || len(digits) > 19 || n > math.MaxInt64+sign {
		return 0, false
	}
	return int64(n) * (1 - 2*int64(sign)), true
}

// Number is a number's value: exact up to 15 digits and exponents of ±22, within a few
// units in the last place beyond, infinite when it is too large. Exponents have up to 19
// digits.
func (j JSON) Number() (float64, bool) {
	if n, ok := j.Whole(); ok {
		return float64(n), true
	}
	digits, sign := j, 1.0
	if len(j) > 0 && j[0] == '-' {
		digits, sign = j[1:], -1
	}
	x, scale, point, i := uint64(0), 0, 0, 0
	for ; i < len(digits) && digits[i]|0x20 != 'e'; i++ {
		c := digits[i] - '0'
		switch {
		case digits[i] == '.' && point == 0 && i > 0:
			point = 1
		case c > 9:
			return 0, false
		case x < 1e17:
			x = x*10 + uint64(c)
			scale -= point
		default: // more digits than count
			scale += 1 - point
		}
	}
	if i < len(digits) {
		e, ok := JSON(bytes.TrimPrefix(digits[i+1:], []byte{'+'})).Whole()
		if !ok {
			return 0, false
		}
		scale += int(min(max(e, -1<<20), 1<<20))
	}
	return sign * scaled(float64(x), scale), i > 0
}

// scaled is x times ten to the power of scale.
func scaled(x float64, scale int) float64 {
	switch {
	case x == 0 || scale < -340:
		return 0
	case scale < -300:
		return x / 1e300 / math.Pow10(-scale-300)
	case scale < 0:
		return x / math.Pow10(-scale)
	}
	return x * math.Pow10(scale)
}

// AppendText appends s, which is UTF-8, as a JSON string, escaped as far as JSON requires.
func AppendText(dst, s []byte) []byte { return append(AppendInside(append(dst, '"'), s), '"') }

// AppendInside is AppendText without the quotes.
func AppendInside(dst, s []byte) []byte {
	s = roomy(s)
	start := 0
	for i := 0; i < len(s); {
		x := word(s, i)
		n := first(equal(x, '"') | equal(x, '\\') | (x-ones*' ')&^x)
		if i += n; n == 8 || i >= len(s) {
			continue
		}
		dst = append(append(dst, s[start:i]...), '\\')
		switch c := s[i]; {
		case c >= ' ':
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, 'n')
		default:
			dst = append(dst, 'u', '0', '0', '0'+c>>4, "0123456789abcdef"[c&15])
		}
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

// AppendNumber appends a finite number with as many digits as it takes to read the same
// one back; null for any other.
func AppendNumber(dst []byte, x float64) []byte {
	if x-x != 0 {
		return append(dst, "null"...)
	}
	if n := int64(x); x == float64(n) && n > -1e15 && n < 1e15 {
		return AppendWhole(dst, n) // ten times faster
	}
	return strconv.AppendFloat(dst, x, 'g', -1, 64)
}

// AppendWhole appends a whole number.
func AppendWhole(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
