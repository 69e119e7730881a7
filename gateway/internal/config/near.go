package config

import (
	"fmt"
	"slices"
	"strings"
)

// DidYouMean returns a hint with the name nearest to what was written, or else with all
// names; empty when there are none, or more than 32.
func DidYouMean(written string, names []string) string {
	if near := nearest(written, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(names) == 0 || len(names) > 32 {
		return ""
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return "choose one of: " + strings.Join(sorted, ", ")
}

// nearest returns the name with the smallest edit distance to what was written, the
// alphabetically first among equals; empty when that is more than a third of its length.
func nearest(written string, names []string) string {
	best, fewest := "", max(1, min(len(written)/3, 4))+1
	for _, name := range names {
		d := distance(strings.ToLower(written), strings.ToLower(name))
		if d < fewest || d == fewest && best != "" && name < best {
			best, fewest = name, d
		}
	}
	return best
}

// distance returns how many letters to insert, delete, change or swap with their neighbor
// to turn a into b: the restricted Damerau-Levenshtein distance. Texts of more than 64
// bytes are far from everything.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
