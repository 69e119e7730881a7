// Package classify sorts prompts for the strategy classifier: rules tell the category of the
// task, and a linear model over hashed n-grams tells what a strong model adds. The guest and
// the trainer use the same code, and every step gives the same bits on every machine. It does
// not train, and does not know targets.
package classify

import (
	"math"
	"math/bits"
	"unicode/utf8"
)

// FeatureSet is the version of what Read makes of a prompt. Weights are for one version.
const FeatureSet = 1

const (
	// Buckets is how many buckets n-grams are hashed into.
	Buckets = 1 << 14
	// Surfaces is how many figures of a text's surface there are, a constant 1 included.
	Surfaces = 13

	// maxText bounds the text, in bytes. Routers get no more.
	maxText = 8 << 10
	// maxHead and maxTail bound what is read of a longer text, at its beginning and its end.
	// Long prompts give their instructions there, and every byte costs time.
	maxHead, maxTail = 1536, 512
	// maxWord bounds a word, in bytes; a longer one is read as several.
	maxWord = 32
	// knownBits is how many bits the table of known words has.
	knownBits = 1 << 16
)

// Features are what the model knows of a prompt. They are reused from prompt to prompt and
// allocate nothing once they have read a long one.
type Features struct {
	// Grams are the buckets of the text's words and pairs of words, each once.
	Grams []uint16
	// Words are the hashes of its words, each as often as it occurs.
	Words []uint16
	// Surface are length, digits, punctuation and the like. The first is 1.
	Surface [Surfaces]float64
	// Category is the kind of the task.
	Category Category

	seen    [Buckets / 64]uint64
	last    uint64 // the hash of the word before, 0 at the beginning
	counts  counts
	signals signals
}

// counts are of bytes, but for words.
type counts struct {
	text, read, digits, upper, lines, beyondASCII, punctuation, symbols, sentences, words, fences int
}

// Read replaces the features by those of a text in UTF-8, its first 8 KiB at most. Of those
// it reads the first 1,536 bytes and the last 512, or all if there are no more.
func (f *Features) Read(text []byte) {
	text = text[:clip(text, maxText)]
	f.Grams, f.Words = f.Grams[:0], f.Words[:0]
	f.seen, f.counts, f.signals = [len(f.seen)]uint64{}, counts{text: len(text)}, signals{}
	head, tail := len(text), len(text)
	if len(text) > maxHead+maxTail {
		head, tail = clip(text, maxHead), clip(text, len(text)-maxTail)
	}
	f.read(text[:head])
	f.read(text[tail:])
	f.signals.end(text)
	f.Category = f.signals.category(&f.counts)
	f.setSurface()
}

// read adds a part of the text.
func (f *Features) read(text []byte) {
	f.last, f.counts.read = 0, f.counts.read+len(text)
	for i := 0; i < len(text); {
		i += f.token(text[i:])
	}
}

