// Package classifier trains and evaluates the model of the strategy classifier, off the
// request's path: it reads prompts with how well a weak and a strong model answered them, fits
// the weights, and reports honestly what they are worth, on prompts that they were not
// trained on and beside what needs no training. Package classify has the features and the form
// of the weights.
package classifier

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/plugins/strategies/classify"
)

// How the heads are fitted: by AdaGrad, in several passes over the rows. Few passes with a
// small step, rather than a large penalty, keep the weights from fitting single prompts.
const (
	passes     = 10
	stepSize   = 0.02
	gramDecay  = 1e-5 // L2
	otherDecay = 1e-6
)

// MinRows is the least number of rows to train with: of those with each outcome, and of those
// with both that the gain is measured on.
const MinRows = 20

// example is a row as the model sees it.
type example struct {
	row      *Row
	features classify.Features
	weight   float64 // of each n-gram
}

// examplesOf reads the features of all rows.
func examplesOf(rows []Row) []*example {
	all := make([]*example, len(rows))
	var f classify.Features
	for i := range rows {
		f.Read([]byte(rows[i].Prompt))
		all[i] = &example{row: &rows[i], features: f, weight: f.Weight()}
		all[i].features.Grams, all[i].features.Words = slices.Clone(f.Grams), slices.Clone(f.Words)
	}
	return all
}

// census counts rows by what is known of them.
type census struct {
	rows, both int
	// known counts the rows with the outcome of each head, values their different outcomes.
	known  [classify.Heads]int
	values [classify.Heads]map[float64]bool
	// gain is the sum over the rows with both outcomes.
	gain float64
}

func count(rows []Row) census {
	c := census{rows: len(rows), values: [classify.Heads]map[float64]bool{{}, {}}}
	for i := range rows {
		r := &rows[i]
		for h := range classify.Heads {
			if y := r.outcome(h); !math.IsNaN(y) {
				c.known[h]++
				c.values[h][y] = true
			}
		}
		if r.both() {
			c.both++
			c.gain += r.gain()
		}
	}
	return c
}

// check reports rows that nothing can be learnt from.
func check(rows []Row) error {
	c := count(rows)
	weak, strong := c.known[classify.Weak], c.known[classify.Strong]
	switch {
	case c.both == c.rows && c.rows < MinRows:
		return hint.Add(fmt.Errorf("there are %d rows; at least %d are needed", c.rows, MinRows), "a useful model needs thousands")
	case min(weak, strong) < MinRows:
		return hint.Add(fmt.Errorf("the weak model's outcome is known for %d rows and the strong one's for %d; at least %d of each are needed", weak, strong, MinRows),
			"a useful model needs thousands")
	case len(c.values[classify.Weak]) == 1 && len(c.values[classify.Strong]) == 1:
		return hint.Add(errors.New("all rows have the same scores, so there is nothing to learn"), "add prompts that the weak model fails")
	case c.both >= MinRows && c.gain <= 0:
		return hint.Add(fmt.Errorf("the strong model is not better than the weak one: their mean scores differ by %.3f over %d prompts", c.gain/float64(c.both), c.both),
			"weak and strong may be exchanged")
	}
	return nil
}

// fit trains both heads. Equal examples in equal order and an equal seed give equal weights.
// The quantiles stay 0.
func fit(examples []*example, seed uint64) *classify.Weights {
	w := new(classify.Weights)
	var wg sync.WaitGroup
	wg.Go(func() { fitHead(w, classify.Weak, examples, seed) })
	fitHead(w, classify.Strong, examples, seed)
	wg.Wait()
	w.Words = wordsOf(examples)
	return w
}

// slopes are sums of squared gradients, by which AdaGrad shortens its steps.
type slopes struct {
	grams   [classify.Buckets]float64
	surface [classify.Surfaces]float64
}

// fitHead trains one head on the examples whose outcome is known for it.
func fitHead(w *classify.Weights, head int, examples []*example, seed uint64) {
	s, random := new(slopes), rand.New(rand.NewPCG(seed, uint64(head)))
	known := slices.DeleteFunc(slices.Clone(examples), func(e *example) bool { return math.IsNaN(e.row.outcome(head)) })
	for range passes {
		for _, i := range random.Perm(len(known)) {
			s.step(w, head, known[i])
		}
	}
}

// step moves the weights towards the right answer to one example.
func (s *slopes) step(w *classify.Weights, head int, e *example) {
	grams, surface := &w.Grams[head], &w.Surface[head]
	x := 0.0
	for _, g := range e.features.Grams {
		x += grams[g]
	}
	x *= e.weight
	for i, v := range e.features.Surface {
		x += float64(v * surface[i]) // rounded, so that no machine fuses the two steps
	}
	off := classify.Chance(x) - e.row.outcome(head)
	for _, g := range e.features.Grams {
		move(&grams[g], &s.grams[g], float64(off*e.weight)+float64(gramDecay*grams[g]))
	}
	for i, v := range e.features.Surface {
		move(&surface[i], &s.surface[i], float64(off*v)+float64(otherDecay*surface[i]))
	}
}

func move(weight, slope *float64, gradient float64) {
	*slope += float64(gradient * gradient)
	*weight -= stepSize * gradient / (math.Sqrt(*slope) + 1e-8)
}

// wordsOf returns the words of at least two examples: one that occurs once is as good as
// unknown.
func wordsOf(examples []*example) (words []uint16) {
	in := map[uint16]int{}
	for _, e := range examples {
		for _, word := range slices.Compact(slices.Sorted(slices.Values(e.features.Words))) {
			if in[word]++; in[word] == 2 {
				words = append(words, word)
			}
		}
	}
	return words
}

// modelOf returns the model of some weights, as a gateway would read it.
func modelOf(w *classify.Weights) (*classify.Model, error) { return classify.Parse(string(w.Encode())) }

// Options say how to train.
type Options struct {
	// Folds is how many parts the rows are divided into, at least 2: each is scored by a
	// model that was trained on the others. Seed decides on the parts and the order of rows.
	Folds int
	Seed  uint64
	// Report says what to report.
	Report ReportOptions
}

// Train trains on all rows and returns the file of weights, whose quantiles are those of the
// cross-validation, and the report of that.
func Train(rows []Row, o Options) ([]byte, *Report, error) {
	if err := check(rows); err != nil {
		return nil, nil, err
	}
	if o.Folds < 2 || o.Folds > len(rows)/2 {
		return nil, nil, hint.Add(fmt.Errorf("%d rows can't be divided into %d folds", len(rows), o.Folds), "5 is usual")
	}
	examples := examplesOf(rows)
	validated, err := validate(examples, randomFolds(len(rows), o.Folds, o.Seed), o)
	if err != nil {
		return nil, nil, err
	}
	report := newReport(examples, validated, o)
	report.Folds = o.Folds
	if groups := groupFolds(rows, o.Folds, o.Seed); groups != nil {
		held, err := validate(examples, groups, o)
		if err != nil {
			return nil, nil, err
		}
		report.WholeGroups = &newReport(examples, held, o).Worth
	}
	w := fit(examples, o.Seed)
	w.Quantiles = quantiles(validated.scores)
	return w.Encode(), report, nil
}
