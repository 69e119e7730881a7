package main

import penstock "github.com/penstock/penstock/sdk/go"

// routeFlat is the hook in its flat form.
func routeFlat(out, in []byte) ([]byte, error) {
	route, ok := penstock.ReadRoute(in)
	if !ok {
		return nil, penstock.Reject(500, "the header does not fit")
	}
	output, err := expected(route.Setting("output_tokens"))
	if err != nil {
		return nil, err
	}
	if route.MaxOutput > 0 {
		output = min(output, float64(route.MaxOutput))
	}
	const usable = penstock.TargetHealthy | penstock.TargetPriced
	for k := range route.Len {
		if t := route.Target(k); t.Flags&usable == usable {
			out = penstock.InsertRank(out, t.Index, 0, 0-cost(float64(route.EstInput), float64(t.PriceIn), output, float64(t.PriceOut)))
		}
	}
	return out, nil
}