// clip is the length of the longest beginning of at most so many bytes that cuts no
// character.
func clip(text []byte, most int) int {
	n := min(len(text), most)
	for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// token reads what a text begins with, a word or one other byte, and returns its length.
func (f *Features) token(text []byte) int {
	switch k := kinds[text[0]]; {
	case k == blank:
		if text[0] == '\n' {
			f.counts.lines++
		}
		return 1
	case k >= letter:
		return f.word(text)
	case k == symbol:
		f.counts.symbols++
	case text[0] == '.' && len(text) > 1 && kinds[text[1]] == blank:
		f.counts.sentences++
	case len(text) > 2 && text[0] == '`' && text[1] == '`' && text[2] == '`':
		f.counts.fences++
	}
	f.counts.punctuation++
	f.signals.mark(text[0])
	f.add(step(offset, text[0]))
	return 1
}

// word reads the word that a text begins with: letters and digits. Numbers are alike when
// they have as many digits, up to four. Characters of scripts that write no blanks, such as
// Chinese, are words of their own.
func (f *Features) word(text []byte) int {
	var room [maxWord]byte
	n, h, number := 0, uint64(offset), kinds[text[0]] == digit
	for ; n < len(text) && n < maxWord; n++ {
		c := text[n]
		k := kinds[c]
		if k < letter || k == beyond && n > 0 && ideographic(c) {
			break
		}
		switch k {
		case digit:
			f.counts.digits++
		case upper:
			f.counts.upper++
			c |= 0x20
		case beyond:
			if ideographic(c) {
				return f.ideograph(text)
			}
			f.counts.beyondASCII++
		}
		room[n] = c
		switch {
		case !number:
			h = step(h, c)
		case n < 4:
			h = step(h, '0')
		}
	}
	f.addWord(h)
	f.signals.word(room[:n], number)
	return n
}

// ideograph reads a character of three bytes that is a word.
func (f *Features) ideograph(text []byte) int {
	n, h := min(3, len(text)), uint64(offset)
	for _, c := range text[:n] {
		h = step(h, c)
	}
	f.counts.beyondASCII += n
	f.addWord(h)
	return n
}

func (f *Features) addWord(h uint64) {
	f.counts.words++
	f.Words = append(f.Words, uint16(mix(h^known)>>48))
	f.add(h)
}

// add adds the n-grams that end with a token: it alone, and with the one before.
func (f *Features) add(h uint64) {
	f.addGram(mix(h))
	if f.last != 0 {
		f.addGram(mix(f.last*31 + h))
	}
	f.last = h
}

func (f *Features) addGram(h uint64) {
	b := h >> 32 % Buckets
	if f.seen[b/64]&(1<<(b%64)) == 0 {
		f.seen[b/64] |= 1 << (b % 64)
		f.Grams = append(f.Grams, uint16(b))
	}
}

// FNV-1a, whose low bits mix spreads over all others.
const (
	offset = 14695981039346656037
	prime  = 1099511628211
	known  = 0x5bd1e9955bd1e995 // makes a word's bit independent of its bucket
)

func step(h uint64, c byte) uint64 { return (h ^ uint64(c)) * prime }

func mix(h uint64) uint64 {
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// setSurface computes the figures of the surface, each within a few units of 0.
func (f *Features) setSurface() {
	c := &f.counts
	size := float64(c.read + 1)
	per := func(n int) float64 { return 10 * float64(n) / size }
	length := float64(log2(c.text+1)*math.Ln2) - 6
	f.Surface = [Surfaces]float64{
		1, length, length * length, size/float64(c.words+1) - 5,
		per(c.digits), per(c.punctuation), per(c.upper), per(c.beyondASCII), per(c.symbols),
		log2(c.lines + 1), log2(c.digits + 1), log2(c.sentences + 1), float64(min(c.fences, 1)),
	}
}

// log2 is the logarithm of n > 0, between powers of two on a straight line. Unlike math.Log
// it is the same on every machine.
func log2(n int) float64 {
	k := bits.Len(uint(n)) - 1
	return float64(k) + float64(n-1<<k)/float64(int(1)<<k)
}

// kind is what a byte of a text is. Words consist of those from letter on.
type kind uint8

const (
	mark kind = iota
	blank
	symbol // of mathematics
	letter
	upper
	digit
	beyond // part of a character beyond ASCII
)

// kinds are the kinds of all bytes.
var kinds = kindsOf()

func kindsOf() (k [256]kind) {
	for c := range k {
		switch {
		case c <= ' ':
			k[c] = blank
		case c >= '0' && c <= '9':
			k[c] = digit
		case c >= 'a' && c <= 'z':
			k[c] = letter
		case c >= 'A' && c <= 'Z':
			k[c] = upper
		case c >= 0x80:
			k[c] = beyond
		}
	}
	for _, c := range []byte(`$\^=+*/<>`) {
		k[c] = symbol
	}
	return k
}

// ideographic reports whether a byte begins a character between U+3000 and U+DFFF, most of
// which are Chinese, Japanese and Korean.
func ideographic(c byte) bool { return c >= 0xe3 && c <= 0xed }
