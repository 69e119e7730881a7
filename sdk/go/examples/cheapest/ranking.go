package main

import penstock "github.com/penstock/penstock/sdk/go"

// usualOutput is how long an answer is taken to be, in tokens, when the route's settings
// do not say.
const usualOutput = 500

// ranking ranks the targets of one request at a time. Its field is reused.
type ranking struct {
	places []place
}

// place is a target and what the request would cost there, in nano-USD.
type place struct {
	index uint32
	cost  float64
}

// cost is that of the request at prices in nano-USD per million tokens.
func cost(input, priceIn, output, priceOut float64) float64 {
	return (input*priceIn + output*priceOut) / 1e6
}

// add puts a target in its place: cheaper ones before it, equal ones by their index.
func (r *ranking) add(p place) {
	r.places = append(r.places, p)
	k := len(r.places) - 1
	for ; k > 0 && p.before(r.places[k-1]); k-- {
		r.places[k] = r.places[k-1]
	}
	r.places[k] = p
}

func (p place) before(q place) bool {
	return p.cost < q.cost || p.cost == q.cost && p.index < q.index
}

// expected reads the setting output_tokens, if it is there.
func expected(setting penstock.JSON, there bool) (float64, error) {
	if !there {
		return usualOutput, nil
	}
	n, ok := setting.Number()
	if !ok || n < 0 {
		return 0, penstock.Reject(400, "output_tokens must be a number that is not negative")
	}
	return n, nil
}
