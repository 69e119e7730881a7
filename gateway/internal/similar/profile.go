package similar

import (
	"hash/fnv"
	"io"
	"slices"
	"strings"
)

// guard is a property that two texts have to share. Its values are compared as one list.
type guard struct {
	name string
	of   func(*text) []string
}

// guards are in the order in which they are asked; the first that differs is named.
var guards = [...]guard{
	{"language", func(t *text) []string { return []string{t.language} }},
	{"numbers", numbers},
	{"negation", negations},
	{"quotations", quotations},
	{"symbols", symbols},
	{"dates", dates},
	{"question", questions},
	{"direction", directions},
	{"persons", persons},
	{"quantity", quantities},
	{"task", tasks},
	{"case", cases},
}

// The guards that compare two texts in another way.
const (
	namesGuard = "names"
	orderGuard = "order"
	wordsGuard = "words"
	// oneWordGuard refuses texts that differ in one word of content, or in one that is added:
	// for vectors they are nearly the same, and the word is what they are about.
	oneWordGuard = "one word"
)

// Profile is what the guards compare of a text, as hashes. It does not hold the text.
type Profile struct {
	marks [len(guards)]uint64
	// all are the canonical words; core are those of content, without a plural's s.
	all, core ordered
	// words, content and names are hashes, sorted: of all words, of those that are not among
	// the most frequent ones of a language, and of names.
	words, content, names []uint64
}

// NewProfile returns the profile of a text.
func NewProfile(s string) Profile { return profileOf(parse(s)) }

func profileOf(t *text) Profile {
	var p Profile
	for i, g := range guards {
		p.marks[i] = hash(g.of(t)...)
	}
	content := contentWords(t)
	p.words, p.content, p.names = hashes(wordSet(t)), hashes(content), hashes(names(t))
	for i, w := range content {
		content[i] = singular(w)
	}
	p.all, p.core = order(texts(t.words)), order(content)
	return p
}

// Refuses returns the name of the guard in which two texts differ; "" if there is none. With
// sameWords the texts also need the same words in the same order, for embedders that do not
// know what words mean.
func (p *Profile) Refuses(q *Profile, sameWords bool) string {
	for i := range p.marks {
		if p.marks[i] != q.marks[i] {
			return guards[i].name
		}
	}
	switch {
	case p.all.moved(q.all) || p.core.moved(q.core):
		return orderGuard
	case sameWords && p.all != q.all:
		return wordsGuard
	case !contains(q.words, p.names) || !contains(p.words, q.names):
		return namesGuard
	case differInOne(p.content, q.content):
		return oneWordGuard
	}
	return ""
}

// ordered is the hash of words in their order, and without it.
type ordered struct{ sequence, bag uint64 }

// order sorts the list.
func order(list []string) ordered {
	sequence := hash(list...)
	slices.Sort(list)
	return ordered{sequence, hash(list...)}
}

// moved reports whether two texts have the same words in another order.
func (o ordered) moved(p ordered) bool { return o.bag == p.bag && o.sequence != p.sequence }

// singular returns a word without the s of a plural, roughly.
func singular(w string) string {
	if len(w) > 3 && !strings.HasSuffix(w, "ss") {
		return strings.TrimSuffix(w, "s")
	}
	return w
}

// contentWords are the words of a text that are not among the most frequent ones of a
// language.
func contentWords(t *text) []string {
	var found []string
	for _, w := range t.words {
		if w.kind <= symbol && len(languages[w.text]) == 0 {
			found = append(found, w.text)
		}
	}
	return found
}

// differInOne reports whether each of two sorted lists has at most one element that the other
// has not, and one of them has.
func differInOne(a, b []uint64) bool {
	left, right := missing(a, b), missing(b, a)
	return left <= 1 && right <= 1 && left+right > 0
}

// missing returns how many elements of a sorted list another one has not.
func missing(a, list []uint64) int {
	n := 0
	for _, h := range a {
		if _, ok := slices.BinarySearch(list, h); !ok {
			n++
		}
	}
	return n
}

// size returns about how many bytes a profile takes beyond its own.
func (p *Profile) size() int { return 8 * (len(p.words) + len(p.content) + len(p.names)) }

// hash returns a hash of a list of strings, the same on every machine.
func hash(list ...string) uint64 {
	h := fnv.New64a()
	for _, s := range list {
		io.WriteString(h, s) // a hash takes everything
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// hashes returns the hash of each string, sorted.
func hashes(list []string) []uint64 {
	out := make([]uint64, len(list))
	for i, s := range list {
		out[i] = hash(s)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// contains reports whether a sorted list has all of another.
func contains(list, all []uint64) bool { return missing(all, list) == 0 }
