package strategies

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	penstock "github.com/penstock/penstock/sdk/go"
)

// query builds the flat input of one routing request.
type query struct {
	text             string
	input, maxOutput uint32
	targets          []penstock.Target
	recordSize       int
	figures          []figures // of the first targets; the others have none
	prompt           string    // the last text of the user
	class            string    // an endpoint's label
}

// figures are what a session and the gateway add to a target.
type figures struct {
	samples     float64
	sticky      uint64
	maxInflight uint32
	// expected is the mean length of answers; used is the share of the provider's limit on tokens
	// that is used up, 0 for unknown.
	expected uint32
	used     float64
}

func (f figures) encode(b []byte) {
	le := binary.LittleEndian
	le.PutUint64(b[24:], math.Float64bits(f.samples))
	le.PutUint64(b[48:], f.sticky)
	le.PutUint32(b[56:], f.maxInflight)
	le.PutUint32(b[60:], f.expected)
	if f.used != 0 {
		le.PutUint64(b[40:], math.Float64bits(1-f.used))
	}
}

func (q query) encode() []byte {
	size := 160
	if q.recordSize > 0 {
		size = q.recordSize
	}
	le := binary.LittleEndian
	b := le.AppendUint16(nil, 1)
	b = le.AppendUint16(b, uint16(size))
	for _, x := range []uint32{uint32(len(q.targets)), q.input, q.maxOutput, 0,
		uint32(32 + size*len(q.targets)), uint32(len(q.text)), 0} {
		b = le.AppendUint32(b, x)
	}
	for _, t := range q.targets {
		b = append(b, record(t, size)...)
	}
	for k, f := range q.figures {
		f.encode(b[32+size*k+96:])
	}
	b = append(b, q.text...)
	var texts []byte
	for kind, text := range map[uint32]string{4: q.prompt, 5: q.class} {
		if text != "" {
			texts = append(le.AppendUint32(le.AppendUint32(texts, kind), uint32(len(text))), text...)
		}
	}
	if len(texts) > 0 {
		le.PutUint32(b[28:], uint32(len(b)))
		b = append(le.AppendUint32(b, uint32(len(texts))), texts...)
	}
	return b
}

func record(t penstock.Target, size int) []byte {
	b := make([]byte, 0, size+96)
	le := binary.LittleEndian
	b = le.AppendUint32(b, t.Index)
	b = le.AppendUint32(b, t.Flags)
	for _, x := range []int64{t.PriceIn, t.PriceOut, t.PriceCached} {
		b = le.AppendUint64(b, uint64(x))
	}
	b = le.AppendUint32(b, t.Context)
	b = le.AppendUint32(b, t.Inflight)
	for _, x := range []float64{t.Quality, t.FirstToken, t.Speed, t.ErrorRate, t.Weight} {
		b = le.AppendUint64(b, math.Float64bits(x))
	}
	b = le.AppendUint32(b, uint32(t.Order))
	for _, x := range []uint32{t.RemainingRequests, t.RemainingTokens, t.CachedPrefix} {
		b = le.AppendUint32(b, x)
	}
	b = b[:size]
	if size >= 144 { // the limits are unknown
		le.PutUint64(b[128:], math.Float64bits(-1))
		le.PutUint64(b[136:], math.Float64bits(-1))
	}
	return b
}

// target is a healthy target with a price in US dollars per million tokens.
func target(index uint32, in, out, quality float64) penstock.Target {
	return penstock.Target{Index: index, Flags: penstock.TargetHealthy | penstock.TargetPriced,
		PriceIn: int64(in * 1e9), PriceOut: int64(out * 1e9), Quality: quality, Weight: 1,
		RemainingRequests: penstock.Unlimited, RemainingTokens: penstock.Unlimited}
}

func order(t *testing.T, q query) ([]uint32, []float64) {
	t.Helper()
	out, err := new(ranker).rank(nil, q.encode())
	if err != nil {
		t.Fatalf("rank(%q) = %v", q.text, err)
	}
	var indices []uint32
	var scores []float64
	for ; len(out) > 0; out = out[16:] {
		if binary.LittleEndian.Uint32(out[4:])&4 != 0 {
			break // the reason
		}
		if binary.LittleEndian.Uint32(out[4:]) != 0 {
			continue // a term
		}
		indices = append(indices, binary.LittleEndian.Uint32(out))
		scores = append(scores, math.Float64frombits(binary.LittleEndian.Uint64(out[8:])))
	}
	if len(indices) != len(q.targets) {
		t.Fatalf("rank(%q) ranked %d of %d targets", q.text, len(indices), len(q.targets))
	}
	return indices, scores
}

