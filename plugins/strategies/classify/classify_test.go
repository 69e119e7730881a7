package classify

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func shippedModel(t testing.TB) *Model {
	t.Helper()
	m, err := Parse(Shipped())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCategories(t *testing.T) {
	for prompt, want := range map[string]Category{
		"": Chat, "hi": Chat, "Thanks, that was great.": Chat,
		"What is the capital of France?": Question, "who wrote Faust": Question, "Paris is nice, isn't it?  \n": Question,
		"Write a Python function that reverses a string.":                 Code,
		"Why does this fail?\n```go\nx := 1\n```":                         Code,
		"fix: for (int i = 0; i < n; i++) { sum(i); } while (x) { y(); }": Code,
		"Please translate the following text to French: I like the code.": Translation,
		"Übersetze den folgenden Satz ins Englische":                      Translation,
		"traduis cette phrase en anglais":                                 Translation,
		"Extract all names and dates from this letter: …":                 Extraction,
		"Classify the sentiment of this review":                           Extraction,
		"Summarize this article in three sentences.":                      Summary,
		"TLDR please":                                   Summary,
		"Fasse den Text zusammen":                       Summary,
		"Write a poem about the sea":                    Writing,
		"draft an email to my landlord":                 Writing,
		"Solve the equation 3x + 4 = 10":                Math,
		"How many eggs are left when she eats 3 of 16?": Math,
		"How do I reverse a list in Python?":            Code, "SELECT * FROM users WHERE id = 1; why is this query slow?": Code, "Write unit tests for this function": Code,
		"Summarize this article about Python in three lines": Summary, "Translate this Python function to Rust": Code,
		"What is 15% of 80?": Math, "What is the derivative of x^3?": Math, "How many people live in Paris?": Question, "tell me a story about dragons": Writing,
		"List all the companies mentioned in the text below.": Chat,
		"2 + 2 * 3 = ":                            Math,
		"Compute the integral of x^2":             Math,
		strings.Repeat("word ", 30) + "translate": Chat,
		"What did the author want to say when they wrote: translate and write?": Translation,
	} {
		var f Features
		f.Read([]byte(prompt))
		if f.Category != want {
			t.Errorf("%q is %s, want %s", prompt, f.Category, want)
		}
	}
}

// TestTokens compares what counts as equal.
func TestTokens(t *testing.T) {
	read := func(text string) *Features { f := new(Features); f.Read([]byte(text)); return f }
	for _, same := range [][2]string{
		{"Hello World", "hello   world"}, {"costs 17 dollars", "costs 99 dollars"}, {"1234567 km", "99999 km"}, {"a a a a", "A a a A a"},
	} {
		a, b := read(same[0]), read(same[1])
		if !slices.Equal(a.Grams, b.Grams) {
			t.Errorf("%q and %q have different n-grams", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"hello world", "world hello"}, {"17", "170"}, {"a b", "a.b"}, {"你好", "好你"}} {
		a, b := read(other[0]), read(other[1])
		if slices.Equal(a.Grams, b.Grams) {
			t.Errorf("%q and %q have the same n-grams", other[0], other[1])
		}
	}
	if n := len(read("今日は世界").Words); n != 5 {
		t.Errorf("five characters without blanks are %d words", n)
	}
	if n := len(read(strings.Repeat("x", 100)).Words); n != 4 {
		t.Errorf("a word of 100 bytes is read as %d", n)
	}
}

// TestReadIsBounded reads no more than a router gets, and cuts no character.
func TestReadIsBounded(t *testing.T) {
	for _, unit := range []string{"word ", "é", "世", "😀 "} {
		long := strings.Repeat(unit, 9000/len(unit)+1)
		n := clip([]byte(long), maxText)
		if n > maxText || n < maxText-utf8.UTFMax || !utf8.ValidString(long[:n]) {
			t.Errorf("%q is cut at %d", unit, n)
		}
		var a, b Features
		a.Read([]byte(long))
		b.Read([]byte(long[:n]))
		if a.Surface != b.Surface || !slices.Equal(a.Grams, b.Grams) {
			t.Errorf("%q: the rest of a long text counts", unit)
		}
	}
}

// TestReadForgets reads other texts before and allocates nothing.
func TestReadForgets(t *testing.T) {
	texts := []string{"", "Write a function in Go: {};{};", strings.Repeat("Some words, and 12 numbers.\n", 200), "世界 ok", "\xff\xfe broken"}
	used := new(Features)
	for range 2 {
		for _, text := range texts {
			fresh := new(Features)
			fresh.Read([]byte(text))
			used.Read([]byte(text))
			if fresh.Surface != used.Surface || fresh.Category != used.Category || !slices.Equal(fresh.Grams, used.Grams) || !slices.Equal(fresh.Words, used.Words) {
				t.Errorf("%.20q is read differently after another text", text)
			}
		}
	}
	text := []byte(texts[2])
	if n := testing.AllocsPerRun(10, func() { used.Read(text) }); n != 0 {
		t.Errorf("Read allocates %v times", n)
	}
}

// TestFeaturesArePinned fails when Read gives other features: weights are for one set of
// them, so FeatureSet has to change and the weights have to be trained again.
func TestFeaturesArePinned(t *testing.T) {
	var f Features
	f.Read([]byte("Übersetze: How many of the 120 \"eggs\" (at $3.50) are left?\n$x^2$ 世界"))
	sum := uint64(offset)
	add := func(x uint64) { sum = step(sum, byte(x)); sum = step(sum, byte(x>>8)) }
	for _, g := range f.Grams {
		add(uint64(g))
	}
	for _, w := range f.Words {
		add(uint64(w))
	}
	for _, s := range f.Surface {
		bits := math.Float64bits(s)
		add(bits)
		add(bits >> 16)
		add(bits >> 32)
		add(bits >> 48)
	}
	if pinned := uint64(0x31044a8616ec5bef); sum != pinned {
		t.Errorf("the features' sum is %#x, that of feature set %d is %#x", sum, FeatureSet, pinned)
	}
}

func TestParseEncode(t *testing.T) {
	w := new(Weights)
	w.Grams[Weak][7], w.Grams[Strong][7], w.Grams[Strong][Buckets-1] = -3, 1.5, .01
	w.Surface[Strong] = [Surfaces]float64{0: .5, Surfaces - 1: -2}
	for i := range w.Quantiles {
		w.Quantiles[i] = float64(i-50) / 64
	}
	w.Words = []uint16{0, 9, 65535}
	m, err := Parse(string(w.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	f := &Features{Grams: []uint16{7}, Words: []uint16{0, 9, 10}}
	f.Surface[0] = 1
	weight := 1 / math.Sqrt2
	want := logistic(.5+1.5*weight) - logistic(-3*weight)
	if got := m.Score(f); math.Abs(got-want) > 1e-3 {
		t.Errorf("Score = %v, want %v", got, want)
	}
	if got := m.Unknown(f); math.Abs(got-1./3) > 1e-3 {
		t.Errorf("Unknown = %v, want a third", got)
	}
	if got := m.Unknown(new(Features)); got != 1 {
		t.Errorf("without words Unknown = %v, want 1", got)
	}
	for share, want := range map[float64]float64{.5: 0, .25: 25. / 64, .505: -.5 / 64, 0: 2, 1: -2} {
		if got := m.Threshold(share); math.Abs(got-want) > 1e-9 {
			t.Errorf("Threshold(%v) = %v, want %v", share, got, want)
		}
	}
}

// TestRecalibrated changes the thresholds and nothing else.
func TestRecalibrated(t *testing.T) {
	var q [Shares]float64
	for i := range q {
		q[i] = float64(i)/128 - .5
	}
	m, err := Parse(string(Recalibrated(shipped, q)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Threshold(.3), 70./128-.5; math.Abs(got-want) > 1e-9 {
		t.Errorf("Threshold(0.3) = %v, want %v", got, want)
	}
	want := *shippedModel(t)
	if m.quantiles = want.quantiles; *m != want {
		t.Error("other weights have changed")
	}
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func TestChance(t *testing.T) {
	for x := -45.0; x <= 45; x += .37 {
		if got := Chance(x); math.Abs(got-logistic(x)) > 1e-9 {
			t.Errorf("Chance(%v) = %v, want %v", x, got, logistic(x))
		}
	}
}

// sealed is a file of weights with a byte changed and a good checksum.
func sealed(change func([]byte)) string {
	b := []byte(shipped)
	change(b)
	binary.LittleEndian.PutUint64(b[Size-8:], checksum(string(b[:Size-8])))
	return string(b)
}

func TestParseRefuses(t *testing.T) {
	scale, quantile := headerSize, headerSize+2*headSize
	nan := math.Float32bits(float32(math.NaN()))
	for text, want := range map[string]string{
		"":                       "not a file of weights",
		"{}":                     "not a file of weights",
		"PSTKCLS":                "not a file of weights",
		"PSTKCLS2" + shipped[8:]: "of another format: train them again",
		shipped[:Size-1]:         "wrong size",
		shipped + "\n":           "wrong size",
		shipped[:Size-9] + "\x01" + shipped[Size-8:]:                                                    "wrong checksum",
		sealed(func(b []byte) { b[len(magic)] = FeatureSet + 1 }):                                       "another set of features: train them again",
		sealed(func(b []byte) { binary.LittleEndian.PutUint32(b[scale:], nan) }):                        "not a number or out of range",
		sealed(func(b []byte) { binary.LittleEndian.PutUint32(b[scale+8:], math.Float32bits(1e9)) }):    "not a number or out of range",
		sealed(func(b []byte) { binary.LittleEndian.PutUint32(b[quantile:], nan) }):                     "quantiles",
		sealed(func(b []byte) { binary.LittleEndian.PutUint32(b[quantile+40:], math.Float32bits(-1)) }): "quantiles",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse of %d bytes = %v, want %q", len(text), err, want)
		}
	}
}

// TestWeightsAreSmall bounds what the built-in module carries.
func TestWeightsAreSmall(t *testing.T) {
	if Size > 256<<10 || len(shipped) != Size {
		t.Errorf("the weights have %d bytes, of %d, want at most 256 KiB", len(shipped), Size)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("How many? ```{;} 世界 123"))
	f.Add([]byte("\xe3\xe3\xff"))
	m := shippedModel(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		var a Features
		a.Read(text)
		if score := m.Score(&a); !(score >= -1 && score <= 1) {
			t.Errorf("score %v", score)
		}
		if u := m.Unknown(&a); !(u >= 0 && u <= 1) {
			t.Errorf("unknown share %v", u)
		}
		if len(a.Grams) > 2*len(text) || !bytes.Equal(before, text) {
			t.Errorf("%d n-grams of %d bytes", len(a.Grams), len(text))
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(shipped)
	f.Add(shipped[:100])
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		var features Features
		features.Read([]byte("some words"))
		if score := m.Score(&features); !(score >= -1 && score <= 1) {
			t.Errorf("score %v", score)
		}
	})
}

// BenchmarkScore reads and scores prompts of several lengths.
func BenchmarkScore(b *testing.B) {
	m, f := shippedModel(b), new(Features)
	for name, n := range map[string]int{"400": 400, "2000": 2000, "8192": 8192} {
		text := []byte(strings.Repeat("Which of the following 12 statements about the \"economy\" is true? ", 200))[:n]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Read(text)
				m.Score(f)
				m.Unknown(f)
			}
		})
	}
}
