package penstock

import (
	"bytes"
	"math"
)

// JSON is one value of a JSON text, as it stands there: a piece of the input, nothing
// is built. A nil JSON is a value that is not there; whatever is asked of it, or of a
// value of another kind, is answered with false or nothing, so that lookups chain.
//
// Reading is exact on valid input. On anything else it stops early and never panics;
// call Valid first when the input may be garbage and that must be told.
type JSON []byte

// MaxDepth is how many objects and lists may stand within each other in a Valid value.
const MaxDepth = 300

// Valid reports whether j is one well-formed JSON value, with white space around it or
// not. It does not look whether texts are valid UTF-8.
func (j JSON) Valid() bool { return valid(j) }

// Kind tells a value by the byte that it begins with: '{' an object, '[' a list, '"' a
// text, '0' any number, 't' true, 'f' false, 'n' null; 0 when there is no value.
func (j JSON) Kind() byte {
	if len(j) == 0 {
		return 0
	}
	c := j[0]
	if c <= '9' && c != '"' {
		return j.spacedKind()
	}
	return c
}

// spacedKind is the kind of a number, or of what has white space before it.
//
//go:noinline
func (j JSON) spacedKind() byte {
	i := space(j, 0)
	switch {
	case i == len(j):
		return 0
	case j[i] == '-' || j[i]-'0' <= 9:
		return '0'
	}
	return j[i]
}

// Null reports whether there is no value, or the value null.
func (j JSON) Null() bool { return len(j) == 0 || j.Kind() == 'n' }

// Members goes through an object's members in their order. A key lies in the input,
// unless it is escaped.
func (j JSON) Members(yield func(key []byte, value JSON) bool) {
	if j.Kind() == '{' {
		walk(j, yield)
	}
}

// Items goes through a list's items.
func (j JSON) Items(yield func(item JSON) bool) {
	if j.Kind() == '[' {
		walk(j, func(_ []byte, item JSON) bool { return yield(item) })
	}
}

// Member is the first member called by the last name of the path, within the member
// called by the name before it, and so on. To read many members of one object, go
// through Members once instead.
func (j JSON) Member(path ...string) JSON {
	for _, name := range path {
		var found JSON
		for key, value := range j.Members {
			if string(key) == name {
				found = value
				break
			}
		}
		j = found
	}
	return j
}

// Offset is where part begins in j, which it must be a piece of, in bytes.
func (j JSON) Offset(part JSON) int { return cap(j) - cap(part) }

// Inside is a text's spelling between its quotes, escapes and all.
func (j JSON) Inside() ([]byte, bool) {
	if len(j) < 2 || j[0] != '"' || j[len(j)-1] != '"' {
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

// Number is a number's value: exact rounding up to 15 digits and exponents of ±22,
// within a few units in the last place beyond, infinite when it is too large.
func (j JSON) Number() (float64, bool) {
	if n, ok := j.Whole(); ok {
		return float64(n), true
	}
	if j.Kind() != '0' {
		return 0, false
	}
	digits, sign := j[space(j, 0):], 1.0
	if digits[0] == '-' {
		digits, sign = digits[1:], -1
	}
	x, scale, point, i := uint64(0), 0, 0, 0
	for ; i < len(digits) && digits[i]|0x20 != 'e'; i++ {
		c := digits[i] - '0'
		switch {
		case c > 9:
			point = 1
		case x < 1e17:
			x = x*10 + uint64(c)
			scale -= point
		default: // more digits than count
			scale += 1 - point
		}
	}
	if i < len(digits) {
		e, _ := JSON(bytes.TrimPrefix(digits[i+1:], []byte{'+'})).Whole()
		scale += int(min(max(e, -1<<20), 1<<20))
	}
	return sign * scaled(float64(x), scale), true
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
