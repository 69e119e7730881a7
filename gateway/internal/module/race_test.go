//go:build race

package module

// underRace: the race detector makes sync.Pool forget at random.
const underRace = true
