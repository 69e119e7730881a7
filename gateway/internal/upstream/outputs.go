package upstream

import "github.com/penstock/penstock/gateway/internal/bounded"

const (
	// maxOutputs bounds the pairs of route and target that are remembered; one takes about
	// 100 bytes.
	maxOutputs = 4096
	// maxOutput bounds a reply, in tokens: no model says more.
	maxOutput = 1 << 32
	// outputWeight bounds how little one more reply weighs in a mean: 1/100 at least.
	outputWeight = 100
	// routeReplies is how many replies the mean of the whole route counts for in a target's.
	routeReplies = 10
)

// Outputs remembers how many output tokens the replies of each route have, in all and at each
// target, since models differ in how much they say. Later replies weigh more. It is safe for
// concurrent use.
type Outputs struct {
	means bounded.Map[replies, outputMean]
}

// replies are those of a route at a target; an empty target means all of the route's.
type replies struct{ route, target string }

// outputMean is a running mean of so many replies, at most outputWeight.
type outputMean struct{ tokens, count float64 }

// NewOutputs returns an empty Outputs.
func NewOutputs() *Outputs {
	return &Outputs{means: bounded.Map[replies, outputMean]{Max: maxOutputs}}
}

// Note notes a whole reply of a route. One without tokens is not noted.
func (o *Outputs) Note(route, target string, tokens int64) {
	if tokens <= 0 {
		return
	}
	o.means.Update(replies{route, ""}, func(m outputMean) outputMean { return m.with(tokens) })
	o.means.Update(replies{route, target}, func(m outputMean) outputMean { return m.with(tokens) })
}

func (m outputMean) with(tokens int64) outputMean {
	m.count = min(m.count+1, outputWeight)
	m.tokens += (float64(min(tokens, maxOutput)) - m.tokens) / m.count
	return m
}

// Expected returns how many tokens a reply of a route probably has at a target: the target's own
// mean, as far as it is known, and the route's. It is 0 when nothing is known.
func (o *Outputs) Expected(route, target string) int64 {
	all, known := o.means.Get(replies{route, ""})
	if !known {
		return 0
	}
	own, _ := o.means.Get(replies{route, target})
	return max(int64((own.tokens*own.count+all.tokens*routeReplies)/(own.count+routeReplies)), 1)
}
