package similar

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token consists of.
type kind uint8

const (
	// letters is a word: letters, and what stands between them without a space.
	letters kind = iota
	// digits is a number as it is written, with its separators.
	digits
	// ideograph is one character of a script that writes no spaces.
	ideograph
	// symbol is a character that is neither part of a word nor punctuation of a sentence.
	symbol
	// pause is a comma, semicolon, colon or dash of a sentence, stop is its end.
	pause
	stop
	// quote is a quotation mark.
	quote
)

// token is a piece of a text.
type token struct {
	kind kind
	// text is as it is written.
	text string
	// glued says that no space stands before it.
	glued bool
	// first says that it is the first word of a sentence.
	first bool
}

// scanner reads tokens from a text.
type scanner struct {
	rest string
	out  []token
	// glued and first are those of the next token.
	glued, first bool
}

// scan splits a text into tokens.
func scan(text string) []token {
	s := scanner{rest: strings.TrimSpace(strings.Map(plain, text)), first: true}
	for s.rest != "" {
		s.next()
	}
	return s.out
}

// plain replaces characters that only look different: full-width ASCII, curly apostrophes,
// long dashes and special spaces.
func plain(r rune) rune {
	switch {
	case r >= '！' && r <= '～':
		return r - '！' + '!'
	case r == '’' || r == 'ʼ' || r == '‘':
		return '\''
	case r == '–' || r == '—' || r == '−' || r == '‑':
		return '-'
	case r == '\u00a0' || r == '\u202f' || r == '\u3000':
		return ' '
	case r == '。':
		return '.'
	case r == '、':
		return ','
	case unicode.Is(unicode.Cf, r): // invisible: soft hyphens, joiners, marks of direction
		return -1
	}
	return r
}

func (s *scanner) next() {
	r, size := utf8.DecodeRuneInString(s.rest)
	switch {
	case r == '\n':
		s.newline()
	case unicode.IsSpace(r):
		s.rest, s.glued = s.rest[size:], false
	case isDigit(r) || r == '-' && !s.glued && len(s.rest) > 1 && isDigit(rune(s.rest[1])):
		s.take(digits, size+numberEnd(s.rest[size:]))
	case isIdeograph(r):
		s.take(ideograph, size)
	case unicode.IsLetter(r):
		s.take(letters, wordEnd(s.rest))
	default:
		s.take(mark(r, s.rest[size:], s.glued), size)
	}
}

// newline skips a line's end. Indentation after it counts as a symbol: it means something in
// code and tables.
func (s *scanner) newline() {
	line := strings.TrimLeft(s.rest, "\r\n")
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	skipped := len(s.rest) - len(line)
	s.glued = false
	if indent > 0 && strings.TrimSpace(line) != "" {
		s.take(symbol, skipped+indent)
		s.glued = false
		return
	}
	s.rest = s.rest[skipped:]
}

// take adds a token of the next size bytes.
func (s *scanner) take(k kind, size int) {
	t := token{kind: k, text: s.rest[:size], glued: s.glued && len(s.out) > 0, first: s.first && k <= ideograph}
	s.out = append(s.out, t)
	s.rest, s.glued = s.rest[size:], true
	switch {
	case k <= ideograph:
		s.first = false
	case k == stop:
		s.first = true
	}
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isIdeograph(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// numberEnd returns the length of what continues a number: digits, and separators between
// digits, as in 1,000.5 or 2026-11-01 or 10:30.
func numberEnd(s string) int {
	i := 0
	for i < len(s) && (isDigit(rune(s[i])) || strings.IndexByte(".,:/-'", s[i]) >= 0 && i+1 < len(s) && isDigit(rune(s[i+1])) && (i == 0 || isDigit(rune(s[i-1])))) {
		i++
	}
	return i
}

// wordEnd returns the length of the word that a text begins with. Apostrophes, hyphens and
// dots within it belong to it, as in don't, e-mail and example.com, and so do digits and
// underscores, as in utf8 and max_tokens.
func wordEnd(s string) int {
	i, last := 0, rune(0)
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isInWord(r) {
			next, _ := utf8.DecodeRuneInString(s[i+size:])
			if !strings.ContainsRune("'-.", r) || !isInWord(last) || !isInWord(next) {
				return i
			}
		}
		i, last = i+size, r
	}
	return i
}

func isInWord(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsMark(r) || r == '_' || unicode.IsDigit(r)) && !isIdeograph(r)
}

// mark returns the kind of a character that is no letter and no digit. Punctuation counts as
// a sentence's only where a sentence may have it, before a space or at the end.
func mark(r rune, after string, glued bool) kind {
	next, _ := utf8.DecodeRuneInString(after)
	open := after == "" || unicode.IsSpace(next) || unicode.IsPunct(next) || isIdeograph(next)
	switch {
	case strings.ContainsRune(".!?…", r) && open, r == '¿', r == '¡':
		return stop
	case strings.ContainsRune(",;:", r) && open, r == '-' && !glued && open:
		return pause
	case strings.ContainsRune(`"“”„«»「」『』`, r):
		return quote
	}
	return symbol
}
