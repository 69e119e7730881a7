package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// bound is the range of a number. Cohere refuses a request with one beyond it.
type bound struct {
	// own is Cohere's name for the number.
	own         string
	least, most float64
	// low and high are least and most as JSON.
	low, high string
}

// boundOf returns how a member of the canonical request is called, and its range.
func boundOf(member string) (b bound, ok bool) {
	switch member {
	case "temperature":
		return bound{"temperature", 0, 1, "0", "1"}, true
	case "top_p":
		return bound{"p", 0.01, 0.99, "0.01", "0.99"}, true
	case "top_k":
		return bound{"k", 0, 500, "0", "500"}, true
	case "frequency_penalty":
		return bound{"frequency_penalty", 0, 1, "0", "1"}, true
	case "presence_penalty":
		return bound{"presence_penalty", 0, 1, "0", "1"}, true
	}
	return b, false
}

// writeSampling writes the bound on output tokens, the seed, and what has a range. A number
// out of it is cut, which is reported unless the two mean the same.
func (r *request) writeSampling() error {
	if limit := r.in.MaxTokens(); limit > 0 {
		r.MemberInt("max_tokens", limit)
	}
	for _, m := range r.in.Members {
		b, ok := boundOf(string(m.Key))
		if !ok {
			continue
		}
		x, ok := m.Value.Number()
		if !ok {
			return canonical.Reject(string(m.Key), "must be a number")
		}
		r.Name(b.own)
		switch {
		case x < b.least:
			r.Literal(b.low)
		case x > b.most:
			r.Literal(b.high)
		default:
			r.Value(m.Value)
			continue
		}
		if b.own != "p" || x < 0 || x > 1 { // 0.99 is as near as Cohere comes to 1
			r.Drop(string(m.Key))
		}
	}
	return nil
}

// maxStops is how many stop sequences Cohere takes.
const maxStops = 5

// writeStop writes the stop sequences.
func (r *request) writeStop() error {
	mark := len(r.B)
	r.Name("stop_sequences")
	r.Open('[')
	written, given := 0, 0
	add := func(v canonical.Value) bool {
		if len(canonical.Inside(v)) == 0 {
			return true
		}
		if given++; written < maxStops {
			r.Value(v)
			written++
		}
		return true
	}
	r.in.Stop.Items(add)
	add(r.in.Stop)
	r.Close(']')
	if written == 0 {
		r.B = r.B[:mark]
	}
	if written < given {
		r.Drop("stop")
	}
	return nil
}