func TestRank(t *testing.T) {
	nan := math.NaN()
	tier := func(t penstock.Target, order int32) penstock.Target { t.Order = order; return t }
	flags := func(t penstock.Target, set, clear uint32) penstock.Target {
		t.Flags = t.Flags&^clear | set
		return t
	}
	measured := func(t penstock.Target, first, speed, errors float64) penstock.Target {
		t.FirstToken, t.Speed, t.ErrorRate = first, speed, errors
		return t
	}
	limited := func(t penstock.Target, requests, tokens uint32) penstock.Target {
		t.RemainingRequests, t.RemainingTokens = requests, tokens
		return t
	}
	busy := func(t penstock.Target, n uint32) penstock.Target { t.Inflight = n; return t }
	weight := func(t penstock.Target, w float64) penstock.Target { t.Weight = w; return t }
	warm := []figures{{samples: 100}, {samples: 100}}
	tests := []struct {
		name    string
		text    string
		targets []penstock.Target
		want    []uint32
	}{
		{"ordered keeps the configured order", "ordered\nseed=1",
			[]penstock.Target{target(0, 9, 9, 0), target(1, 1, 1, 1), target(2, 5, 5, .5)}, []uint32{0, 1, 2}},
		{"ordered goes by tier, lowest first", "ordered\nseed=1",
			[]penstock.Target{tier(target(0, 1, 1, 1), 2), tier(target(1, 1, 1, 1), -1), target(2, 1, 1, 1)}, []uint32{1, 2, 0}},
		{"fallbacks and unhealthy targets come last", "ordered\nseed=1",
			[]penstock.Target{flags(target(0, 1, 1, 1), penstock.TargetFallback, 0), flags(target(1, 1, 1, 1), 0, penstock.TargetHealthy), target(2, 1, 1, 1)},
			[]uint32{2, 1, 0}},
		{"cost takes the cheapest", "cost\nseed=1",
			[]penstock.Target{target(0, 5, 15, .9), target(1, .1, .4, .5), target(2, 1, 3, .8)}, []uint32{1, 2, 0}},
		{"cost ranks an unknown price last", "cost\nseed=1",
			[]penstock.Target{flags(target(0, 0, 0, .9), 0, penstock.TargetPriced), target(1, 50, 50, .5)}, []uint32{1, 0}},
		{"cost keeps to the quality floor", "cost\nmin_quality=0.7\nseed=1",
			[]penstock.Target{target(0, 5, 15, .9), target(1, .1, .4, .5), target(2, 1, 3, .8), target(3, .01, .01, nan)}, []uint32{2, 0, 3, 1}},
		{"cost counts the answer", "cost\noutput_tokens=100000\nseed=1",
			[]penstock.Target{target(0, 1, 10, 1), target(1, 5, 1, 1)}, []uint32{1, 0}},
		{"balanced by cost alone", "balanced\ncost=1\nquality=0\nlatency=0\nseed=1",
			[]penstock.Target{target(0, 5, 15, .9), target(1, .1, .4, .5), flags(target(2, 0, 0, 1), 0, penstock.TargetPriced)}, []uint32{1, 2, 0}},
		{"balanced by quality alone", "balanced\ncost=0\nquality=1\nlatency=0\nseed=1",
			[]penstock.Target{target(0, 5, 15, .6), target(1, .1, .4, .5), target(2, 1, 1, nan), target(3, 1, 1, 1)}, []uint32{3, 2, 0, 1}},
		{"balanced by latency, generation included", "balanced\ncost=0\nquality=0\nlatency=1\noutput_tokens=1000\nseed=1",
			[]penstock.Target{measured(target(0, 1, 1, 1), 100, 20, 0), measured(target(1, 1, 1, 1), 900, 200, 0)}, []uint32{1, 0}},
		{"balanced by errors", "balanced\ncost=0\nquality=0\nlatency=0\nerrors=1\nseed=1",
			[]penstock.Target{measured(target(0, 1, 1, 1), 1, 1, .4), measured(target(1, 1, 1, 1), 1, 1, .1)}, []uint32{1, 0}},
		{"cost goes by tier, but for the floor", "cost\nmin_quality=0.5\nseed=1",
			[]penstock.Target{tier(target(0, 1, 1, .9), 1), target(1, 5, 5, .9), target(2, .1, .1, .1), tier(target(3, .5, .5, .9), 1)}, []uint32{1, 3, 0, 2}},
		{"quality takes the best, the cheaper of equals, the unknown last", "quality\nseed=1",
			[]penstock.Target{target(0, 1, 1, nan), target(1, 5, 5, .9), target(2, 1, 1, .9), target(3, .1, .1, .5), flags(target(4, 0, 0, .9), 0, penstock.TargetPriced)}, []uint32{2, 1, 4, 3, 0}},
		{"a target without requests or tokens left comes last", "quality\nseed=1",
			[]penstock.Target{limited(target(0, 1, 1, .9), 0, 1e6), limited(target(1, 1, 1, .8), 5, 999), limited(target(2, 1, 1, .7), 1, 1000)}, []uint32{2, 0, 1}},
		{"balanced goes by tier", "balanced\nseed=1",
			[]penstock.Target{tier(target(0, 1, 1, 1), 1), target(1, 9, 9, .1)}, []uint32{1, 0}},
		{"least-busy of two takes the less busy", "least-busy\nseed=1",
			[]penstock.Target{busy(target(0, 1, 1, 1), 5), busy(target(1, 1, 1, 1), 4)}, []uint32{1, 0}},
		{"least-busy goes by weight", "least-busy\nseed=1",
			[]penstock.Target{busy(target(0, 1, 1, 1), 4), weight(busy(target(1, 1, 1, 1), 8), 3)}, []uint32{1, 0}},
		{"latency counts the whole answer", "latency\noutput_tokens=1000\nseed=1",
			[]penstock.Target{measured(target(0, 1, 1, 1), 10, 1, 0), measured(target(1, 1, 1, 1), 900, 200, 0)}, []uint32{1, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, scores := order(t, query{text: tt.text, input: 1000, targets: tt.targets, figures: warm[:min(2, len(tt.targets))]})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
			for _, s := range scores {
				if math.IsNaN(s) || math.IsInf(s, 0) {
					t.Errorf("scores %v cannot be written as JSON", scores)
				}
			}
		})
	}
}

