package classifier

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/strategies/classify"
)

// taught are n rows in which the weak model fails at poetry and answers everything else with
// the strong one. Noise is the share of rows for which that is not so.
func taught(n int, noise float64) []Row {
	random := rand.New(rand.NewPCG(7, 7))
	subjects := []string{"poetry", "history", "geology", "cooking", "gardening", "football"}
	rows := make([]Row, n)
	for i := range rows {
		subject := subjects[random.IntN(len(subjects))]
		r := Row{Prompt: fmt.Sprintf("Tell me about %s, case %d.", subject, random.IntN(1e6)), Weak: 1, Strong: 1, Group: subject}
		if (subject == "poetry") != (random.Float64() < noise) {
			r.Weak = 0
		}
		rows[i] = r
	}
	return rows
}

func options() Options {
	return Options{Folds: 5, Seed: 1, Report: ReportOptions{Shares: []float64{0, .2, 1}, CheapCost: .001, StrongCost: .01}}
}

func train(t *testing.T, rows []Row, o Options) ([]byte, *Report) {
	t.Helper()
	weights, report, err := Train(rows, o)
	if err != nil {
		t.Fatal(err)
	}
	return weights, report
}

// TestTrainingFindsWhatIsHard learns a word that decides.
func TestTrainingFindsWhatIsHard(t *testing.T) {
	weights, r := train(t, taught(1200, 0), options())
	own, oracle := r.Routers[0], r.Routers[3]
	if own.Name != "classifier" || oracle.Name != "oracle" || own.APGR.Value < oracle.APGR.Value-.02 {
		t.Errorf("routers %+v", r.Routers)
	}
	m, err := classify.Parse(string(weights))
	if err != nil {
		t.Fatal(err)
	}
	var hard, easy classify.Features
	hard.Read([]byte("Tell me about poetry, please."))
	easy.Read([]byte("Tell me about cooking, please."))
	threshold := m.Threshold(1. / 6)
	if m.Score(&hard) < threshold || m.Score(&easy) >= threshold {
		t.Errorf("poetry %v, cooking %v, threshold %v", m.Score(&hard), m.Score(&easy), threshold)
	}
	none, some, all := r.Shares[0], r.Shares[1], r.Shares[2]
	if none.Actual != 0 || math.Abs(none.Recovered) > 1e-9 || math.Abs(*none.Cost-.001) > 1e-9 || all.Actual < 1-1e-9 || math.Abs(all.Recovered-1) > 1e-9 {
		t.Errorf("no strong call gives %+v, all give %+v", none, all)
	}
	if math.Abs(some.Actual-.2) > .04 || some.Recovered < .9 {
		t.Errorf("a fifth of strong calls gives %+v", some)
	}
	if r.Unknown.Mean > .25 {
		t.Errorf("unknown words: %+v", r.Unknown)
	}
	var f classify.Features
	f.Read([]byte("Қазақстан туралы айтып беріңізші"))
	if got := m.Unknown(&f); got != 1 {
		t.Errorf("a text in another language has a share of %v unknown words", got)
	}
}

// TestWholeGroupsAreHeldOut cannot learn about poetry without a poem.
func TestWholeGroupsAreHeldOut(t *testing.T) {
	_, r := train(t, taught(1200, 0), options())
	if r.WholeGroups == nil || r.WholeGroups.Routers[0].APGR.Value > .7 {
		t.Errorf("with whole groups held out: %+v", r.WholeGroups)
	}
	rows := taught(100, 0)
	for i := range rows {
		rows[i].Group = fmt.Sprint(i % 4)
	}
	if _, r := train(t, rows, options()); r.WholeGroups != nil {
		t.Error("four groups are held out in five folds")
	}
}

// TestTrainingIsDeterministic compares bytes.
func TestTrainingIsDeterministic(t *testing.T) {
	rows := taught(300, .2)
	once, report := train(t, rows, options())
	again, report2 := train(t, rows, options())
	a, _ := json.Marshal(report)
	b, _ := json.Marshal(report2)
	if !bytes.Equal(once, again) || !bytes.Equal(a, b) {
		t.Error("the same rows and seed give different weights or reports")
	}
	o := options()
	o.Seed = 2
	if other, _ := train(t, rows, o); bytes.Equal(once, other) {
		t.Error("another seed gives the same weights")
	}
}

