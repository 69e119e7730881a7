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
