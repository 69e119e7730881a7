package similar

import (
	"slices"
	"strings"
)

// negationWords are the words of several languages that turn a statement around.
var negationWords = set("not no never none nobody nothing neither nor nowhere without except excluding unless hardly barely scarcely rarely seldom instead lack lacks lacking missing fail fails failed avoid avoids stop stops prevent prevents refuse refuses deny denies absent " +
	"nicht kein keine keinen keinem keiner keines nie niemals niemand nichts ohne außer weder noch statt kaum vermeiden " +
	"ne pas jamais rien aucun aucune sans ni sauf personne éviter " +
	"nunca jamás nada nadie ningún ninguno ninguna sin tampoco excepto salvo evitar " +
	"non mai niente senza nessun nessuno não nem sem nenhum nenhuma niet geen nooit zonder niemand " +
	"не нет без никогда ни никто ничего " +
	"不 没 無 无 非 未 别 勿 莫 否 沒 別")

// negatedWords are words that begin with a negating in-, im-, il- or ir-, and others whose
// negation is in the word.
var negatedWords = set("inactive incorrect incomplete inconsistent insecure invalid invisible independent indirect informal inadequate inaccurate incapable incompatible ineligible inedible inexpensive insufficient insensitive intolerant involuntary " +
	"impossible imperfect impolite improper impatient impractical impure illegal illiterate illogical irregular irrelevant irresponsible irreversible irrational " +
	"asymmetric asynchronous atypical amoral antonym exempt forbidden prohibited banned false wrong " +
	"unmöglich ungültig unsicher impossible invalide illégal imposible ilegal inseguro inválido")

// plainUn are words that only look negated.
var plainUn = set("under understand understands understood understanding unit units unite united union unions unique universe universal university universities until unless uniform unicorn unix unicode uncle dish dishes disk disks disc district districts distance distances " +
	"discuss discusses discussed discussion display displays disease diseases distribute distributed distribution discover discovers discovery discount discounts discord disney disaster disasters discipline dispute disputes dissertation distinguish disturb distill " +
	"miss mission missions mist mister mistake mistakes misty none nonetheless deal deals december decide decides decision decimal deck declare decline defense define defines definition degree degrees delay deliver delivery demand demo density department depend depends deposit " +
	"describe description desert design designs desk despite destroy detail details detect determine develop developer development device devices antibiotic antibiotics anticipate antique und unter uns unser unsere une uno unos unas")

// prefixes are the beginnings of negated words.
var prefixes = []string{"un", "dis", "mis", "non", "anti", "counter"}

// negations are the negating words of a text, sorted.
func negations(t *text) []string {
	var found []string
	for _, w := range t.words {
		switch {
		case negationWords[w.text]:
			found = append(found, "not")
		case negatedWords[w.text] || isNegated(w.text):
			found = append(found, w.text)
		}
	}
	slices.Sort(found)
	return found
}

// isNegated reports whether a word begins with a negating prefix.
func isNegated(w string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(w, p) && len(w) >= len(p)+4 && !plainUn[w] {
			return true
		}
	}
	return false
}
