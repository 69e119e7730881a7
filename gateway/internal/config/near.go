package config

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean is a hint at the name nearest to what was written, or the list of names
// when none is near; empty when there are no names.
func didYouMean(written string, names []string) string {
	if near := Nearest(written, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return "there is: " + strings.Join(sorted, ", ")
}

// Nearest is the name with the fewest typing mistakes away from what was written, the
// alphabetically first among equals; empty when that is more than a third of it.
func Nearest(written string, names []string) string {
	best, fewest := "", max(1, min(len(written)/3, 4))+1
	for _, name := range names {
		d := distance(strings.ToLower(written), strings.ToLower(name))
		if d < fewest || d == fewest && best != "" && name < best {
			best, fewest = name, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with their neighbour to
// turn a into b (Damerau's edit distance, restricted form). Texts beyond 64 bytes
// are taken to be far from everything else.
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
