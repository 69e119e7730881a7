package classify

import (
	"errors"
	"math"
)

// Shares is how many quantiles of its scores a model has, from the lowest to the highest.
const Shares = 101

// Size is how many bytes the weights of a model have: magic, format and feature set; for each
// of the two heads the scale of its weights and the weights of the surface; the quantiles; the
// table of known words; for each bucket a weight of either head; a checksum.
const Size = headerSize + 2*headSize + 4*Shares + knownBits/8 + 2*Buckets + checksumSize

const (
	magic        = "PSTKCLS1" // the last character is the format's version
	headerSize   = len(magic) + 4
	headSize     = 4 * (1 + Surfaces)
	checksumSize = 8
)

// Heads are the two questions that a model answers: is the weak model right, is the strong
// one right.
const (
	Weak = iota
	Strong
	Heads
)

// Model scores prompts. It is immutable.
type Model struct {
	scale   [Heads]float64
	surface [Heads][Surfaces]float64
	// quantiles are those of the scores of prompts that the model was not trained on.
	quantiles [Shares]float64
	// knownWords has a bit for each word that was seen in training, unused is the share of
	// its bits that are 0.
	knownWords string
	unused     float64
	// weights are two signed bytes for each bucket.
	weights string
}

// Shipped returns the weights that come with the gateway, which Parse reads.
func Shipped() string { return shipped }

// Parse reads the weights of a model. It keeps the text. The error says what is wrong and
// what to do.
func Parse(text string) (*Model, error) {
	switch {
	case len(text) < headerSize || text[:len(magic)-1] != magic[:len(magic)-1]:
		return nil, errors.New("not a file of weights")
	case text[:len(magic)] != magic:
		return nil, errors.New("weights of another format: train them again with this version")
	case u32(text, len(magic)) != FeatureSet:
		return nil, errors.New("weights for another set of features: train them again with this version")
	case len(text) != Size:
		return nil, errors.New("weights of a wrong size: the file is cut short or has data behind it")
	case uint64(u32(text, Size-8))|uint64(u32(text, Size-4))<<32 != checksum(text[:Size-checksumSize]):
		return nil, errors.New("wrong checksum: the file of weights is damaged")
	}
	m, at := new(Model), headerSize
	for h := range m.scale {
		at = floats(m.surface[h][:], text, floats(m.scale[h:h+1], text, at))
	}
	at = floats(m.quantiles[:], text, at)
	m.knownWords, m.weights = text[at:at+knownBits/8], text[at+knownBits/8:Size-checksumSize]
	m.unused = unusedShare(m.knownWords)
	return m, m.check()
}

// check reports figures that a trained model can't have.
func (m *Model) check() error {
	for h := range m.scale {
		for _, x := range append(m.surface[h][:], m.scale[h]) {
			if !(math.Abs(x) <= 1e6) {
				return errors.New("a weight is not a number or out of range: train the weights again")
			}
		}
	}
	for i, q := range m.quantiles {
		if !(q >= -1 && q <= 1) || i > 0 && q < m.quantiles[i-1] {
			return errors.New("the quantiles are not between -1 and 1 and in order: train the weights again")
		}
	}
	return nil
}

// Score is what a strong model adds on this prompt: the chance that it is right less the
// chance that the weak one is, between -1 and 1.
func (m *Model) Score(f *Features) float64 {
	return Chance(m.logit(f, Strong)) - Chance(m.logit(f, Weak))
}

// logit is one head's answer. The sum over the n-grams is of whole numbers, so it is exact.
func (m *Model) logit(f *Features, head int) float64 {
	sum := 0
	for _, g := range f.Grams {
		sum += int(int8(m.weights[2*int(g)+head]))
	}
	x := float64(sum) * m.scale[head] * f.Weight()
	for i, s := range f.Surface {
		x += float64(s * m.surface[head][i]) // rounded, so that no machine fuses the two steps
	}
	return x
}

// Weight is what each n-gram counts for: less in a long text.
func (f *Features) Weight() float64 { return 1 / math.Sqrt(float64(len(f.Grams)+1)) }

// Unknown estimates the share of the words that were not seen in training; 1 for a text
// without words. It is the share of those whose bit is not set, divided by the chance that
// the bit of an unknown word is not.
func (m *Model) Unknown(f *Features) float64 {
	if len(f.Words) == 0 {
		return 1
	}
	n := 0
	for _, w := range f.Words {
		if m.knownWords[w/8]&(1<<(w%8)) == 0 {
			n++
		}
	}
	return min(float64(n)/float64(len(f.Words))/m.unused, 1)
}

// Threshold is the score from which on prompts are hard, when so large a share of them, 0 to
// 1, should be.
func (m *Model) Threshold(share float64) float64 { return ThresholdOf(m.quantiles, share) }

// ThresholdOf is that of a model with these quantiles.
func ThresholdOf(quantiles [Shares]float64, share float64) float64 {
	switch at := (1 - share) * (Shares - 1); {
	case share <= 0:
		return 2 // no score is as high
	case share >= 1:
		return -2
	default:
		i := int(at)
		return quantiles[i] + float64((at-float64(i))*(quantiles[i+1]-quantiles[i]))
	}
}

// Chance is the logistic function, computed from operations that round alike everywhere.
func Chance(x float64) float64 {
	y := -min(math.Abs(x), 40) / 1024
	e := 1 + float64(y*(1+float64(y/2*(1+float64(y/3*(1+float64(y/4)))))))
	for range 10 {
		e *= e // exp(-|x|) is exp(y) to the power of 1024
	}
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

func unusedShare(table string) float64 {
	n := 0
	for i := range len(table) {
		for b := table[i]; b != 0; b &= b - 1 {
			n++
		}
	}
	return max(1-float64(n)/knownBits, 1.0/knownBits)
}

// checksum is FNV-1a.
func checksum(text string) uint64 {
	h := uint64(offset)
	for i := range len(text) {
		h = step(h, text[i])
	}
	return h
}

func u32(text string, at int) uint32 {
	return uint32(text[at]) | uint32(text[at+1])<<8 | uint32(text[at+2])<<16 | uint32(text[at+3])<<24
}

// floats reads 32-bit figures and returns where the next ones are.
func floats(dst []float64, text string, at int) int {
	for i := range dst {
		dst[i] = float64(math.Float32frombits(u32(text, at+4*i)))
	}
	return at + 4*len(dst)
}

// Chances are that the weak and the strong model are right on this prompt, 0 to 1.
func (m *Model) Chances(f *Features) [Heads]float64 {
	return [Heads]float64{Chance(m.logit(f, Weak)), Chance(m.logit(f, Strong))}
}
