package similar

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// names are the words of a text that are probably names: with a capital within a sentence, in
// capitals altogether, or with digits or capitals inside.
func names(t *text) []string {
	var found []string
	for _, w := range t.words {
		if w.kind == letters && looksLikeName(w) && w.text != "i" {
			found = append(found, strings.TrimSuffix(w.text, "'s"))
		}
	}
	return found
}

func looksLikeName(w word) bool {
	first, size := utf8.DecodeRuneInString(w.raw)
	inner := strings.ContainsFunc(w.raw[size:], func(r rune) bool { return unicode.IsUpper(r) || unicode.IsDigit(r) })
	return inner || unicode.IsUpper(first) && !w.first
}

// wordSet are the words of a text as names compares them, sorted.
func wordSet(t *text) []string {
	set := make([]string, 0, len(t.words))
	for _, w := range t.words {
		set = append(set, strings.TrimSuffix(w.text, "'s"))
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// caseSensitive are words that mean something else with a capital.
var caseSensitive = set("us it may march august polish turkey china apple amazon oracle windows word excel access rust go swift ruby java python perl who aids ram chad jordan georgia nice reading bath cork mobile " +
	"oracle shell gap target mercury mars earth sun bill mark will jack rose grace hope faith joy may june april frank rich art drew pat ray rob dick guy miles lance chase hunter mason potter taylor baker cook smith king prince " +
	"bush grant crane wolf fox bell banks woods stone brook rivers dale lane page parks gates jobs cruise moss bloom fields price wells waters snow summers love gore ash ivy daisy lily olive violet iris heather hazel ginger dawn eve victor earl duke dean judge bishop sterling crown polo lotus saturn focus escort beetle golf fiesta galaxy note pixel edge safari opera brave chrome signal telegram notion linear cursor gemini mistral " +
	"slack zoom teams meet square stripe block meta alphabet visa discover chase ford dodge jaguar puma tesla delta united spring flask express angular react vue ember basic pascal julia scratch dart crystal ada scala groovy cuba guinea wales hamburg essen " +
	"sie ihr ihnen essen reise arm weg orange")

// cases are the words that mean something else with a capital, each with how it is written:
// those of a list, and those of two letters with one, which may be symbols, as CO and Co. In a
// text that is all in capitals they say nothing.
func cases(t *text) []string {
	var found []string
	shouts := !slices.ContainsFunc(t.tokens, func(k token) bool { return k.text != strings.ToUpper(k.text) })
	for i, w := range t.words {
		first := w.first || i == 0
		switch {
		case caseSensitive[w.text]:
			w.first = first
			found = append(found, w.text+" "+caseOf(w))
		case w.kind == letters && len(w.raw) == 2 && !first && !abbreviations[w.text] && w.raw != strings.ToLower(w.raw) && !shouts:
			found = append(found, w.raw)
		}
	}
	return found
}

// abbreviations of two letters mean the same without capitals.
var abbreviations = set("ai uk eu tv pc ok id ip js ui ux db vm os")

// caseOf names how a word is written: in capitals, with one, or without. At the start of a
// sentence one tells nothing.
func caseOf(w word) string {
	first, _ := utf8.DecodeRuneInString(w.raw)
	switch {
	case len(w.raw) > 1 && strings.ToUpper(w.raw) == w.raw:
		return "capitals"
	case w.first:
		return "unknown"
	case unicode.IsUpper(first):
		return "capital"
	}
	return "small"
}
