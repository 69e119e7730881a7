package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/pipeline"
)

// The policies that divide requests between two of the models: by the classifier, by chance, and
// by an oracle that knows how hard each is.

// The two models.
const (
	weakModel   = "medium"
	strongModel = "huge"
)

// pair keeps the two models of a route, with the share of the strong one as weights and, with
// tiers, an order each.
func pair(share float64, tiers bool) func([]*llm.Target) []*llm.Target {
	return func(all []*llm.Target) (two []*llm.Target) {
		for _, t := range all {
			switch t.Provider {
			case weakModel:
				t.Weight = 1 - share
			case strongModel:
				if t.Weight = share; tiers {
					t.Order = 1
				}
			default:
				continue
			}
			if tiers {
				t.Weight = 1
			}
			two = append(two, t)
		}
		return two
	}
}

// sortingNames are the kinds of policies that divide requests between the two models.
var sortingNames = []string{"classifier, own weights", "classifier, built-in weights", "by chance", "by known difficulty"}

func sortingName(kind string, step int) string {
	return fmt.Sprintf("%s %.1f", kind, float64(step)/steps)
}

// sorting returns the policies for each share of strong calls.
func sorting(s *scenario, seed uint64) (all []policy) {
	for i := range steps + 1 {
		share := float64(i) / steps
		with := fmt.Appendf(nil, `{"strong_share":%v}`, share)
		all = append(all,
			policy{name: sortingName(sortingNames[0], i), strategy: "classifier", with: with, trained: true, targets: pair(share, true)},
			policy{name: sortingName(sortingNames[1], i), strategy: "classifier", with: with, targets: pair(share, true)},
			policy{name: sortingName(sortingNames[2], i), strategy: "weighted", targets: pair(share, false)},
			policy{name: sortingName(sortingNames[3], i), baseline: s.knowing(share, seed), targets: pair(share, false)})
	}
	return all
}

// indexOf returns the number of a model of the scenario, -1 for none.
func (s *scenario) indexOf(id string) int {
	return slices.IndexFunc(s.models, func(m model) bool { return m.id == id })
}

// modelOf returns a model of the scenario, which must have it.
func (s *scenario) modelOf(id string) *model { return &s.models[s.indexOf(id)] }

// gain is what the strong model adds to the chance of a good answer.
func (s *scenario) gain(q *question) float64 {
	return q.chance(s.modelOf(strongModel).ability) - q.chance(s.modelOf(weakModel).ability)
}

// knowing sends that share of the requests to the strong model for which it adds most.
func (s *scenario) knowing(share float64, seed uint64) func(*stages) pipeline.Router {
	var gains []float64
	for _, q := range sample(seed) {
		gains = append(gains, s.gain(&q))
	}
	slices.Sort(gains)
	return func(*stages) pipeline.Router {
		return ranker(func(ctx context.Context, c []llm.Candidate) []int {
			gain := s.gain(runningOf(ctx).turn.question)
			strong := share >= 1 || share > 0 && gain >= gains[int((1-share)*float64(len(gains)))]
			order := identity(len(c))
			if (c[0].Target.Provider == strongModel) != strong {
				slices.Reverse(order)
			}
			return order
		})
	}
}
