//go:build race

package policy_test

// raceEnabled turns off counting of allocations: the race detector makes its own.
const raceEnabled = true
