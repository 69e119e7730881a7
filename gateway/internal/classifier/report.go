package classifier

import (
	"math/rand/v2"
	"slices"

	"github.com/penstock/penstock/plugins/strategies/classify"
)

// Report says what a model is worth.
type Report struct {
	// Rows is how many prompts there are, Folds how many parts they were divided into; 0
	// when a finished model was evaluated.
	Rows  int `json:"rows"`
	Folds int `json:"folds,omitempty"`
	// Both is how many of the prompts both models have answered.
	Both int `json:"both"`
	Worth
	// WholeGroups is the same when all prompts of a group are held out together; nil when there
	// are too few groups.
	WholeGroups *Worth `json:"whole_groups_held_out,omitempty"`
}

// Worth is what could be measured on some prompts.
type Worth struct {
	// Figures are about the prompts that both models have answered; nil with fewer than 20.
	*Figures
	// Heads are the two halves of the model, each over the prompts whose outcome it knows; left
	// out when both outcomes are known of every prompt.
	Heads []Head `json:"heads,omitempty"`
}

// Figures compare a router with others on the same prompts.
type Figures struct {
	// Weak and Strong are the mean scores when one model answers everything.
	Weak   float64 `json:"weak"`
	Strong float64 `json:"strong"`
	// Routers are the classifier, the length of the prompt, chance, and an oracle that knows
	// the outcomes.
	Routers []Router `json:"routers"`
	// Lead is by how much the classifier's APGR is above that of the prompt's length.
	Lead Interval `json:"lead_over_length"`
	// Shares are what happens at some shares of strong calls.
	Shares []Share `json:"shares"`
	// Unknown is about words that were not seen in training.
	Unknown Unknown `json:"unknown"`
}

// Router is one way to choose between two models.
type Router struct {
	Name string `json:"name"`
	// APGR is the average performance gap recovered: the area below the curve of the gap
	// that is closed against the share of strong calls. Chance has 0.5.
	APGR Interval `json:"apgr"`
}

// Interval is a figure with its 95 % interval over samples of the prompts.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Share is what the classifier does when a share of the calls is to be strong.
type Share struct {
	// Wanted is that share, Actual the one that its threshold gave.
	Wanted float64 `json:"wanted"`
	Actual float64 `json:"actual"`
	// Score is the mean score, Recovered the share of the gap between the models that is
	// closed.
	Score     float64 `json:"score"`
	Recovered float64 `json:"recovered"`
	// Cost is in US dollars for each request; nil without prices.
	Cost *float64 `json:"cost,omitempty"`
}

// Unknown is how many words of a prompt were not seen in training.
type Unknown struct {
	Mean float64 `json:"mean"`
	P95  float64 `json:"p95"`
}

// ReportOptions say what to report.
type ReportOptions struct {
	// Shares are the shares of strong calls, each between 0 and 1.
	Shares []float64
	// CheapCost and StrongCost are what a request costs at either model, in US dollars; both
	// 0 when costs are not reported.
	CheapCost, StrongCost float64
}

// Evaluate scores rows with a finished model.
func Evaluate(rows []Row, m *classify.Model, o Options) (*Report, error) {
	if err := check(rows); err != nil {
		return nil, err
	}
	examples := examplesOf(rows)
	s := newScored(len(rows))
	s.model = m
	for i, e := range examples {
		s.score(i, e, m)
	}
	return newReport(examples, s, o), nil
}

func newReport(examples []*example, s *scored, o Options) *Report {
	var both []int
	for i, e := range examples {
		if e.row.both() {
			both = append(both, i)
		}
	}
	r := &Report{Rows: len(examples), Both: len(both)}
	if len(both) >= MinRows {
		r.Figures = newFigures(examples, s, both, o)
	}
	if len(both) < len(examples) {
		r.Heads = headsOf(examples, s, o.Seed)
	}
	return r
}

// pick returns the elements at some places.
func pick[T any](all []T, at []int) []T {
	some := make([]T, len(at))
	for i, n := range at {
		some[i] = all[n]
	}
	return some
}

