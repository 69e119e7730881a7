package strategies

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/strategies/classify"
	penstock "github.com/penstock/penstock/sdk/go"
)

// Prompts of three categories.
const (
	codePrompt = "Write a Python function that parses a CSV file and returns the rows as a list."
	mathPrompt = "How many apples are left when 3 of 12 apples are eaten and the total is divided by 2?"
	chatPrompt = "hello there, nice to meet you"
	foreign    = "Қазақстан туралы қысқаша айтып беріңізші, өтінемін"
)

// tiers are a target of each of these orders.
func tiers(orders ...int32) (targets []penstock.Target) {
	for i, order := range orders {
		t := target(uint32(i), 1, 1, .5)
		t.Order = order
		targets = append(targets, t)
	}
	return targets
}

// reasonOf returns the reason of an answer.
func reasonOf(t *testing.T, q query) string {
	t.Helper()
	out, err := new(ranker).rank(nil, q.encode())
	if err != nil {
		t.Fatalf("rank(%q) = %v", q.text, err)
	}
	for ; len(out) > 0; out = out[16:] {
		if out[4]&4 != 0 {
			return string(out[16 : 16+binary.LittleEndian.Uint32(out)])
		}
	}
	return ""
}

func TestTheClassDecidesOnTheTier(t *testing.T) {
	const easily, hardly = "threshold=1\n", "threshold=-1\n" // all are easy, all are hard
	for _, tt := range []struct {
		what, settings, prompt, reason string
		orders                         []int32
		want                           []uint32
	}{
		{"an easy one goes to the lowest order, then to stronger ones", easily, chatPrompt, "class chat-easy", []int32{5, 3, 4}, []uint32{1, 2, 0}},
		{"a hard one goes to the highest, then to weaker ones, the nearest first", hardly, chatPrompt, "class chat-hard", []int32{5, 3, 4}, []uint32{0, 2, 1}},
		{"a class goes where it should, then to stronger, then to weaker", easily + "classes.code=1\n", codePrompt, "class code-easy", []int32{0, 1, 2, -1}, []uint32{1, 2, 0, 3}},
		{"a class with its difficulty counts before the category", hardly + "classes.code=0\nclasses.code-hard=2\n", codePrompt, "class code-hard", []int32{0, 1, 2}, []uint32{2, 1, 0}},
		{"the category counts before the difficulty", hardly + "classes.hard=0\nclasses.math=1\n", mathPrompt, "class math-hard", []int32{0, 1, 2}, []uint32{1, 2, 0}},
		{"the difficulty counts without a category", hardly + "classes.hard=1\nclasses.math=0\n", codePrompt, "class code-hard", []int32{0, 1, 2}, []uint32{1, 2, 0}},
		{"a tier that no target has goes to the next stronger one", easily + "classes.easy=1\n", chatPrompt, "class chat-easy", []int32{0, 2, 3}, []uint32{1, 2, 0}},
		{"unknown words are hard", easily + "classes.chat=0\n", foreign, "class chat-hard, by unknown words", []int32{0, 1}, []uint32{1, 0}},
		{"no text is hard", easily + "classes.hard=1\n", "", "class chat-hard, by unknown words", []int32{0, 1}, []uint32{1, 0}},
		{"unless unknown words do not count", easily + "unknown_share=1\n", foreign, "class chat-easy", []int32{0, 1}, []uint32{0, 1}},
		{"one tier is that of all", hardly, codePrompt, "class code-hard", []int32{7}, []uint32{0}},
		{"orders as far apart as can be", easily + "classes.easy=0\n", chatPrompt, "class chat-easy", []int32{math.MinInt32, math.MaxInt32, 0}, []uint32{2, 1, 0}},
	} {
		q := query{text: "classifier\n" + tt.settings + "seed=1", input: 100, targets: tiers(tt.orders...), prompt: tt.prompt}
		if got, _ := order(t, q); !slices.Equal(got, tt.want) {
			t.Errorf("%s: order %v, want %v", tt.what, got, tt.want)
		}
		if got := reasonOf(t, q); got != tt.reason {
			t.Errorf("%s: reason %q, want %q", tt.what, got, tt.reason)
		}
	}
}

