package main

import penstock "github.com/penstock/penstock/sdk/go"

// request is what the JSON form says that costs depend on.
type request struct {
	input, output float64
	candidates    penstock.JSON
}

// route is the hook in its JSON form.
func (r *ranking) route(out, in []byte) ([]byte, error) {
	q, err := readRequest(in)
	if err != nil {
		return nil, err
	}
	r.places = r.places[:0]
	for candidate := range q.candidates.Items {
		r.consider(candidate, &q)
	}
	if len(r.places) == 0 {
		return nil, nil
	}
	return r.append(out), nil
}

func readRequest(in penstock.JSON) (q request, err error) {
	var settings, bound penstock.JSON
	for key, value := range in.Members {
		switch string(key) {
		case "est_input_tokens":
			q.input, _ = value.Number()
		case "max_tokens":
			bound = value
		case "with":
			settings = value
		case "candidates":
			q.candidates = value
		}
	}
	setting := settings.Member("output_tokens")
	if q.output, err = expected(setting, !setting.Null()); err != nil {
		return q, err
	}
	if most, ok := bound.Number(); ok {
		q.output = min(q.output, most)
	}
	return q, nil
}

// consider adds a candidate unless it is unhealthy or has no price.
func (r *ranking) consider(candidate penstock.JSON, q *request) {
	var priceIn, priceOut float64
	var index int64
	known := 0
	for key, value := range candidate.Members {
		ok := true
		switch string(key) {
		case "i":
			index, ok = value.Whole()
			known++
		case "price_in":
			priceIn, ok = value.Number()
			known++
		case "price_out":
			priceOut, ok = value.Number()
			known++
		case "healthy":
			ok = value.Kind() != 'f'
		}
		if !ok {
			return
		}
	}
	if known == 3 && index == int64(uint32(index)) {
		r.add(place{index: uint32(index), cost: cost(q.input, priceIn, q.output, priceOut)})
	}
}

func (r *ranking) append(out []byte) []byte {
	out = append(out, `{"ranking":[`...)
	for k, p := range r.places {
		if k > 0 {
			out = append(out, ',')
		}
		out = penstock.AppendWhole(append(out, `{"i":`...), int64(p.index))
		out = penstock.AppendNumber(append(out, `,"score":`...), 0-p.cost)
		out = append(out, '}')
	}
	return append(out, `],"reason":"cheapest"}`...)
}
