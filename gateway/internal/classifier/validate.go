package classifier

import (
	"math/rand/v2"
	"slices"

	"github.com/penstock/penstock/plugins/strategies/classify"
)

// scored are the scores of examples by models that were not trained on them.
type scored struct {
	scores, unknown []float64
	// chances are those of either model to be right.
	chances [][classify.Heads]float64
	// fold is which part each example is in; nil where one model has scored them all, whose
	// thresholds are its own.
	fold  []int
	model *classify.Model
}

func newScored(n int) *scored {
	return &scored{scores: make([]float64, n), unknown: make([]float64, n), chances: make([][classify.Heads]float64, n)}
}

// score scores the i-th example by a model.
func (s *scored) score(i int, e *example, m *classify.Model) {
	s.scores[i], s.unknown[i], s.chances[i] = m.Score(&e.features), m.Unknown(&e.features), m.Chances(&e.features)
}

// validate scores every fold with a model that was trained on the others.
func validate(examples []*example, fold []int, o Options) (*scored, error) {
	s := newScored(len(examples))
	s.fold = fold
	for k := range slices.Max(fold) + 1 {
		var others []*example
		for i, e := range examples {
			if fold[i] != k {
				others = append(others, e)
			}
		}
		m, err := modelOf(fit(others, o.Seed))
		if err != nil {
			return nil, err
		}
		for i, e := range examples {
			if fold[i] == k {
				s.score(i, e, m)
			}
		}
	}
	return s, nil
}

// randomFolds deals n examples to folds of equal size, within 1.
func randomFolds(n, folds int, seed uint64) []int {
	fold := make([]int, n)
	for i, at := range rand.New(rand.NewPCG(seed, 1<<32)).Perm(n) {
		fold[at] = i % folds
	}
	return fold
}

// groupFolds deals whole groups to folds; nil if there are fewer groups than folds, or no group
// has two rows.
func groupFolds(rows []Row, folds int, seed uint64) []int {
	of := map[string]int{}
	var names []string
	for i := range rows {
		if _, had := of[rows[i].Group]; !had {
			of[rows[i].Group] = 0
			names = append(names, rows[i].Group)
		}
	}
	if len(names) < folds || len(names) == len(rows) {
		return nil
	}
	slices.Sort(names)
	for i, at := range rand.New(rand.NewPCG(seed, 2<<32)).Perm(len(names)) {
		of[names[at]] = i % folds
	}
	fold := make([]int, len(rows))
	for i := range rows {
		fold[i] = of[rows[i].Group]
	}
	return fold
}

// quantiles returns those of a list that is not empty.
func quantiles(scores []float64) (q [classify.Shares]float64) {
	sorted := slices.Sorted(slices.Values(scores))
	for i := range q {
		q[i] = float64(float32(sorted[i*(len(sorted)-1)/(classify.Shares-1)]))
	}
	return q
}

// hard reports for every example whether its score is at the threshold for a share of strong
// calls. The threshold of a fold comes from the scores of the others, as that of a gateway
// comes from prompts seen before.
func (s *scored) hard(share float64) []bool {
	hard := make([]bool, len(s.scores))
	if s.fold == nil {
		for i, x := range s.scores {
			hard[i] = x >= s.model.Threshold(share)
		}
		return hard
	}
	for k := range slices.Max(s.fold) + 1 {
		var others []float64
		for i, x := range s.scores {
			if s.fold[i] != k {
				others = append(others, x)
			}
		}
		threshold := classify.ThresholdOf(quantiles(others), share)
		for i, x := range s.scores {
			if s.fold[i] == k {
				hard[i] = x >= threshold
			}
		}
	}
	return hard
}
