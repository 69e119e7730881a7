//go:build wasip1 && flat

package main

import penstock "github.com/penstock/penstock/sdk/go"

//go:wasmexport penstock_describe
func describe() uint64 {
	return penstock.Call(func(out, _ []byte) ([]byte, error) {
		return append(out, `{"kind":"router","hook":"route_flat","grants":["read:messages"],"reads":["tags","session","last_user_text"]}`...), nil
	}, 0, 0)
}

//go:wasmexport penstock_route_flat
func route(ptr, n uint32) uint64 {
	return penstock.Call(func(out, in []byte) ([]byte, error) {
		r, ok := penstock.ReadRoute(in)
		if !ok {
			return nil, penstock.Reject(500, "the header does not fit")
		}
		return rank(out, in, r.Len), nil
	}, ptr, n)
}