// TestNoiseIsNotLearnt has nothing to be learnt from the text.
func TestNoiseIsNotLearnt(t *testing.T) {
	rows := taught(2000, 0)
	random := rand.New(rand.NewPCG(3, 3))
	for i := range rows {
		rows[i].Weak = float64(random.IntN(2))
	}
	_, r := train(t, rows, options())
	if own := r.Routers[0].APGR; math.Abs(own.Value-.5) > .04 || own.Low > own.Value || own.High < own.Value {
		t.Errorf("APGR %+v, want chance", own)
	}
}

func TestTrainRefuses(t *testing.T) {
	same := taught(40, 0)
	for i := range same {
		same[i].Weak, same[i].Strong = .5, .5
	}
	exchanged := taught(40, 0)
	for i := range exchanged {
		exchanged[i].Weak, exchanged[i].Strong = exchanged[i].Strong, exchanged[i].Weak
	}
	o := options()
	for _, tt := range []struct {
		want  string
		rows  []Row
		folds int
	}{
		{"there are 0 rows; at least 20", nil, 5},
		{"there are 19 rows", taught(19, 0), 5},
		{"nothing to learn", same, 5},
		{"the strong model is not better", exchanged, 5},
		{"can't be divided into 1 folds", taught(40, 0), 1},
		{"can't be divided into 21 folds", taught(40, 0), 21},
	} {
		o.Folds = tt.folds
		if _, _, err := Train(tt.rows, o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Train = %v, want %q", err, tt.want)
		}
	}
	m, err := classify.Parse(classify.Shipped())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Evaluate(exchanged, m, options()); err == nil {
		t.Error("rows whose strong model is worse are evaluated")
	}
}

// TestCalibrate fits thresholds to prompts of another kind.
func TestCalibrate(t *testing.T) {
	prompts := map[string]bool{}
	for i := range 500 {
		prompts[fmt.Sprintf("Please help me, number %d: %s", i, strings.Repeat("it is broken again ", i%40))] = true
	}
	weights, err := Calibrate(classify.Shipped(), prompts)
	if err != nil {
		t.Fatal(err)
	}
	m, err := classify.Parse(string(weights))
	if err != nil {
		t.Fatal(err)
	}
	hard := 0
	var f classify.Features
	for prompt := range prompts {
		if f.Read([]byte(prompt)); m.Score(&f) >= m.Threshold(.3) {
			hard++
		}
	}
	if share := float64(hard) / 500; math.Abs(share-.3) > .02 {
		t.Errorf("a share of %v is hard, want 0.3", share)
	}
	for want, in := range map[string]string{"0 different prompts": classify.Shipped(), "not a file of weights": "x"} {
		if _, err := Calibrate(in, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Calibrate = %v, want %q", err, want)
		}
	}
}

// TestAPGR computes the area by hand.
func TestAPGR(t *testing.T) {
	once := []int{1, 1, 1, 1}
	for _, tt := range []struct {
		scores, gain []float64
		times        []int
		want         float64
	}{
		{[]float64{4, 3, 2, 1}, []float64{1, 0, 0, 0}, once, .875},  // the first call recovers all
		{[]float64{1, 2, 3, 4}, []float64{1, 0, 0, 0}, once, .125},  // the last one does
		{[]float64{0, 0, 0, 0}, []float64{1, 0, 0, 0}, once, .5},    // any order
		{[]float64{4, 3, 2, 1}, []float64{1, 1, 1, -1}, once, .875}, // the last call loses
		{[]float64{4, 3, 2, 1}, []float64{1, 0, 0, 1}, once, .5},
		{[]float64{4, 3, 2, 1}, []float64{1, 0, 0, 1}, []int{2, 1, 1, 0}, .75}, // the first one twice
		{[]float64{4, 3, 2, 1}, []float64{0, 0, 0, 0}, once, .5},               // no gap
	} {
		if got := newCurve(tt.scores, tt.gain).apgr(tt.times); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("apgr of %v with %v = %v, want %v", tt.scores, tt.gain, got, tt.want)
		}
	}
}

// halved are rows of which only one outcome is known, but for the first both of them.
func halved(rows []Row, both int) []Row {
	for i := both; i < len(rows); i++ {
		if i%2 == 0 {
			rows[i].Weak = math.NaN()
		} else {
			rows[i].Strong = math.NaN()
		}
	}
	return rows
}

