// Package strategies holds the built-in routers: each ranks the targets of a route. It is
// part of the built-in module, which is built for Wasm and embedded in the gateway. It keeps
// nothing between calls and does not decide which targets are permitted or capable: the host
// has removed the others before it asks.
package strategies

import (
	"github.com/penstock/penstock/plugins/strategies/classify"
	penstock "github.com/penstock/penstock/sdk/go"
)

// strategy is one built-in router.
type strategy struct {
	name string
	// rank sets place, score and tie of every candidate.
	rank func(*ranker)
	// gain is what moving a session from its target to the best other one is worth. Total
	// is what the request costs at the session's target without a cache, in US dollars.
	gain func(r *ranker, home, best *candidate, total float64) float64
	// settings are the names of those that the strategy has besides sticky.
	settings []string
	// reads are the texts of the request that it needs, by their names in a manifest.
	reads []string
}

// table is the one list of strategies, the default first.
func table() [9]strategy {
	return [...]strategy{
		{"ordered", ordered, noGain, nil, nil},
		{"weighted", weighted, noGain, nil, nil},
		{"least-busy", leastBusy, loadGain, nil, nil},
		{"cost", cheapest, costGain, []string{"min_quality", "output_tokens"}, nil},
		{"quality", best, qualityGain, []string{"output_tokens"}, nil},
		{"latency", fastest, latencyGain, []string{"explore", "output_tokens"}, nil},
		{"balanced", balanced, balancedGain, []string{"cost", "quality", "latency", "errors", "output_tokens"}, nil},
		{Classifier, classified, stayGain, []string{"strong_share", "threshold", "unknown_share", "classes", "labels", "output_tokens"}, []string{"last_user_text", "class"}},
		{"cascade", cheapest, costGain, []string{"min_quality", "output_tokens"}, nil}, // the host checks the answers
	}
}

// Names returns the names of the strategies, as configurations have them. The first is that
// of routes that name no router.
func Names() []string {
	var names []string
	for _, s := range table() {
		names = append(names, s.name)
	}
	return names
}

// Reads returns the texts of the request that a strategy needs, by their names in a manifest.
func Reads(name string) []string {
	for _, s := range table() {
		if s.name == name {
			return s.reads
		}
	}
	return nil
}

// Hooks are those of one instance. They are for one call at a time, as an instance is.
type Hooks struct{ ranker ranker }

// RouteFlat is the hook penstock_route_flat.
func (h *Hooks) RouteFlat(out, in []byte) ([]byte, error) { return h.ranker.rank(out, in) }

// Init is the hook penstock_init. Its setting weights is the operator's file of weights for
// the strategy classifier, in hexadecimal.
func (h *Hooks) Init(_, in []byte) ([]byte, error) {
	digits, ok := penstock.JSON(in).Member("config", "weights").Inside()
	if !ok {
		return nil, nil
	}
	model, err := classify.Parse(unhex(digits))
	if err != nil {
		return nil, penstock.Reject(400, "weights: ", err.Error())
	}
	h.ranker.own = model
	return nil, nil
}

// unhex is the text that pairs of hexadecimal digits stand for.
func unhex(digits []byte) string {
	out := make([]byte, len(digits)/2)
	for i := range out {
		for _, c := range digits[2*i : 2*i+2] {
			out[i] = out[i]<<4 | (c&15 + c>>6*9) // letters have bit 6, and begin at 1
		}
	}
	return string(out)
}
