package similar

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// word is one item of a text in canonical form: lower case, contractions written out, one
// spelling, numbers in digits.
type word struct {
	text string
	// raw is as it is written; first says that it begins a sentence, glued that no space stands
	// before it.
	raw   string
	first bool
	glued bool
	kind  kind
}

// The canonical texts of a pause, the end of a sentence within a text, and a question mark at
// its end.
const (
	comma    = ","
	colon    = ":"
	fullStop = "."
	question = "?"
)

// text is a text as guards and the lexical embedder see it.
type text struct {
	tokens []token
	// words is the canonical form without what only wraps the request, such as "please".
	words []word
	// asks says that the text ends with a question mark, and did not only ask politely.
	asks     bool
	language string
	quotes   []string
}

// parse returns the canonical form of a text.
func parse(s string) *text {
	t := &text{tokens: scan(s), quotes: quoted(s)}
	words := expand(t.tokens)
	words = numerals(words, languageOf(words))
	t.words = simplify(words)
	// "Could you please explain?" is a request, whatever its mark.
	t.asks = len(words) > 0 && len(t.words) > 0 && words[len(words)-1].text == question && words[0] == t.words[0]
	t.language = languageOf(t.words)
	return t
}

// expand returns the words of tokens: contractions become two, other spellings the usual one.
// Quotation marks are left out.
func expand(tokens []token) []word {
	words := make([]word, 0, len(tokens)+4)
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		w := word{text: strings.ToLower(t.text), raw: t.text, first: t.first, glued: t.glued, kind: t.kind}
		switch t.kind {
		case quote:
			continue
		case stop:
			if w.text != question {
				w.text = fullStop
			}
		case letters:
			if parts, ok := contractions[w.text]; ok {
				words = append(words, split(w, parts)...)
				continue
			}
			if usual, ok := spellings[w.text]; ok {
				w.text = usual
			}
		}
		words = append(words, w)
	}
	return words
}

// split replaces a contraction by its words.
func split(w word, parts string) []word {
	var words []word
	for i, p := range strings.Fields(parts) {
		words = append(words, word{text: p, raw: p, first: w.first && i == 0, kind: letters})
	}
	return words
}

// texts returns the canonical texts of words.
func texts(words []word) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.text
	}
	return list
}

// quoted returns what stands between quotation marks, as it is written.
func quoted(s string) []string {
	var found []string
	for s != "" {
		at := strings.IndexAny(s, "\"“„«「『`")
		if at < 0 {
			return found
		}
		open, size := openQuote(s[at:])
		s = s[at+size:]
		end := strings.IndexAny(s, closing[open])
		if end < 0 {
			return append(found, s) // not closed: all of the rest may be meant
		}
		if inner := s[:end]; inner != "" {
			found = append(found, inner)
		}
		s = s[end:]
		_, size = openQuote(s)
		s = s[size:]
	}
	return found
}

// closing has the marks that end a quotation, by the one that begins it.
var closing = map[string]string{"\"": "\"", "“": "”\"", "„": "“”\"", "«": "»", "「": "」", "『": "』", "`": "`"}

// openQuote returns the mark that a text begins with, and its length.
func openQuote(s string) (mark string, size int) {
	_, size = utf8.DecodeRuneInString(s)
	return s[:size], size
}

// hasPrefix reports whether words begin with these.
func hasPrefix(words []word, prefix []string) bool {
	return len(words) >= len(prefix) && slices.EqualFunc(words[:len(prefix)], prefix, func(w word, p string) bool { return w.text == p })
}

// hasSuffix reports whether words end with these.
func hasSuffix(words []word, suffix []string) bool {
	return len(words) >= len(suffix) && hasPrefix(words[len(words)-len(suffix):], suffix)
}