// TestTrainingOnHalves learns what is hard although no prompt was answered by both models, and
// does not claim to know the gain.
func TestTrainingOnHalves(t *testing.T) {
	weights, r := train(t, halved(taught(1200, 0), 0), options())
	if r.Figures != nil || r.Both != 0 || len(r.Heads) != 2 {
		t.Fatalf("the report is %+v", r)
	}
	weak, strong := r.Heads[0], r.Heads[1]
	if weak.Rows != 600 || strong.Rows != 600 || weak.Lead.Low <= 0 || weak.LogLoss > .6*weak.Constant || math.Abs(strong.Mean-1) > 1e-9 {
		t.Errorf("heads %+v", r.Heads)
	}
	m, err := classify.Parse(string(weights))
	if err != nil {
		t.Fatal(err)
	}
	var hard, easy classify.Features
	hard.Read([]byte("Tell me about poetry, please."))
	easy.Read([]byte("Tell me about cooking, please."))
	if threshold := m.Threshold(1. / 6); m.Score(&hard) < threshold || m.Score(&easy) >= threshold {
		t.Errorf("poetry %v, cooking %v, threshold %v", m.Score(&hard), m.Score(&easy), threshold)
	}
	if evaluated, err := Evaluate(halved(taught(200, 0), 0), m, options()); err != nil || len(evaluated.Heads) != 2 || evaluated.Figures != nil {
		t.Errorf("Evaluate = %+v, %v", evaluated, err)
	}
}

// TestGainOverBoth measures the gain over the prompts that both models answered only.
func TestGainOverBoth(t *testing.T) {
	_, r := train(t, halved(taught(1200, 0), 300), options())
	if r.Both != 300 || r.Figures == nil || r.Routers[0].APGR.Value < .85 || r.Heads[0].Rows != 750 {
		t.Errorf("the report is %+v", r)
	}
	want := 0.0
	for _, row := range taught(1200, 0)[:300] {
		want += row.Weak / 300
	}
	if r.Figures != nil && math.Abs(r.Weak-want) > 1e-9 {
		t.Errorf("the weak model has %v over the prompts of both, want %v", r.Weak, want)
	}
	if _, few := train(t, halved(taught(300, 0), MinRows-1), options()); few.Figures != nil {
		t.Errorf("the gain is measured over %d prompts", few.Both)
	}
}

// TestHeadsOfNoise predict no better than a constant.
func TestHeadsOfNoise(t *testing.T) {
	rows := taught(1000, 0)
	random := rand.New(rand.NewPCG(5, 5))
	for i := range rows {
		rows[i].Weak = float64(random.IntN(2))
	}
	_, r := train(t, halved(rows, 0), options())
	if h := r.Heads[0]; h.Lead.Low > 0 || h.Lead.Value > .01 || h.Lead.Low > h.Lead.Value || h.Lead.High < h.Lead.Value {
		t.Errorf("the head of noise is %+v", h)
	}
}

// TestLogLoss computes it by hand.
func TestLogLoss(t *testing.T) {
	for _, tt := range []struct{ chance, y, want float64 }{
		{.5, 1, math.Ln2}, {.5, 0, math.Ln2}, {.25, .5, -.5*math.Log(.25) - .5*math.Log(.75)}, {0, 1, -math.Log(.001)}, {1, 1, -math.Log(.999)},
	} {
		if got := logLoss(tt.chance, tt.y); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("logLoss(%v, %v) = %v, want %v", tt.chance, tt.y, got, tt.want)
		}
	}
}

func TestRefusesTooFewOfOne(t *testing.T) {
	rows := halved(taught(60, 0), 0)[:39]
	want := "the weak model's outcome is known for 19 rows and the strong one's for 20; at least 20 of each are needed"
	if _, _, err := Train(rows, options()); err == nil || err.Error() != want {
		t.Errorf("Train = %v, want %q", err, want)
	}
	exchanged := halved(taught(100, 0), 40)
	for i := range exchanged {
		exchanged[i].Weak, exchanged[i].Strong = exchanged[i].Strong, exchanged[i].Weak
	}
	if _, _, err := Train(exchanged, options()); err == nil || !strings.Contains(err.Error(), "over 40 prompts") {
		t.Errorf("Train = %v", err)
	}
}