// TestLabelsOfAnEndpointDecide has labels with and without a tier of their own.
func TestLabelsOfAnEndpointDecide(t *testing.T) {
	const all = "threshold=1\n" // without a label all are easy
	for _, tt := range []struct {
		label, settings, reason string
		first                   uint32
	}{
		{"vip", "labels.vip=1\n", "label vip", 1},
		{"hard", "labels.hard=1\n", "label hard", 1},
		{"hard", "", "label hard", 2},
		{"easy", "classes.easy=1\n", "label easy", 1},
		{"easy", "", "label easy", 0},
		{"math-hard", "classes.math-hard=2\n", "label math-hard", 2},
		{"unheard of", "labels.vip=1\n", "class chat-easy", 0},
		{"", "labels.vip=1\n", "class chat-easy", 0},
	} {
		q := query{text: "classifier\n" + all + tt.settings + "seed=1", input: 100, targets: tiers(0, 1, 2), prompt: chatPrompt, class: tt.label}
		if got, _ := order(t, q); got[0] != tt.first {
			t.Errorf("label %q with %q: order %v, want %d first", tt.label, tt.settings, got, tt.first)
		}
		if got := reasonOf(t, q); got != tt.reason {
			t.Errorf("label %q with %q: reason %q, want %q", tt.label, tt.settings, got, tt.reason)
		}
	}
}

// TestFallbacksAreNoTier has fallbacks below and above the others.
func TestFallbacksAreNoTier(t *testing.T) {
	for settings, want := range map[string][]uint32{"threshold=1\n": {1, 2, 3, 0}, "threshold=-1\n": {2, 1, 3, 0}} {
		q := query{text: "classifier\n" + settings + "seed=1", targets: tiers(-9, 1, 2, 9), prompt: chatPrompt}
		q.targets[0].Flags |= penstock.TargetFallback
		q.targets[3].Flags |= penstock.TargetFallback
		if got, _ := order(t, q); !slices.Equal(got, want) && settings == "threshold=-1\n" || got[0] != want[0] {
			t.Errorf("%s: order %v, want %v", settings, got, want)
		}
		if q.targets = q.targets[:1]; len(q.targets) == 1 {
			if got, _ := order(t, q); !slices.Equal(got, []uint32{0}) {
				t.Errorf("a fallback alone: %v", got)
			}
		}
	}
}

// TestAShareOfPromptsIsHard compares shares with the model's threshold.
func TestAShareOfPromptsIsHard(t *testing.T) {
	m, err := classify.Parse(classify.Shipped())
	if err != nil {
		t.Fatal(err)
	}
	for settings, want := range map[string]float64{"": m.Threshold(defaultStrongShare), "strong_share=0.1\n": m.Threshold(.1), "threshold=0.125\n": .125} {
		q := query{text: "classifier\n" + settings + "seed=1", targets: tiers(0, 1), prompt: mathPrompt}
		terms := termsOf(t, q, 1)
		if terms[termThreshold] != want {
			t.Errorf("%q: threshold %v, want %v", settings, terms[termThreshold], want)
		}
		var f classify.Features
		f.Read([]byte(mathPrompt))
		if terms[termDifficulty] != m.Score(&f) || terms[termUnknown] != m.Unknown(&f) {
			t.Errorf("%q: terms %v", settings, terms)
		}
	}
	for _, share := range []string{"0", "1"} { // none and all, whatever their score
		q := query{text: "classifier\nstrong_share=" + share + "\nseed=1", targets: tiers(0, 1), prompt: mathPrompt}
		if got, _ := order(t, q); decimal(int(got[0])) != share {
			t.Errorf("with a share of %s, target %d is first", share, got[0])
		}
	}
}

