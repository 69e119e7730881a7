package catalog

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// maxNear bounds how many names Near returns, maxName the length in bytes of names that
	// are compared.
	maxNear, maxName = 3, 128
	// minSimilarity is the least similarity of names that are worth suggesting.
	minSimilarity = 0.4
)

// Near lists at most three models, as "provider/model", with names similar to the given
// one, the most similar first, for error messages. A name that begins with a known
// provider is compared with that provider's models, any other with all models.
//
// Similarity counts common trigrams rather than edits: models' names differ by whole parts
// that are missing, added or written another way ("claude-sonnet-4.5"), which are many
// edits.
func (c *Catalog) Near(name string) []string {
	var all []string
	provider, _, _ := strings.Cut(name, "/")
	for p, models := range c.names {
		if c.names[provider] != nil && p != provider {
			continue
		}
		for _, model := range models {
			all = append(all, p+"/"+model)
		}
	}
	return Closest(name, all)
}

// Closest lists at most three of the names that are similar to the given one, as Near
// does. If name has no provider, the providers of the others are ignored.
func Closest(name string, among []string) []string {
	if len(name) > maxName {
		return nil
	}
	type match struct {
		name  string
		score float64
	}
	var found []match
	_, _, whole := strings.Cut(name, "/")
	want := trigrams(name)
	for _, other := range among {
		compared := other
		if !whole {
			compared = other[strings.Index(other, "/")+1:]
		}
		if score := similarity(want, compared); score >= minSimilarity {
			found = append(found, match{other, score})
		}
	}
	slices.SortFunc(found, func(a, b match) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, m := range found[:min(len(found), maxNear)] {
		names = append(names, m.name)
	}
	return names
}

// similarity is the Dice coefficient of two names' trigrams, twice the common ones divided
// by all: 1 for equal names, 0 for names with none in common.
func similarity(want map[[3]byte]bool, model string) float64 {
	var room [maxName + 3]byte
	padded := pad(room[:0], model)
	common, all := 0, len(padded)-2
	for i := range all {
		if want[[3]byte(padded[i:i+3])] {
			common++
		}
	}
	return 2 * float64(common) / float64(len(want)+all)
}

func trigrams(s string) map[[3]byte]bool {
	padded := pad(nil, s)
	set := make(map[[3]byte]bool, len(padded))
	for i := range len(padded) - 2 {
		set[[3]byte(padded[i:i+3])] = true
	}
	return set
}

// pad appends s in lower case without separators, so that GPT5 equals gpt-5, and marks its
// beginning and end.
func pad(dst []byte, s string) []byte {
	dst = append(dst, "--"...)
	for i := range len(s) {
		switch c := s[i]; {
		case strings.IndexByte(".-_: ", c) >= 0:
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '-')
}
