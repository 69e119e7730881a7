//go:build wasip1

// Command probe is a plugin for the gateway's tests, which uses what the examples do not.
package main

import penstock "github.com/penstock/penstock/sdk/go"

func main() {}

//go:wasmexport penstock_route
func route(ptr, n uint32) uint64 { return penstock.Call(again, ptr, n) }

//go:wasmexport penstock_transform_request
func transformRequest(ptr, n uint32) uint64 { return penstock.Call(host, ptr, n) }

//go:wasmexport penstock_accept_request
func acceptRequest(ptr, n uint32) uint64 { return penstock.Call(rank, ptr, n) }

// rank ranks by a list of scores; every second one is dropped.
func rank(out, in []byte) ([]byte, error) {
	k := uint32(0)
	for item := range penstock.JSON(in).Items {
		score, _ := item.Number()
		out = penstock.InsertRank(out, k, k%2*penstock.Drop, score)
		k++
	}
	if k > 0 {
		out = penstock.AppendTerm(out, 0, penstock.TermLatency, 0.5) // which JSON has no place for
	}
	return penstock.RankingJSON(out, "the \"odd\" ones are dropped"), nil
}

//go:wasmexport penstock_render_response
func renderResponse(ptr, n uint32) uint64 { return penstock.Call(terms, ptr, n) }

// terms ranks by a list of scores, each with a term.
func terms(out, in []byte) ([]byte, error) {
	k := uint32(0)
	for item := range penstock.JSON(in).Items {
		score, _ := item.Number()
		out = penstock.AppendRank(out, k, 0, score)
		out = penstock.AppendTerm(out, k, penstock.TermLatency, -score)
		k++
	}
	return out, nil
}

//go:wasmexport penstock_route_flat
func routeFlat(ptr, n uint32) uint64 { return penstock.Call(known, ptr, n) }

// known writes what a flat route has that version 1.0 of the contract did not have.
func known(out, in []byte) ([]byte, error) {
	r, ok := penstock.ReadRoute(in)
	if !ok {
		return nil, penstock.Reject(500, "the header does not fit")
	}
	out = penstock.AppendText(append(out, '['), r.Session())
	out = penstock.AppendText(append(out, ','), r.LastUserText())
	out = penstock.AppendText(append(out, ','), r.Class())
	for _, name := range []string{"app", "none"} {
		if value, ok := r.Tag(name); ok {
			out = penstock.AppendText(append(out, ','), value)
		} else {
			out = append(out, ",null"...)
		}
	}
	for k := range r.Len {
		t, f := r.Target(k), r.Figures(k)
		for _, n := range []int64{int64(t.CachedPrefix), f.EstCost, int64(f.Sticky >> 32), int64(uint32(f.Sticky)), int64(r.MaxInflight(k)), int64(r.ExpectedOutput(k))} {
			out = penstock.AppendWhole(append(out, ','), n)
		}
		for _, x := range []float64{f.FirstTokenP50, f.FirstTokenP95, f.Samples, f.RequestsLeft, f.TokensLeft} {
			out = penstock.AppendNumber(append(out, ','), x)
		}
	}
	return append(out, ']'), nil
}

// again reads a list, or an object's values, and writes them as a list by way of what
// they mean.
func again(out, in []byte) ([]byte, error) {
	list, found := penstock.JSON(in), false
	out = append(out, '[')
	for item := range list.Items {
		out = appendValue(out, item)
	}
	for key, value := range list.Members {
		found = found || string(key) == "x"
		out = appendValue(out, value)
	}
	if found != (list.Member("x") != nil) {
		return nil, penstock.Reject(500, "x")
	}
	return append(out, ']'), nil
}

func appendValue(out []byte, v penstock.JSON) []byte {
	if len(out) > 1 {
		out = append(out, ',')
	}
	if text, ok := v.Text(nil); ok {
		return penstock.AppendText(out, text)
	}
	if n, ok := v.Whole(); ok {
		return penstock.AppendWhole(out, n)
	}
	if x, ok := v.Number(); ok {
		return penstock.AppendNumber(out, x)
	}
	return append(out, v...)
}

// host calls the host's functions, each once.
func host(out, in []byte) ([]byte, error) {
	penstock.Log(penstock.Info, string(in))
	penstock.MetricAdd("calls", 1)
	out, _ = penstock.KVGet(out, "key")
	out = penstock.AppendWhole(append(out, ' '), penstock.NowMS())
	if penstock.RandomU64() == penstock.RandomU64() {
		return nil, penstock.Reject(500, "the random numbers are the same")
	}
	if !penstock.KVSet("key", in, 60) {
		return nil, penstock.Reject(500, "the store is full")
	}
	return out, nil
}