// TestATierIsDrawnByWeight has three targets for easy prompts.
func TestATierIsDrawnByWeight(t *testing.T) {
	targets := tiers(0, 0, 0, 1)
	targets[0].Weight, targets[2].Weight = 3, 0
	first := [4]int{}
	for seed := range 4000 {
		got, _ := order(t, query{text: "classifier\nthreshold=1\nseed=" + decimal(seed), targets: targets, prompt: chatPrompt})
		first[got[0]]++
	}
	if share := float64(first[0]) / 4000; math.Abs(share-.75) > .03 || first[2]+first[3] > 0 {
		t.Errorf("first places %v", first)
	}
}

// TestASessionStaysWithAStrongerModel while that costs less than its cache saves.
func TestASessionStaysWithAStrongerModel(t *testing.T) {
	for _, tt := range []struct {
		what, settings string
		home           func(*penstock.Target)
		stays          bool
	}{
		{"an easy request on a strong target whose cache is worth more", "threshold=1\n", func(*penstock.Target) {}, true},
		{"on one that costs more than the cache saves", "threshold=1\n", func(t *penstock.Target) { t.PriceOut = 200e9 }, false},
		{"on one with little in its cache", "threshold=1\nsticky=off\n", func(*penstock.Target) {}, false},
		{"on one that is cooling down", "threshold=1\n", func(t *penstock.Target) { t.Flags &^= penstock.TargetHealthy }, false},
		{"on one that is free", "threshold=1\n", func(t *penstock.Target) { t.PriceIn, t.PriceOut, t.PriceCached = 0, 0, 0 }, true},
		{"a hard request on a weak target", "threshold=-1\n", func(t *penstock.Target) { t.Order = -1 }, false},
	} {
		q := inSession("classifier\n"+tt.settings, 1000)
		q.text, q.prompt, q.targets[1].Order = "classifier\n"+tt.settings+"seed=1", chatPrompt, 1
		q.targets = append(q.targets, q.targets[0])
		q.targets[2].Index = 2
		tt.home(&q.targets[1])
		if got, _ := order(t, q); (got[0] == 1) != tt.stays {
			t.Errorf("%s: order %v, stays = %v", tt.what, got, tt.stays)
		}
	}
}

func TestInitTakesOwnWeights(t *testing.T) {
	w := new(classify.Weights)
	w.Surface[classify.Strong][0], w.Surface[classify.Weak][0] = 4, -4 // all prompts are hard
	for i := range w.Quantiles {
		w.Quantiles[i] = .5
	}
	init := func(weights []byte) (*Hooks, error) {
		h := new(Hooks)
		_, err := h.Init(nil, []byte(`{"v":1,"plugin":"classifier","config":{"weights":"`+hex.EncodeToString(weights)+`"},"seed":"0"}`))
		return h, err
	}
	h, err := init(w.Encode())
	if err != nil {
		t.Fatal(err)
	}
	q := query{text: "classifier\nseed=1", targets: tiers(0, 1), prompt: "the of and"}
	out, err := h.RouteFlat(nil, q.encode())
	if err != nil || out[0] != 1 {
		t.Errorf("own weights do not count: %v, %v", out, err)
	}
	if _, err := init(w.Encode()[1:]); err == nil || !strings.Contains(err.Error(), "not a file of weights") {
		t.Errorf("damaged weights: %v", err)
	}
	if _, err := new(Hooks).Init(nil, []byte(`{"v":1,"plugin":"builtin","config":{},"seed":"0"}`)); err != nil {
		t.Errorf("no weights: %v", err)
	}
}

// TestOthersReadNoPrompt holds that only the routes with the classifier look up the prompt.
func TestOthersReadNoPrompt(t *testing.T) {
	for _, name := range Names() {
		if reads := Reads(name); (len(reads) > 0) != (name == Classifier) {
			t.Errorf("%s reads %v", name, reads)
		}
	}
}
