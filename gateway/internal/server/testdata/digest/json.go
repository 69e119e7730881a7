//go:build wasip1 && !flat

package main

import penstock "github.com/penstock/penstock/sdk/go"

//go:wasmexport penstock_route
func route(ptr, n uint32) uint64 {
	return penstock.Call(func(out, in []byte) ([]byte, error) {
		candidates := 0
		for range penstock.JSON(in).Member("candidates").Items {
			candidates++
		}
		return penstock.RankingJSON(rank(out, in, candidates), "digest"), nil
	}, ptr, n)
}
