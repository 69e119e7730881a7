package llm

import "strings"

// MatchName reports whether a name fits a pattern in which every "*" stands for any
// text, slashes included.
func MatchName(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	for ok {
		var middle string
		middle, rest, star = strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, middle)
		}
		_, name, ok = strings.Cut(name, middle)
	}
	return false
}
