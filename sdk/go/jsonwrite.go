package penstock

import (
	"strconv"
	"unicode/utf8"
)

// AppendText appends s as a JSON string, escaped as far as JSON requires. Bytes that are
// not UTF-8 become U+FFFD.
func AppendText(dst, s []byte) []byte {
	return append(AppendInside(append(dst, '"'), s), '"')
}

// AppendInside is AppendText without the quotes.
func AppendInside(dst, s []byte) []byte {
	start := 0
	for i := oddAt(s, 0, tops); i < len(s); i = oddAt(s, i, tops) {
		size, bad := 1, true
		if s[i] >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRune(s[i:])
			bad = r == utf8.RuneError && size == 1
		}
		if bad {
			dst = appendEscape(append(dst, s[start:i]...), s[i])
			start = i + size
		}
		i += size
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c == '\t':
		return append(dst, '\\', 't')
	case c < ' ':
		return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
	}
	return append(dst, `\ufffd`...)
}

// AppendNumber appends a finite number with as many digits as it takes to read the same
// one back; null for any other.
func AppendNumber(dst []byte, x float64) []byte {
	if x-x != 0 {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, 64)
}

// AppendWhole appends a whole number.
func AppendWhole(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