// TestWeighted compares the share of first places with the weights.
func TestWeighted(t *testing.T) {
	targets := []penstock.Target{target(0, 1, 1, 1), target(1, 1, 1, 1), target(2, 1, 1, 1)}
	targets[0].Weight, targets[1].Weight, targets[2].Weight = 7, 2, 1
	first, second := [3]int{}, [3]int{}
	const draws = 20000
	for seed := range draws {
		got, _ := order(t, query{text: "weighted\nseed=" + decimal(seed), targets: targets})
		first[got[0]]++
		if got[0] == 0 {
			second[got[1]]++
		}
	}
	for i, want := range []float64{.7, .2, .1} {
		if got := float64(first[i]) / draws; math.Abs(got-want) > .015 {
			t.Errorf("target %d came first in a share of %.3f, want %.3f", i, got, want)
		}
	}
	if got := float64(second[1]) / float64(first[0]); math.Abs(got-2./3) > .02 {
		t.Errorf("target 1 came second after 0 in a share of %.3f, want 0.667", got)
	}
}

func decimal(n int) string { return string(appendDecimal(nil, n)) }

func appendDecimal(dst []byte, n int) []byte {
	if n >= 10 {
		dst = appendDecimal(dst, n/10)
	}
	return append(dst, byte('0'+n%10))
}

func TestWeightedIsSeeded(t *testing.T) {
	var targets []penstock.Target
	for i := range uint32(8) {
		targets = append(targets, target(i, 1, 1, 1))
	}
	q := query{text: "weighted\nseed=42", targets: targets}
	once, _ := order(t, q)
	again, _ := order(t, q)
	if !slices.Equal(once, again) {
		t.Errorf("the same seed gave %v, then %v", once, again)
	}
	q.targets = slices.DeleteFunc(slices.Clone(targets), func(t penstock.Target) bool { return t.Index == once[0] })
	without, _ := order(t, q)
	if !slices.Equal(once[1:], without) {
		t.Errorf("without its first target, %v became %v", once, without)
	}
}

