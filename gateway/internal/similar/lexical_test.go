package similar

import (
	"math"
	"testing"
)

func TestEmbed(t *testing.T) {
	tests := []struct {
		a, b      string
		low, high float64
	}{
		{"How do I reset my password?", "how can I reset my password", 0.999, 1},
		{"How do I reset my password?", "How do I reset my passwords?", 0.6, 0.95},
		{"How do I reset my password?", "What do otters eat in winter?", -0.3, 0.3},
	}
	for _, tt := range tests {
		if got := float64(dot(Embed(tt.a), Embed(tt.b))); got < tt.low || got > tt.high+1e-6 {
			t.Errorf("cosine of %q and %q = %v, want %v to %v", tt.a, tt.b, got, tt.low, tt.high)
		}
	}
}

// TestEmbedIsFixed checks that a vector does not change between machines and versions: stored
// ones would no longer be found.
func TestEmbedIsFixed(t *testing.T) {
	v := Embed("What is 5% of the price in Zürich?")
	var sum, weighted float64
	for i, x := range v {
		sum += math.Abs(float64(x))
		weighted += float64(x) * float64(i)
	}
	if s := sketchOf(v); math.Abs(sum-wantSum) > 1e-4 || math.Abs(weighted-wantWeighted) > 1e-2 || s != wantSketch {
		t.Errorf("sum %v, weighted %v, sketch %#x", sum, weighted, s)
	}
}

const wantSum, wantWeighted = 5.0943548, 118.7179

var wantSketch = sketch{0x951bfdabdad361e4, 0x40b4a7a2e3d25964, 0x8b987ede20308960, 0x8e5547198e7fedb7}

func TestNormalize(t *testing.T) {
	for _, v := range [][]float32{{0, 0}, {float32(math.NaN()), 1}, {float32(math.Inf(1)), 1}, {}} {
		if normalize(v) {
			t.Errorf("normalize(%v) = true", v)
		}
	}
	if v := []float32{3, 4}; !normalize(v) || v[0] != 0.6 || v[1] != 0.8 {
		t.Errorf("normalize(3, 4) = %v", v)
	}
}

// TestSketchFinds checks that the limit of distances loses no vectors that are similar enough,
// and spares most of the others.
func TestSketchFinds(t *testing.T) {
	const dims, cosine = 384, 0.9
	lost, passed := 0, 0
	for i := range 2000 {
		a, noise := pseudoRandom(uint64(2*i), dims), pseudoRandom(uint64(2*i+1), dims)
		near := make([]float32, dims)
		for j := range near {
			near[j] = float32(cosine)*a[j] + float32(math.Sqrt(1-cosine*cosine))*noise[j]
		}
		normalize(near)
		sa, sn, so := sketchOf(a), sketchOf(near), sketchOf(noise)
		if dot(a, near) >= cosine && sa.distance(&sn) > maxDistance(cosine) {
			lost++
		}
		if sa.distance(&so) <= maxDistance(cosine) {
			passed++
		}
	}
	if lost > 0 || passed > 20 {
		t.Errorf("%d similar vectors were lost, %d of 2000 others passed", lost, passed)
	}
}

// pseudoRandom returns a vector of length 1 that a seed determines.
func pseudoRandom(seed uint64, dims int) []float32 {
	v := make([]float32, dims)
	for i := range v {
		seed = mix(seed + 0x9e3779b97f4a7c15)
		v[i] = float32(int64(seed)) / math.MaxInt64
	}
	normalize(v)
	return v
}
