package ledger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// hourKey is what the requests of one row of the table hourly have in common.
type hourKey struct {
	hour                                                  int64
	model, route, target, provider, key, team, user, tags string
	status                                                int64
	cache                                                 string
}

// hourSums are what they add up to.
type hourSums struct {
	requests, errors, input, output, cost, unpriced, estimated, estimatedCost, saved, promptSaved int64
}

// microsPerHour is how many microseconds an hour has.
const microsPerHour = 3_600_000_000

// hourly sums up the requests of one transaction.
type hourly map[hourKey]*hourSums

// add adds a request. Its texts are those of the row, which must not change before clear.
func (h hourly) add(r *row) {
	k := hourKey{r.arrived / microsPerHour, r.model, r.route, r.target, r.provider, r.key, r.team, r.user, r.tags, r.status, r.cache}
	s := h[k]
	if s == nil {
		s = new(hourSums)
		h[k] = s
	}
	s.requests++
	if r.status >= 400 || r.code != "" {
		s.errors++
	}
	s.input, s.output = llm.Add(s.input, r.input), llm.Add(s.output, r.output)
	if r.unpriced {
		s.unpriced++
	} else {
		s.cost = llm.Add(s.cost, r.cost)
	}
	if r.estimated {
		s.estimated++
		if !r.unpriced {
			s.estimatedCost = llm.Add(s.estimatedCost, r.cost)
		}
	}
	s.saved, s.promptSaved = llm.Add(s.saved, r.saved), llm.Add(s.promptSaved, r.promptSaved)
}

// add adds sums to sums.
func (s *hourSums) add(o *hourSums) {
	s.requests += o.requests
	s.errors += o.errors
	s.input, s.output = llm.Add(s.input, o.input), llm.Add(s.output, o.output)
	s.cost, s.estimatedCost = llm.Add(s.cost, o.cost), llm.Add(s.estimatedCost, o.estimatedCost)
	s.unpriced += o.unpriced
	s.estimated += o.estimated
	s.saved, s.promptSaved = llm.Add(s.saved, o.saved), llm.Add(s.promptSaved, o.promptSaved)
}

var (
	hourKeyColumns = []string{"hour", "model", "route", "target", "provider", "key_id", "team", "user_name", "status", "cache", "tags"}
	hourSumColumns = []string{"requests", "errors", "input_tokens", "output_tokens", "cost", "unpriced_requests", "estimated_requests", "estimated_cost", "saved", "prompt_saved"}
)

// addHourText is the statement that adds sums to a row of a table. Sums beyond 64 bits stay at the
// largest number, as in llm.Add.
func addHourText(table string, keys, columns []string) string {
	var sets []string
	for _, c := range columns {
		sets = append(sets, fmt.Sprintf("%s = CASE WHEN %[1]s > 9223372036854775807 - excluded.%[1]s THEN 9223372036854775807 ELSE %[1]s + excluded.%[1]s END", c))
	}
	names := slices.Concat(keys, columns)
	return "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(names)-1) + ") ON CONFLICT DO UPDATE SET " + strings.Join(sets, ", ")
}

// saveHourly adds the sums of the transaction to the tables.
func (s *session) saveHourly() error {
	clear(s.hourlyBy)
	for k, n := range s.hourly {
		err := s.exec(addHour, k.hour, k.model, k.route, k.target, k.provider, k.key, k.team, k.user, k.status, k.cache, k.tags,
			n.requests, n.errors, n.input, n.output, n.cost, n.unpriced, n.estimated, n.estimatedCost, n.saved, n.promptSaved)
		if err != nil {
			return fmt.Errorf("add to the sums of the hour: %w", err)
		}
		s.hourlyBy.add(&k, n)
	}
	for k, n := range s.hourlyBy {
		err := s.exec(addHourBy, k.dimension, k.hour, k.value,
			n.requests, n.errors, n.input, n.output, n.cost, n.unpriced, n.estimated, n.estimatedCost, n.saved, n.promptSaved, n.hits)
		if err != nil {
			return fmt.Errorf("add to the sums of the hour by %s: %w", k.dimension, err)
		}
	}
	return nil
}
