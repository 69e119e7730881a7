package canonical

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"
)

// Value is a span of the input, nil when it is absent. What is passed on is copied as it is
// written there.
type Value = penstock.JSON

// Text returns a string without quotes and escapes, nil when v is not a string. It aliases
// the input unless the string has escapes.
func Text(v Value) []byte {
	inside, ok := v.Inside()
	if !ok {
		return nil
	}
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	decoded, _ := v.Text(nil)
	return decoded
}

// Inside returns a string as it is written between its quotes, nothing when v is not a
// string.
func Inside(v Value) []byte {
	raw, _ := v.Inside()
	return raw
}

// Whole returns a whole number, 0 when v is not one.
func Whole(v Value) int64 {
	n, _ := v.Whole()
	return n
}

// Filled reports whether a list or an object has anything in it.
func Filled(v Value) bool {
	switch v.Kind() {
	case '[':
		for range v.Items {
			return true
		}
	case '{':
		for range v.Members {
			return true
		}
	}
	return false
}

// Empty reports whether v is absent, null, false, zero, an empty string or an empty
// container.
func Empty(v Value) bool {
	switch v.Kind() {
	case '{', '[':
		return !Filled(v)
	case '0':
		x, _ := v.Number()
		return x == 0
	case '"':
		return len(v) == len(`""`)
	}
	return v.Kind() != 't'
}

// Or returns the first of two values that is present and not null.
func Or(a, b Value) Value {
	if a.Null() {
		return b
	}
	return a
}

// IsWord reports whether s is a plain lower-case identifier, which needs no escaping.
func IsWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// SmallIndex reads a number of at most three digits, as JSON writes it, and returns what
// follows it; nil when s begins with no such number.
func SmallIndex(s []byte) (n int64, rest []byte) {
	i := 0
	for i < len(s) && i < 3 && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int64(s[i]-'0')
		i++
	}
	if i == 0 || i > 1 && s[0] == '0' {
		return 0, nil
	}
	return n, s[i:]
}
