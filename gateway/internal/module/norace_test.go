//go:build !race

package module

const underRace = false