// newFigures measures the gain on the examples at the places in both.
func newFigures(all []*example, s *scored, both []int, o Options) *Figures {
	n, examples := len(both), pick(all, both)
	gain, length, f := make([]float64, n), make([]float64, n), new(Figures)
	for i, e := range examples {
		f.Weak += e.row.Weak / float64(n)
		f.Strong += e.row.Strong / float64(n)
		gain[i], length[i] = e.row.gain(), float64(len(e.row.Prompt))
	}
	curves := []*curve{newCurve(pick(s.scores, both), gain), newCurve(length, gain), newCurve(gain, gain)}
	own, byLength, oracle, lead := bootstrap(curves, o.Seed)
	f.Lead = lead
	f.Routers = []Router{{"classifier", own}, {"prompt length", byLength}, {"random", Interval{.5, .5, .5}}, {"oracle", oracle}}
	for _, share := range o.Report.Shares {
		f.Shares = append(f.Shares, f.at(share, examples, pick(s.hard(share), both), o.Report))
	}
	f.Unknown = unknownOf(pick(s.unknown, both))
	return f
}

func (f *Figures) at(share float64, examples []*example, hard []bool, o ReportOptions) Share {
	strong, score, n := 0, 0.0, float64(len(examples))
	for i, e := range examples {
		if hard[i] {
			strong++
			score += e.row.Strong
		} else {
			score += e.row.Weak
		}
	}
	out := Share{Wanted: share, Actual: float64(strong) / n, Score: score / n}
	out.Recovered = (out.Score - f.Weak) / (f.Strong - f.Weak)
	if o.CheapCost > 0 || o.StrongCost > 0 {
		cost := (1-out.Actual)*o.CheapCost + out.Actual*o.StrongCost
		out.Cost = &cost
	}
	return out
}

func unknownOf(shares []float64) (u Unknown) {
	for _, x := range shares {
		u.Mean += x / float64(len(shares))
	}
	u.P95 = slices.Sorted(slices.Values(shares))[len(shares)*95/100]
	return u
}

// curve is the gain of strong calls, those with the highest scores first.
type curve struct {
	order  []int
	scores []float64
	gain   []float64
}

func newCurve(scores, gain []float64) *curve {
	c := &curve{order: make([]int, len(scores)), scores: scores, gain: gain}
	for i := range c.order {
		c.order[i] = i
	}
	slices.SortStableFunc(c.order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	return c
}

// apgr is the area below the curve when the i-th prompt is there times[i] times. Prompts with
// the same score come in a random order on average, a straight line of the curve.
func (c *curve) apgr(times []int) float64 {
	sum, area, n := 0.0, 0.0, 0.0
	for i := 0; i < len(c.order); {
		gain, count, score := 0.0, 0.0, c.scores[c.order[i]]
		for ; i < len(c.order) && c.scores[c.order[i]] == score; i++ {
			k := float64(times[c.order[i]])
			gain, count = gain+k*c.gain[c.order[i]], count+k
		}
		area += count * (sum + gain/2)
		sum, n = sum+gain, n+count
	}
	if !(sum > 0) { // a sample in which the strong model adds nothing
		return 0.5
	}
	return area / sum / n
}

// samples is how many samples of the prompts an interval comes from.
const samples = 1000

// bootstrap returns the APGR of the classifier, the prompt's length and the oracle, and the
// classifier's lead over the length, with intervals over the same samples of the prompts.
func bootstrap(c []*curve, seed uint64) (own, length, oracle, lead Interval) {
	n, random := len(c[0].order), rand.New(rand.NewPCG(seed, 3<<32))
	times := slices.Repeat([]int{1}, n)
	var found [4][]float64
	for range samples + 1 { // the first is all prompts once
		for i := range c {
			found[i] = append(found[i], c[i].apgr(times))
		}
		last := len(found[0]) - 1
		found[3] = append(found[3], found[0][last]-found[1][last])
		clear(times)
		for range n {
			times[random.IntN(n)]++
		}
	}
	return interval(found[0]), interval(found[1]), interval(found[2]), interval(found[3])
}

// interval is the first figure between the 2.5th and the 97.5th percentile of the others.
func interval(all []float64) Interval {
	sorted := slices.Sorted(slices.Values(all[1:]))
	return Interval{Value: all[0], Low: sorted[samples*25/1000], High: sorted[samples*975/1000]}
}
