package similar

import (
	"context"
	"math"
	"strings"
)

// Lexical names the built-in embedder.
const Lexical = "lexical"

// lexicalDims is the length of the built-in embedder's vectors.
const lexicalDims = 256

// The weights of words. They are fixed instead of learned, so that a text has one vector on
// every machine and at every time.
const (
	contentWeight  = 1.0
	frequentWeight = 0.3
	numberWeight   = 1.5
	// gramShare is the part of a word's weight that its n-grams have together.
	gramShare = 0.5
)

// Embedder computes the vector of a text.
type Embedder func(ctx context.Context, text string) ([]float32, error)

// Embed is the built-in embedder: the words of the canonical text and their n-grams of 3 to 5
// characters, hashed into 256 dimensions. It has no model, and knows spellings, not meanings.
// The vector has length 1, or is zero for a text without words.
func Embed(s string) []float32 { return embed(parse(s)) }

// EmbedLexical is Embed as an Embedder.
func EmbedLexical(_ context.Context, s string) ([]float32, error) { return Embed(s), nil }

func embed(t *text) []float32 {
	v := make([]float32, lexicalDims)
	for _, w := range t.words {
		if w.kind == pause || w.kind == stop {
			continue
		}
		weight := weightOf(w)
		add(v, w.text, weight)
		addGrams(v, "^"+w.text+"$", weight*gramShare)
	}
	normalize(v)
	return v
}

func weightOf(w word) float64 {
	switch {
	case strings.HasPrefix(w.text, numberMark) || strings.HasPrefix(w.text, unitMark):
		return numberWeight
	case len(languages[w.text]) > 0:
		return frequentWeight
	}
	return contentWeight
}

// add adds a feature to one dimension, with a sign: both come from its hash.
func add(v []float32, feature string, weight float64) {
	h := mix(hash(feature))
	if h>>63 == 1 {
		weight = -weight
	}
	v[h%lexicalDims] += float32(weight)
}

// addGrams adds the n-grams of a word with its edges. Together their squares weigh as much as
// one feature of that weight.
func addGrams(v []float32, s string, weight float64) {
	chars := []rune(s)
	count := 0
	for n := 3; n <= 5; n++ {
		count += max(len(chars)-n+1, 0)
	}
	each := weight / math.Sqrt(float64(max(count, 1)))
	for n := 3; n <= 5; n++ {
		for i := 0; i+n <= len(chars); i++ {
			add(v, "gram "+string(chars[i:i+n]), each)
		}
	}
}

// normalize scales a vector to length 1, and reports whether it could: a vector of zeros or
// with a part that is no number has no direction.
func normalize(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) {
		return false
	}
	scale := 1 / math.Sqrt(sum)
	for i := range v {
		v[i] = float32(float64(v[i]) * scale)
	}
	return true
}

// dot returns the product of two vectors of one length. The vectors of an index have length
// 1, so it is their cosine.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// mix spreads the bits of a hash; the constants are those of the finalizer of MurmurHash3.
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
