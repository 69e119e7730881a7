package jsontext

import (
	"slices"
	"unicode/utf8"
)

// AppendQuote appends s as a JSON string. A byte that is not valid UTF-8 becomes U+FFFD, as
// in encoding/json.
func AppendQuote(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\uFFFD"...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// AppendComma appends the comma between two elements: none behind an opening bracket, nor
// at the beginning.
func AppendComma(dst []byte) []byte {
	if len(dst) == 0 || dst[len(dst)-1] == '{' || dst[len(dst)-1] == '[' {
		return dst
	}
	return append(dst, ',')
}

// AppendName appends the name of the next member of an object that dst has begun, with the
// comma before it if there is one and the colon after it. The name must need no escape.
func AppendName(dst []byte, name string) []byte {
	dst = append(AppendComma(dst), '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

// AppendStrings appends an array of strings.
func AppendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for _, s := range list {
		dst = AppendQuote(AppendComma(dst), s)
	}
	return append(dst, ']')
}

// AppendMap appends an object of strings. Its members are sorted, so that equal maps give
// equal bytes.
func AppendMap(dst []byte, m map[string]string) []byte {
	var room [16]string
	names := room[:0]
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	dst = append(dst, '{')
	for _, name := range names {
		dst = append(AppendQuote(AppendComma(dst), name), ':')
		dst = AppendQuote(dst, m[name])
	}
	return append(dst, '}')
}
