package catalog

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// maxNear bounds how many names Near returns, maxName how long a name in bytes may
	// be to be compared at all.
	maxNear, maxName = 3, 128
	// alike is the least likeness of names that are worth showing.
	alike = 0.4
)

// Near lists at most three models, as "provider/model", whose names are like the given
// one, the likest first; it is for error messages. A name that begins with a known
// provider is compared with that provider's models, any other with all models.
//
// Likeness is counted in groups of three letters, not in typing mistakes: names of
// models differ by whole parts that are missing, added or written another way
// ("claude-sonnet-4.5"), which would be many mistakes.
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

// Closest lists at most three of the names that are like the given one, the likest
// first, as Near counts likeness. When the name has no provider, those of the others
// do not count.
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
		if score := likeness(want, compared); score >= alike {
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

// likeness is twice the number of common groups by the number of all (Dice's
// coefficient): 1 for equal names, 0 for names with nothing in common.
func likeness(want map[[3]byte]bool, model string) float64 {
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

// pad appends s so that beginnings and ends count, and separators and capitals not:
// GPT5 is gpt-5.
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
