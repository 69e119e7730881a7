package tags

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxDemands bounds the classes, and the regions, that one request may name.
const maxDemands = 32

// Demands reads what a request demands of its targets from the tags data_class and region of
// its metadata, its headers and its key. Each may hold several names, with blanks, commas or
// semicolons between them. A caller can add to what its key demands, and take nothing from it:
// the classes of all of them count, and only regions that each of them allows. The error is
// for a caller who asks for regions that its key does not allow.
func Demands(metadata, headers, key map[string]string) (d llm.Demands, err error) {
	for _, from := range [...]map[string]string{key, headers, metadata} {
		if from[llm.DataClassTag] != "" {
			d.Classes = union(d.Classes, words(from[llm.DataClassTag]))
		}
		if from[llm.RegionTag] == "" {
			continue
		}
		regions := words(from[llm.RegionTag])
		allowed := intersection(d.Regions, regions)
		if len(allowed) == 0 {
			return d, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: llm.RegionTag,
				Message: fmt.Sprintf("tag region: this request must stay in %s, and asks for %s.", cmp.Or(strings.Join(d.Regions, " or "), "a region"), llm.Quote(from[llm.RegionTag]))}
		}
		d.Regions = allowed
	}
	if len(d.Classes) > maxDemands || len(d.Regions) > maxDemands {
		return d, invalid("tags", fmt.Sprintf("a request may name %d classes of data and as many regions", maxDemands))
	}
	return d, nil
}

// words returns the names in a tag's value in lower case, sorted, each once.
func words(value string) []string {
	seen := map[string]bool{}
	for _, word := range strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return strings.ContainsRune(" ,;", r) }) {
		seen[word] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// union returns the words of both, sorted.
func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// intersection returns the words of both; all of b where a says nothing.
func intersection(a, b []string) []string {
	if a == nil {
		return b
	}
	return slices.DeleteFunc(slices.Clone(a), func(word string) bool { return !slices.Contains(b, word) })
}
