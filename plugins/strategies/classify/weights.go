package classify

import (
	"math"
	"slices"
)

// Weights are what a trainer has learnt.
type Weights struct {
	// Grams has the weight of every bucket and Surface those of the surface, by head.
	Grams   [Heads][Buckets]float64
	Surface [Heads][Surfaces]float64
	// Quantiles are those of the scores of prompts that the heads were not trained on, from
	// the lowest score to the highest.
	Quantiles [Shares]float64
	// Words are the words that were seen, as Features has them.
	Words []uint16
}

// Encode returns the weights as a file, which Parse reads. Those of the buckets become signed
// bytes: their error is at most a 254th of the largest one.
func (w *Weights) Encode() []byte {
	out := appendU32([]byte(magic), FeatureSet)
	var scale [Heads]float64
	for h := range scale {
		largest := max(slices.Max(w.Grams[h][:]), -slices.Min(w.Grams[h][:]))
		scale[h] = float64(float32(largest / math.MaxInt8))
		out = appendFloats(appendFloats(out, scale[h]), w.Surface[h][:]...)
	}
	out = appendFloats(out, w.Quantiles[:]...)
	var words [knownBits / 8]byte
	for _, word := range w.Words {
		words[word/8] |= 1 << (word % 8)
	}
	out = append(out, words[:]...)
	for b := range Buckets {
		for h := range scale {
			out = append(out, byte(quantized(w.Grams[h][b], scale[h])))
		}
	}
	return seal(out)
}

// seal appends the checksum.
func seal(out []byte) []byte {
	sum := checksum(string(out))
	return appendU32(appendU32(out, uint32(sum)), uint32(sum>>32))
}

func quantized(x, scale float64) int8 {
	if scale == 0 {
		return 0
	}
	return int8(math.Round(max(min(x/scale, math.MaxInt8), -math.MaxInt8)))
}

func appendFloats(out []byte, all ...float64) []byte {
	for _, x := range all {
		out = appendU32(out, math.Float32bits(float32(x)))
	}
	return out
}

// appendU32 is little-endian. Package encoding/binary would add 20 kB to the guest.
func appendU32(out []byte, x uint32) []byte {
	return append(out, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
}

// Recalibrated returns a file of weights, which Parse has accepted, with other quantiles.
func Recalibrated(text string, quantiles [Shares]float64) []byte {
	at := headerSize + Heads*headSize
	out := appendFloats([]byte(text[:at]), quantiles[:]...)
	return seal(append(out, text[len(out):Size-checksumSize]...))
}
