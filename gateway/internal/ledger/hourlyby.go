package ledger

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// dimensionKey is what the requests of one row of the table hourly_by have in common.
type dimensionKey struct {
	dimension string
	hour      int64
	value     string
}

// dimensionSums are what they add up to; hits are those that no target was asked for.
type dimensionSums struct {
	hourSums
	hits int64
}

// hourlyBy sums up the requests of one transaction by one dimension alone.
type hourlyBy map[dimensionKey]*dimensionSums

var (
	hourByKeyColumns = []string{"dimension", "hour", "value"}
	hourBySumColumns = append(slices.Clone(hourSumColumns), "hits")
)

// add adds the sums of requests that are alike in all dimensions.
func (h hourlyBy) add(k *hourKey, n *hourSums) {
	var hits int64
	if llm.CacheState(k.cache).Saves() {
		hits = n.requests
	}
	for _, d := range [...][2]string{{"", ""}, {"model", k.model}, {"route", k.route}, {"target", k.target}, {"provider", k.provider}, {"key", k.key},
		{"team", k.team}, {"user", k.user}, {"status", strconv.FormatInt(k.status, 10)}, {"cache", k.cache}} {
		h.addTo(dimensionKey{d[0], k.hour, d[1]}, n, hits)
	}
	if k.tags == "" {
		return
	}
	var tags map[string]string
	if json.Unmarshal([]byte(k.tags), &tags) != nil {
		return // what appendTags has written always parses
	}
	for name, value := range tags {
		h.addTo(dimensionKey{"tag:" + name, k.hour, value}, n, hits)
	}
}

func (h hourlyBy) addTo(k dimensionKey, n *hourSums, hits int64) {
	s := h[k]
	if s == nil {
		s = new(dimensionSums)
		h[k] = s
	}
	s.hourSums.add(n)
	s.hits += hits
}

// dimensionTable returns the sums by the one dimension that a query needs, if it needs no other.
func (q Query) dimensionTable() (table, bool) {
	dimension := ""
	names := map[string]bool{}
	for _, d := range q.By {
		names[d] = true
	}
	for d := range q.Where {
		names[d] = true
	}
	for d := range names {
		switch {
		case llm.Step(d).Known():
		case dimension != "":
			return table{}, false
		default:
			dimension = d
		}
	}
	return hoursByTable(dimension), true
}
