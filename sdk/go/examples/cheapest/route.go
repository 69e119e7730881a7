package main

import penstock "github.com/penstock/penstock/sdk/go"

// request is the part of the JSON form on which costs depend.
type request struct {
	input, output float64
	candidates    penstock.JSON
}

// route is the hook in its JSON form.
func route(out, in []byte) ([]byte, error) {
	q, err := readRequest(in)
	if err != nil {
		return nil, err
	}
	for candidate := range q.candidates.Items {
		out = consider(out, candidate, &q)
	}
	return penstock.RankingJSON(out, "cheapest"), nil
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

// consider ranks a candidate unless it is unhealthy or has no price.
func consider(out []byte, candidate penstock.JSON, q *request) []byte {
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
			return out
		}
	}
	if known != 3 || index != int64(uint32(index)) {
		return out
	}
	return penstock.InsertRank(out, uint32(index), 0, 0-cost(q.input, priceIn, q.output, priceOut))
}
