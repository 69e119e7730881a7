//go:build wasip1

// Command digest is a router for tests, whose scores depend on every bit of its input. Built
// with the tag flat it has the flat form of the hook and reads all texts, else the JSON form.
package main

import penstock "github.com/penstock/penstock/sdk/go"

func main() {}

// hash is FNV-1a, 32 bits.
func hash(in []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range in {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// rank gives n candidates scores that depend on the input.
func rank(out, in []byte, n int) []byte {
	h := hash(in)
	for k := range n {
		h = h*1664525 + 1013904223
		out = penstock.InsertRank(out, uint32(k), 0, float64(h)/3)
	}
	return out
}
