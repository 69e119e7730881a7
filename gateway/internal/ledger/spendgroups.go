package ledger

import (
	"cmp"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxGroups bounds the groups that are held in memory for one report.
const maxGroups = 200_000

// groups are the rows of a report in the making. Quarters of an hour are joined to hours,
// days, weeks and months here: SQLite knows no time zones.
type groups struct {
	q     Query
	of    map[string]*Row
	total Sums
}

func newGroups(q Query) *groups {
	if q.Zone == nil {
		q.Zone = time.UTC
	}
	if q.Limit <= 0 {
		q.Limit = 10_000
	}
	return &groups{q: q, of: map[string]*Row{}}
}

// scan adds a row of the plan's statement.
func (g *groups) scan(rows *sql.Rows, p plan) error {
	values, n, err := scanRow(rows, len(p.columns), p.timed)
	if err != nil {
		return fmt.Errorf("query spend: %w", err)
	}
	at := time.Unix(n.quarter*900, 0).In(g.q.Zone)
	if n.sums.Requests == 0 || !g.wanted(at) {
		return nil
	}
	row := Row{By: g.q.By, Values: make([]string, len(g.q.By)), Sums: n.sums}
	for i, d := range g.q.By {
		if step := llm.Step(d); step.Known() {
			row.Values[i] = step.Label(at)
		} else if at := slices.Index(p.columns, d); at >= 0 {
			row.Values[i] = values[at]
		}
	}
	if p.tag == "" || p.untagged || g.q.Where[p.tag] != "" {
		g.total.add(row.Sums)
		return g.add(row)
	}
	return g.addTagged(row, p.tag)
}

// addTagged adds requests that have a tag, and takes them off those that lack it, among which all
// requests are counted. A tag without a value is as none.
func (g *groups) addTagged(row Row, tag string) error {
	rest := Row{By: row.By, Values: slices.Clone(row.Values), Sums: row.Sums.negated()}
	if i := slices.Index(row.By, tag); i >= 0 {
		rest.Values[i] = ""
	}
	if _, only := g.q.Where[tag]; only { // those that lack it
		g.total.add(rest.Sums)
		return g.add(rest)
	}
	if err := g.add(row); err != nil {
		return err
	}
	return g.add(rest)
}

// wanted reports whether the query's conditions on time hold.
func (g *groups) wanted(at time.Time) bool {
	for d, want := range g.q.Where {
		if step := llm.Step(d); step.Known() && step.Label(at) != want {
			return false
		}
	}
	return true
}

func (g *groups) add(row Row) error {
	key := strings.Join(row.Values, "\x00")
	if have := g.of[key]; have != nil {
		have.Sums.add(row.Sums)
		return nil
	}
	if len(g.of) == maxGroups {
		return badQuery(fmt.Sprintf("There are more than %d groups; group by less, or choose a shorter time.", maxGroups))
	}
	g.of[key] = &row
	return nil
}

// report returns the rows, the dearest first.
func (g *groups) report() Report {
	r := Report{Rows: make([]Row, 0, len(g.of)), Total: g.total}
	for _, row := range g.of {
		if row.Requests > 0 {
			r.Rows = append(r.Rows, *row)
		}
	}
	slices.SortFunc(r.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(b.Requests, a.Requests), slices.Compare(a.Values, b.Values))
	})
	r.Rows = r.Rows[:min(len(r.Rows), g.q.Limit)]
	return r
}

// scanned are the numbers of one row.
type scanned struct {
	sums    Sums
	quarter int64
}

// scanRow reads the values of the columns, the quarter of an hour if the statement has one, and
// the sums.
func scanRow(rows *sql.Rows, columns int, timed bool) (values []string, n scanned, err error) {
	values = make([]string, columns)
	var into []any
	for i := range values {
		into = append(into, &values[i])
	}
	if timed {
		into = append(into, &n.quarter)
	}
	s := &n.sums
	var in, out, cost, estimated, saved, prompt halves
	into = append(into, &s.Requests, &s.Errors, &in.high, &in.low, &out.high, &out.low, &cost.high, &cost.low,
		&s.UnpricedRequests, &s.EstimatedRequests, &estimated.high, &estimated.low, &s.CacheHits, &saved.high, &saved.low, &prompt.high, &prompt.low)
	if err := rows.Scan(into...); err != nil {
		return nil, n, err
	}
	s.InputTokens, s.OutputTokens = in.sum(), out.sum()
	s.Cost, s.EstimatedCost = llm.NanoUSD(cost.sum()), llm.NanoUSD(estimated.sum())
	s.Saved, s.PromptSaved = llm.NanoUSD(saved.sum()), llm.NanoUSD(prompt.sum())
	return values, n, nil
}

// halves are the sums of the upper and the lower 32 bits of numbers.
type halves struct{ high, low int64 }

// sum combines them, and returns the largest int64 for what exceeds it.
func (h halves) sum() int64 {
	high := llm.Add(h.high, h.low>>32)
	if high > math.MaxInt32 {
		return math.MaxInt64
	}
	return high<<32 | h.low&math.MaxUint32
}