func TestWeightless(t *testing.T) {
	targets := []penstock.Target{target(0, 1, 1, 1), target(1, 1, 1, 1), target(2, 1, 1, 1)}
	targets[0].Weight, targets[1].Weight = 0, math.NaN()
	targets[2].Order = 0
	for seed := range 50 {
		got, _ := order(t, query{text: "weighted\nseed=" + decimal(seed), targets: targets})
		if got[0] != 2 {
			t.Fatalf("seed %d put weightless target %d first", seed, got[0])
		}
	}
}

func TestRankRejects(t *testing.T) {
	for text, want := range map[string]string{
		"chaepest\nseed=1":                               `unknown strategy "chaepest"`,
		"cost\nmin_qualty=1\nseed=1":                     `with.min_qualty: strategy cost has no setting "min_qualty"`,
		"ordered\nmin_quality=1\nseed=1":                 `has no setting "min_quality"`,
		"cost\nmin_quality=high\nseed=1":                 `setting min_quality of strategy cost is "high"`,
		"balanced\ncost=-1\nseed=1":                      `it takes a number from 0 up`,
		"cost\nmin_quality=NaN\nseed=1":                  `it takes a number between 0 and 1`,
		"cost\nmin_quality=1.1\nseed=1":                  `it takes a number between 0 and 1`,
		"balanced\nlatency=1e400\nseed=1":                `it takes a number of at most 1e12`,
		"balanced\ncost=0\nquality=0\nlatency=0\nseed=1": `with: the weights`,
		"latency\nexplore=2\nseed=1":                     `it takes a number between 0 and 1`,
		"latency\nexplore=true\nseed=1":                  `it takes a number between 0 and 1`,
		"ordered\nsticky=yes\nseed=1":                    `setting sticky of strategy ordered is "yes"; it takes auto or off`,
		"least-busy\ncost=1\nseed=1":                     `has no setting "cost"; it has sticky`,
		"cost\n=\nseed=1":                                `has no setting ""`,
		"classifier\nstrong_share=30\nseed=1":            `it takes a number between 0 and 1`,
		"classifier\nthreshold=-2\nseed=1":               `it takes a number between -1 and 1`,
		"classifier\nunknown_share=all\nseed=1":          `it takes a number between 0 and 1`,
		"classifier\nclasses.coding=1\nseed=1":           `no class "coding"; a class is a category, easy, hard, or both as code-hard; the categories are chat, code,`,
		"classifier\nclasses.code-medium=1\nseed=1":      `no class "code-medium"`,
		"classifier\nclasses.easy-hard=1\nseed=1":        `no class "easy-hard"`,
		"classifier\nclasses=1\nseed=1":                  `with.classes: strategy classifier has no class ""`,
		"classifier\nclasses.code=strong\nseed=1":        `setting classes.code of strategy classifier is "strong"; it takes the order of a tier, a whole number`,
		"classifier\nclasses.code=4294967296\nseed=1":    `it takes the order of a tier`,
		"classifier\nstrong_share=0.1\nthreshold=0\n":    `has both strong_share and threshold`,
		"cost\nclasses.code=1\nseed=1":                   `has no setting "classes.code"`,
	} {
		_, err := new(ranker).rank(nil, query{text: text}.encode())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("rank(%q) = %v, want %q", text, err, want)
		}
	}
}

// TestRankForgets calls one ranker with changing routes: the memo of settings must
// not show.
func TestRankForgets(t *testing.T) {
	r := new(ranker)
	for i := range 3 {
		for _, q := range append(benchQueries(), query{text: "nonsense\nseed=1"}) {
			fresh, wantErr := new(ranker).rank(nil, q.encode())
			again, err := r.rank(nil, q.encode())
			if !slices.Equal(fresh, again) || (err == nil) != (wantErr == nil) {
				t.Errorf("round %d: rank(%q) = %v, %v, want %v, %v", i, q.text, again, err, fresh, wantErr)
			}
		}
	}
}

