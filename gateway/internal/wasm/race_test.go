//go:build race

package wasm

// underRace: the race detector makes sync.Pool forget at random.
const underRace = true
