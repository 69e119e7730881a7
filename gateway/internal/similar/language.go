package similar

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// languageOf guesses the language of a text: from its script, or for Latin letters from the
// language's most frequent words. It is empty where nothing tells.
func languageOf(words []word) string {
	scores := map[string]int{}
	for _, t := range words {
		if t.kind > ideograph || t.kind == digits {
			continue
		}
		if script := scriptOf(t.text); script != "" {
			scores[script] += 2
			continue
		}
		for _, language := range languages[t.text] {
			scores[language]++
		}
	}
	best := "en" // also where two are equal
	for language, n := range scores {
		if most := scores[best]; n > most || n == most && best != "en" && language < best {
			best = language
		}
	}
	if scores[best] == 0 {
		return ""
	}
	return best
}

// scriptOf names the script of a word's first letter; empty for Latin.
func scriptOf(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	for _, script := range scripts {
		if unicode.Is(script.table, r) {
			return script.name
		}
	}
	return ""
}

var scripts = []struct {
	name  string
	table *unicode.RangeTable
}{
	{"han", unicode.Han}, {"kana", unicode.Hiragana}, {"kana", unicode.Katakana}, {"cyrillic", unicode.Cyrillic}, {"arabic", unicode.Arabic}, {"hebrew", unicode.Hebrew},
	{"greek", unicode.Greek}, {"hangul", unicode.Hangul}, {"thai", unicode.Thai}, {"devanagari", unicode.Devanagari},
}

// languages are the languages of frequent words.
var languages = frequent(map[string]string{
	"en": "a an the of and to in is you that it he was for on are with as i his they be at this have from or had by what can how do does did why which who when where an your my there will would should if not we me about",
	"de": "der die das und ist in den von zu mit sich auf für nicht ein eine als auch es an werden aus er hat dass sie nach wird bei wie was wer wo wann warum ich mein meine kann wir im dem des einen einer zum zur",
	"fr": "le la les de des et est un une du en que qui dans pour pas sur au avec ce il je vous nous sont quel quelle comment pourquoi où mon ma mes puis-je est-ce qu'est-ce peut ne plus aux d'une",
	"es": "el la los las de y es un una que en por con para del se no su al lo como más cómo qué cuál cuándo dónde puedo mi mis está son hay quién tiene hacer",
	"it": "il la di che e è un una per non con del le si i da come cosa quando dove perché della sono mio nel",
	"pt": "o a os as de que e é um uma para não com do da em como se por mais qual quando onde são meu minha",
	"nl": "de het een en van is ik te dat die niet op aan met voor wat hoe waar wanneer waarom mijn zijn er kan",
})

func frequent(lists map[string]string) map[string][]string {
	found := map[string][]string{}
	for language, list := range lists {
		for _, w := range strings.Fields(list) {
			found[w] = append(found[w], language)
		}
	}
	return found
}
