package similar

import (
	"slices"
	"strings"
)

// simplify takes away what wraps a request without being part of it, and turns a few
// questions around to their usual form. It must never make two requests equal that ask for
// different things; so it leaves alone what could matter to somebody, such as articles,
// tenses and "can you" before most verbs.
func simplify(words []word) []word {
	words = slices.Clone(words)
	for before := -1; before != len(words); {
		before = len(words)
		words = moveFront(plainQuestion(trimStart(trimEnd(words))))
	}
	return serialComma(replaceStart(words))
}

// phrase is a table's entry as words, and what replaces it.
type phrase struct{ from, to []string }

// phrases prepares a table of lines "from" or "from => to", the longest first.
func phrases(table string) []phrase {
	var list []phrase
	for line := range strings.Lines(table) {
		from, to, _ := strings.Cut(line, "=>")
		if p := (phrase{spaced(from), spaced(to)}); len(p.from) > 0 {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b phrase) int { return len(b.from) - len(a.from) })
	return list
}

// spaced splits a table's phrase as scan splits a text: ideographs stand alone.
func spaced(s string) []string { return texts(expand(scan(s))) }

// trimStart removes greetings, "please" and the like from the start.
func trimStart(words []word) []word {
	for len(words) > 0 && isBreak(words[0]) {
		words = words[1:]
	}
	for _, p := range greetings {
		if n := len(p.from); hasPrefix(words, p.from) && len(words) > n+1 && (isBreak(words[n]) || afterGreeting[words[n].text]) {
			return words[n:]
		}
	}
	for _, p := range courtesies {
		if n := len(p.from); hasPrefix(words, p.from) && len(words) > n && !notCourteous[words[n].text] {
			return words[n:]
		}
	}
	for _, p := range asking {
		if n := len(p.from); hasPrefix(words, p.from) && len(words) > n+1 && requests[words[n].text] && (!transitive[words[n].text] || objects[words[n+1].text]) {
			return words[n:]
		}
	}
	return words
}

// isBreak reports whether a word is punctuation.
func isBreak(w word) bool { return w.kind == pause || w.kind == stop }

// trimEnd removes punctuation, thanks and "please" from the end.
func trimEnd(words []word) []word {
	for len(words) > 0 && isBreak(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	if slices.ContainsFunc(words, func(w word) bool { return mentions[w.text] }) {
		return words
	}
	for _, p := range closings {
		if rest := len(words) - len(p.from); rest > 2 && hasSuffix(words, p.from) && words[rest-1].text != colon {
			return words[:rest]
		}
	}
	for _, p := range thanks {
		if rest := len(words) - len(p.from); rest > 1 && hasSuffix(words, p.from) && isBreak(words[rest-1]) && words[rest-1].text != colon {
			return words[:rest]
		}
	}
	return words
}

// plainQuestion turns "tell me what X is" into "what is X", and "tell me the X" into "what is
// the X".
func plainQuestion(words []word) []word {
	for _, p := range indirect {
		n := len(p.from)
		if hasPrefix(words, p.from) && len(words) > n && isBreak(words[n]) {
			n++
		}
		if !hasPrefix(words, p.from) || len(words) < n+2 {
			continue
		}
		rest, next, last := words[n:], words[n].text, len(words)-n-1
		switch {
		case next == "the" && len(p.to) == 0:
			return append([]word{made("what"), made("is")}, rest...)
		case asksFor[next] && copulas[rest[last].text] && last > 1 && next != "how":
			return slices.Insert(rest[:last:last], 1, rest[last])
		case asksFor[next]:
			return rest
		}
	}
	return words
}

// made returns a word that was not in the text.
func made(s string) word { return word{text: s, raw: s, kind: letters} }

// replaceStart replaces a usual beginning by the one form for it.
func replaceStart(words []word) []word {
	if n := len(words); n > 3 && words[0].text == "what" && words[1].text == "does" && words[n-1].text == "mean" {
		return append([]word{made("what"), made("does-mean")}, words[2:n-1]...)
	}
	for _, p := range beginnings {
		if hasPrefix(words, p.from) && len(words) > len(p.from) {
			rest := words[len(p.from):]
			out := make([]word, 0, len(words)+2)
			for _, s := range p.to {
				out = append(out, made(s))
			}
			return append(out, rest...)
		}
	}
	return words
}

// serialComma removes the comma before the last item of a list.
func serialComma(words []word) []word {
	for i := len(words) - 2; i > 0; i-- {
		if next := words[i+1].text; words[i].text == comma && (next == "and" || next == "or") {
			words = slices.Delete(words, i, i+1)
		}
	}
	return words
}

// moveFront moves a short phrase with a preposition from the start to the end: "in Python,
// how do I sort a list" becomes "how do I sort a list in Python".
func moveFront(words []word) []word {
	if len(words) < 5 || !fronted[words[0].text] {
		return words
	}
	at := slices.IndexFunc(words, isBreak)
	if at < 2 || at > 4 || words[at].text != comma || slices.ContainsFunc(words[at+1:], isBreak) {
		return words
	}
	return append(slices.Clone(words[at+1:]), words[:at]...)
}