// TestSeedLine takes the last line with and without its line feed.
func TestSeedLine(t *testing.T) {
	for text, want := range map[string][2]string{
		"cost\na=1\nseed=7": {"cost\na=1", "7"}, "cost\na=1\nseed=7\n": {"cost\na=1", "7"},
		"cost\nseed=": {"cost", ""}, "cost": {"cost", ""}, "cost\n": {"cost", ""}, "": {"", ""}, "seed=3": {"", "3"},
	} {
		operator, seed := cutSeed([]byte(text))
		if got := [2]string{string(operator), string(seed)}; got != want {
			t.Errorf("cutSeed(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestRankStepsByRecordSize reads records that a later host has made longer.
func TestRankStepsByRecordSize(t *testing.T) {
	targets := []penstock.Target{target(0, 9, 9, 1), target(1, 1, 1, 1)}
	for _, size := range []int{96, 160, 200} {
		got, _ := order(t, query{text: "cost\nseed=1", input: 10, targets: targets, recordSize: size})
		if !slices.Equal(got, []uint32{1, 0}) {
			t.Errorf("order of records of %d bytes = %v, want [1 0]", size, got)
		}
	}
}

// TestRankSortsManyStably has more targets than are sorted by insertion.
func TestRankSortsManyStably(t *testing.T) {
	var targets []penstock.Target
	var want []uint32
	for i := range uint32(100) {
		x := target(i, 1, 1, 1)
		x.Order = int32(i / 50)
		targets = append([]penstock.Target{x}, targets...)
	}
	for _, tier := range []uint32{49, 99} {
		for i := range uint32(50) {
			want = append(want, tier-i)
		}
	}
	if got, _ := order(t, query{text: "ordered\nseed=1", targets: targets}); !slices.Equal(got, want) {
		t.Errorf("order = %v, want %v", got, want)
	}
}

func TestRankAllocatesNothing(t *testing.T) {
	for _, q := range benchQueries() {
		r, in, out := new(ranker), q.encode(), make([]byte, 0, 4096)
		n := testing.AllocsPerRun(100, func() {
			if _, err := r.rank(out, in); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("rank(%q) allocates %v times", q.text, n)
		}
	}
}

func benchQueries() []query { return benchQueriesOf(8) }

// benchQueriesOf returns a request for each strategy with n measured targets, one of which has
// the session's prompt.
func benchQueriesOf(n uint32) []query {
	var targets []penstock.Target
	var more []figures
	for i := range n {
		x := target(i, float64(n-i), float64(10+i*7%5), float64(i*3%7)/7)
		x.FirstToken, x.Speed, x.Weight = float64(100+i*53%300), float64(20+i*17%60), float64(1+i)
		x.CachedPrefix = i / (n - 1) * 800
		targets, more = append(targets, x), append(more, figures{samples: 20, sticky: uint64(i+1) << 50, maxInflight: 10 * i})
	}
	var queries []query
	for _, text := range []string{"ordered\n", "weighted\n", "cost\nmin_quality=0.3\n", "balanced\ncost=0.5\nquality=0.3\nlatency=0.2\n",
		"least-busy\n", "quality\n", "latency\n", "classifier\nclasses.code=3\n"} {
		queries = append(queries, query{prompt: "Write a function in Go that merges two sorted lists.", text: text + "seed=12345678901234567890", input: 900, maxOutput: 400, targets: targets, figures: more})
	}
	return queries
}

func BenchmarkRank(b *testing.B) {
	for _, n := range []uint32{8, 100} {
		for _, q := range benchQueriesOf(n) {
			name, _, _ := strings.Cut(q.text, "\n")
			b.Run(name+"/"+decimal(int(n)), func(b *testing.B) {
				r, in, out := new(ranker), q.encode(), make([]byte, 0, 1<<15)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := r.rank(out, in); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func FuzzRank(f *testing.F) {
	for _, q := range benchQueries() {
		f.Add(q.encode())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := new(ranker).rank(nil, in)
		if err != nil {
			return
		}
		for ; len(out) >= 16 && out[4]&4 == 0; out = out[16:] { // up to the reason
			if math.IsNaN(math.Float64frombits(binary.LittleEndian.Uint64(out[8:]))) {
				t.Fatal("a score is NaN")
			}
		}
		if len(out)%16 != 0 {
			t.Fatalf("%d bytes are left over", len(out))
		}
	})
}
