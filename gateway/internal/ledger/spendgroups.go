package ledger

import (
	"cmp"
	"database/sql"
	"fmt"
	"math"
	"slices"
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
	// moments are the quarters of an hour that there were, key is that of the current row.
	moments map[int64]moment
	key     []byte
}

// moment is what a report says of a quarter of an hour.
type moment struct {
	// labels are by the places of the steps in Query.By; empty elsewhere.
	labels []string
	wanted bool
}

func newGroups(q Query) *groups {
	if q.Zone == nil {
		q.Zone = time.UTC
	}
	if q.Limit <= 0 {
		q.Limit = 10_000
	}
	return &groups{q: q, of: map[string]*Row{}, moments: map[int64]moment{}}
}

// scan adds the rows of the plan's statement.
func (g *groups) scan(rows *sql.Rows, p plan) error {
	s := newRowScanner(p)
	row := Row{By: g.q.By, Values: make([]string, len(g.q.By))} // add copies its values
	columns := make([]int, len(g.q.By))
	for i, d := range g.q.By {
		columns[i] = slices.Index(p.columns, d)
	}
	for rows.Next() {
		if err := s.scan(rows); err != nil {
			return err
		}
		m := g.moment(s.quarter)
		if s.sums.Requests == 0 || !m.wanted {
			continue
		}
		for i, at := range columns {
			if row.Values[i] = m.labels[i]; at >= 0 {
				row.Values[i] = s.values[at]
			}
		}
		row.Sums = s.sums
		if err := g.addOf(&row, p); err != nil {
			return err
		}
	}
	return rows.Err()
}

// moment returns what is said of a quarter of an hour.
func (g *groups) moment(quarter int64) moment {
	if m, ok := g.moments[quarter]; ok {
		return m
	}
	at := time.Unix(quarter*900, 0).In(g.q.Zone)
	m := moment{labels: make([]string, len(g.q.By)), wanted: g.wanted(at)}
	for i, d := range g.q.By {
		if step := llm.Step(d); step.Known() {
			m.labels[i] = step.Label(at)
		}
	}
	g.moments[quarter] = m
	return m
}

// addOf adds a row of a plan.
func (g *groups) addOf(row *Row, p plan) error {
	if p.tag == "" || p.untagged || g.q.Where[p.tag] != "" {
		g.total.add(row.Sums)
		return g.add(row)
	}
	return g.addTagged(row, p.tag)
}

// addTagged adds requests that have a tag, and takes them off those that lack it, among which all
// requests are counted. A tag without a value is as none.
func (g *groups) addTagged(row *Row, tag string) error {
	rest := &Row{By: row.By, Values: slices.Clone(row.Values), Sums: row.Sums.negated()}
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

func (g *groups) add(row *Row) error {
	g.key = g.key[:0]
	for _, v := range row.Values {
		g.key = append(append(g.key, v...), 0)
	}
	if have := g.of[string(g.key)]; have != nil {
		have.Sums.add(row.Sums)
		return nil
	}
	if len(g.of) == maxGroups {
		return badQuery(fmt.Sprintf("There are more than %d groups; group by less, or choose a shorter time.", maxGroups))
	}
	g.of[string(g.key)] = &Row{By: row.By, Values: slices.Clone(row.Values), Sums: row.Sums}
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

// rowScanner reads the rows of a statement, one at a time.
type rowScanner struct {
	plain bool
	// values are those of the columns, quarter is the quarter of an hour if the statement has one,
	// and sums are the numbers.
	values  []string
	quarter int64
	sums    Sums

	in, out, cost, estimated, saved, prompt halves
	into                                    []any
}

func newRowScanner(p plan) *rowScanner {
	s := &rowScanner{plain: p.plain, values: make([]string, len(p.columns))}
	for i := range s.values {
		s.into = append(s.into, &s.values[i])
	}
	if p.timed {
		s.into = append(s.into, &s.quarter)
	}
	n := &s.sums
	if s.plain {
		s.into = append(s.into, &n.Requests, &n.Errors, &n.InputTokens, &n.OutputTokens, (*int64)(&n.Cost), &n.UnpricedRequests, &n.EstimatedRequests, (*int64)(&n.EstimatedCost), &n.CacheHits, (*int64)(&n.Saved), (*int64)(&n.PromptSaved))
		return s
	}
	s.into = append(s.into, &n.Requests, &n.Errors, &s.in.high, &s.in.low, &s.out.high, &s.out.low, &s.cost.high, &s.cost.low,
		&n.UnpricedRequests, &n.EstimatedRequests, &s.estimated.high, &s.estimated.low, &n.CacheHits, &s.saved.high, &s.saved.low, &s.prompt.high, &s.prompt.low)
	return s
}

// scan reads the current row.
func (s *rowScanner) scan(rows *sql.Rows) error {
	if err := rows.Scan(s.into...); err != nil || s.plain {
		return err
	}
	n := &s.sums
	n.InputTokens, n.OutputTokens = s.in.sum(), s.out.sum()
	n.Cost, n.EstimatedCost = llm.NanoUSD(s.cost.sum()), llm.NanoUSD(s.estimated.sum())
	n.Saved, n.PromptSaved = llm.NanoUSD(s.saved.sum()), llm.NanoUSD(s.prompt.sum())
	return nil
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
