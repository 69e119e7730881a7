package classifier

import (
	"math"
	"math/rand/v2"

	"github.com/penstock/penstock/plugins/strategies/classify"
)

// Head says how well one half of a model foresees how good the answers of its model are.
type Head struct {
	// Name is weak or strong.
	Name string `json:"name"`
	// Rows is how many prompts have the outcome, Mean their mean outcome.
	Rows int     `json:"rows"`
	Mean float64 `json:"mean"`
	// LogLoss is the mean log loss in nats, Constant that of always predicting the mean outcome
	// of the prompts that were trained on. Less is better.
	LogLoss  float64 `json:"log_loss"`
	Constant float64 `json:"constant_log_loss"`
	// Lead is by how much LogLoss is below Constant.
	Lead Interval `json:"lead_over_constant"`
}

// headsOf reports both heads, each over the examples whose outcome is known for it.
func headsOf(examples []*example, s *scored, seed uint64) []Head {
	heads := make([]Head, classify.Heads)
	for h, name := range [classify.Heads]string{"weak", "strong"} {
		heads[h] = newHead(name, h, examples, s, seed)
	}
	return heads
}

func newHead(name string, head int, examples []*example, s *scored, seed uint64) Head {
	out := Head{Name: name}
	var leads []float64
	constants := s.constants(head, examples)
	for i, e := range examples {
		y := e.row.outcome(head)
		if math.IsNaN(y) {
			continue
		}
		own, constant := logLoss(s.chances[i][head], y), logLoss(constants[s.part(i)], y)
		out.Rows++
		out.Mean, out.LogLoss, out.Constant = out.Mean+y, out.LogLoss+own, out.Constant+constant
		leads = append(leads, constant-own)
	}
	n := float64(out.Rows)
	out.Mean, out.LogLoss, out.Constant = out.Mean/n, out.LogLoss/n, out.Constant/n
	out.Lead = meanInterval(leads, seed)
	return out
}

// part is the fold of the i-th example; 0 where a finished model has scored them all.
func (s *scored) part(i int) int {
	if s.fold == nil {
		return 0
	}
	return s.fold[i]
}

// constants returns, for each fold, the mean outcome of the examples in the others, which is all
// that can be said of a prompt without reading it; of all examples where there are no folds.
func (s *scored) constants(head int, examples []*example) map[int]float64 {
	sum, n := map[int]float64{}, map[int]float64{}
	allSum, all := 0.0, 0.0
	for i, e := range examples {
		if y := e.row.outcome(head); !math.IsNaN(y) {
			sum[s.part(i)] += y
			n[s.part(i)]++
			allSum, all = allSum+y, all+1
		}
	}
	means := map[int]float64{}
	for k := range n {
		means[k] = allSum / all
		if all > n[k] {
			means[k] = (allSum - sum[k]) / (all - n[k])
		}
	}
	return means
}

// surest bounds predictions, so that a wrong one does not cost infinitely much.
const surest = 1e-3

// logLoss is that of a predicted chance, in nats, when the outcome is y, 0 to 1.
func logLoss(chance, y float64) float64 {
	chance = min(max(chance, surest), 1-surest)
	return -y*math.Log(chance) - (1-y)*math.Log(1-chance)
}

// meanInterval is the mean of figures with its interval over samples of them.
func meanInterval(of []float64, seed uint64) Interval {
	random := rand.New(rand.NewPCG(seed, 4<<32))
	means := make([]float64, 0, samples+1)
	sum := 0.0
	for _, x := range of {
		sum += x
	}
	means = append(means, sum/float64(len(of)))
	for range samples {
		sum = 0
		for range of {
			sum += of[random.IntN(len(of))]
		}
		means = append(means, sum/float64(len(of)))
	}
	return interval(means)
}
