package apierror

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// closers are the quotes that end what each opening one begins.
func closer(open rune) (rune, bool) {
	switch open {
	case '"', '\'', '`':
		return open, true
	case '“', '„':
		return '”', true
	case '‘':
		return '’', true
	case '«':
		return '»', true
	}
	return 0, false
}

// unquoted is a message in small letters without what it quotes: that may be what the
// caller sent. An apostrophe within a word is none, and a quote that nothing ends quotes
// the rest. Words in back quotes are a provider's own names for members, and stay.
func unquoted(message string) string {
	var b strings.Builder
	before := ' '
	for rest := strings.ToLower(message); rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		end, quote := closer(r)
		if quote && r != '`' && !isWord(before) {
			rest = afterQuote(rest[n:], end)
			b.WriteByte(' ')
			before = ' '
			continue
		}
		b.WriteString(rest[:n])
		rest, before = rest[n:], r
	}
	return strings.TrimSpace(b.String())
}

// afterQuote is what follows the last quote that could end this one, so that a quote
// within what is quoted ends nothing.
func afterQuote(s string, end rune) string {
	for i := len(s); i > 0; {
		i = strings.LastIndex(s[:i], string(end))
		if i < 0 {
			return ""
		}
		after := s[i+utf8.RuneLen(end):]
		next, _ := utf8.DecodeRuneInString(after)
		if after == "" || !isWord(next) {
			return after
		}
	}
	return ""
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
