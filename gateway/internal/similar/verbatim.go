package similar

import "strings"

// quotations are the quoted parts of a text, as they are written.
func quotations(t *text) []string { return t.quotes }

// symbols are the symbols of a text in their order. In a text with code they are all of its
// tokens as they are written: there every character counts.
func symbols(t *text) []string {
	var found []string
	for i, k := range t.tokens {
		if isCode(t.tokens, i) {
			return raws(t.tokens)
		}
		if k.kind == letters && strings.Contains(k.text, "_") {
			found = append(found, k.text)
		}
	}
	for _, w := range t.words {
		if w.kind == symbol && !strings.HasPrefix(w.text, unitMark) {
			found = append(found, w.text)
		}
	}
	return found
}

// isCode reports whether a token is a symbol that ordinary sentences do not have: an operator
// or a bracket, or a parenthesis right after a word.
func isCode(tokens []token, i int) bool {
	t := tokens[i]
	if t.kind != symbol {
		return false
	}
	return strings.ContainsAny(t.text, "{}[]<>=`\\|^~\n\t;:!?.,") || t.text == "(" && t.glued
}

// raws returns tokens as they are written.
func raws(tokens []token) []string {
	list := make([]string, len(tokens))
	for i, t := range tokens {
		list[i] = t.text
	}
	return list
}
