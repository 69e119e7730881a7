package ledger

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// plan is the statement of a query.
type plan struct {
	text string
	args []any
	// columns are the dimensions that the statement groups by, besides the quarter of an hour,
	// which it has if timed.
	columns []string
	timed   bool
	// plain says that the numbers are those of a row, not halves of sums.
	plain bool
	// tag is the tag whose sums of hours the statement reads. Requests without it are in none of
	// them: they are what is left of all requests, which the statement reads if untagged.
	tag      string
	untagged bool
}

// plans builds the statements whose rows together answer the query.
func (q Query) plans(now time.Time) ([]plan, error) {
	p, err := q.plan(now)
	if err != nil || p.tag == "" || q.Where[p.tag] != "" {
		return []plan{p}, err
	}
	all := q
	all.By = slices.DeleteFunc(slices.Clone(q.By), func(d string) bool { return d == p.tag })
	all.Where = maps.Clone(q.Where)
	delete(all.Where, p.tag)
	rest, err := all.plan(now)
	rest.tag, rest.untagged = p.tag, true
	return []plan{p, rest}, err
}

// plan builds the statement. No text of a caller becomes part of it: dimensions are looked up,
// everything else is bound.
func (q Query) plan(now time.Time) (plan, error) {
	if len(q.By) > maxDimensions || len(q.Where) > maxDimensions {
		return plan{}, badQuery(fmt.Sprintf("At most %d dimensions can be used at once.", maxDimensions))
	}
	var p plan
	for i, d := range q.By {
		if slices.Contains(q.By[:i], d) {
			return plan{}, badQuery(fmt.Sprintf("Spend is grouped by %s twice.", llm.Quote(d)))
		}
		if llm.Step(d).Known() {
			p.timed = true
		} else {
			p.columns = append(p.columns, d)
		}
	}
	for d := range q.Where {
		p.timed = p.timed || llm.Step(d).Known()
	}
	from := q.table(now)
	if isTag(from.dimension) {
		p.tag = from.dimension
	}
	b := statement{table: from}
	for _, d := range p.columns {
		if err := b.dimension(d); err != nil {
			return plan{}, err
		}
		b.WriteString(", ")
	}
	if p.timed {
		b.WriteString(from.quarter + ", ")
	}
	sums, grouped := from.sums, len(p.columns) > 0 || p.timed
	if from.rows != "" && p.timed {
		sums, grouped, p.plain = from.rows, false, true // there is one row for an hour and a value
	}
	b.WriteString(sums + " FROM " + from.name + " WHERE true")
	from.between(&b, q.Since, q.Until)
	if err := b.where(q.Where); err != nil {
		return plan{}, err
	}
	if grouped {
		b.WriteString(" GROUP BY " + ordinals(len(p.columns), p.timed))
	}
	p.text, p.args = "SELECT "+b.String(), b.args
	return p, nil
}

// ordinals are the numbers of the columns that are grouped by; they count from 1.
func ordinals(columns int, timed bool) string {
	if timed {
		columns++
	}
	var list []string
	for i := range columns {
		list = append(list, fmt.Sprint(i+1))
	}
	return strings.Join(list, ", ")
}

// table is where sums come from: the requests themselves, or the sums of hours.
type table struct {
	name string
	// sums are the columns that a rowScanner reads after the dimensions, quarter is the number of
	// quarters of an hour since the Unix epoch.
	sums, quarter string
	// rows are the numbers themselves, where a row has all requests of an hour and a value; empty
	// elsewhere.
	rows       string
	dimensions map[string]string
	// dimension is the only one that the table has; empty for one with several or none.
	dimension string
	between   func(b *statement, since, until time.Time)
}

// table returns the sums of hours if they have all that the query asks for.
func (q Query) table(now time.Time) table {
	hours := hoursTable()
	for _, d := range slices.Concat(q.By, slices.Collect(maps.Keys(q.Where))) {
		if !llm.Step(d).Known() && hours.dimensions[d] == "" && !isTag(d) {
			return requestsTable()
		}
	}
	for _, at := range []time.Time{q.Since, q.Until} {
		if !at.IsZero() && at.UnixMicro()%microsPerHour != 0 && at.Before(now) {
			return requestsTable()
		}
	}
	if q.Zone != nil && !(wholeHours(q.Zone, q.Since) && wholeHours(q.Zone, now)) {
		return requestsTable()
	}
	if by, ok := q.dimensionTable(); ok {
		return by
	}
	return hours
}

// wholeHours reports whether a zone's clock differs from UTC by whole hours at a time, if there is
// one.
func wholeHours(zone *time.Location, at time.Time) bool {
	_, offset := at.In(zone).Zone()
	return at.IsZero() || offset%3600 == 0
}

// SQLite fails on a sum beyond 64 bits, so the upper and lower halves of large numbers are
// summed separately.
func halvesOf(column string) string {
	return fmt.Sprintf("ifnull(sum(%s >> 32), 0), ifnull(sum(%[1]s & 4294967295), 0)", column)
}

const cacheHit = "ifnull(cache, '') IN ('hit', 'coalesced', 'similar')"

func requestsTable() table {
	return table{
		name: "requests",
		sums: "count(*), ifnull(sum(status >= 400 OR code IS NOT NULL), 0), " + halvesOf("input_tokens") + ", " + halvesOf("output_tokens") + ", " + halvesOf("cost") +
			", count(*) - count(cost), ifnull(sum(estimated), 0), " + halvesOf("CASE WHEN estimated THEN cost END") + ", ifnull(sum(" + cacheHit + "), 0), " + halvesOf("saved") + ", " + halvesOf("prompt_saved"),
		quarter:    "arrived / 900000000",
		dimensions: requestDimensions(),
		between:    (*statement).between,
	}
}

func hoursTable() table {
	dimensions := requestDimensions()
	delete(dimensions, "session")
	return table{
		name: "hourly",
		sums: "ifnull(sum(requests), 0), ifnull(sum(errors), 0), " + halvesOf("input_tokens") + ", " + halvesOf("output_tokens") + ", " + halvesOf("cost") +
			", ifnull(sum(unpriced_requests), 0), ifnull(sum(estimated_requests), 0), " + halvesOf("estimated_cost") + ", ifnull(sum(CASE WHEN " + cacheHit + " THEN requests END), 0), " + halvesOf("saved") + ", " + halvesOf("prompt_saved"),
		quarter:    "hour * 4",
		dimensions: dimensions,
		between:    (*statement).betweenHours,
	}
}

// hoursByTable are the sums by one dimension; by none with an empty name.
func hoursByTable(dimension string) table {
	t := hoursTable()
	t.name, t.dimension, t.dimensions = "hourly_by", dimension, map[string]string{dimension: "value"}
	t.sums = strings.Replace(t.sums, "CASE WHEN "+cacheHit+" THEN requests END", "hits", 1)
	t.rows = "requests, errors, input_tokens, output_tokens, cost, unpriced_requests, estimated_requests, estimated_cost, hits, saved, prompt_saved"
	t.between = func(b *statement, since, until time.Time) {
		b.bind(" AND dimension = ?", dimension)
		b.betweenHours(since, until)
	}
	return t
}

// requestDimensions are the expressions of the dimensions besides time and tags.
func requestDimensions() map[string]string {
	return map[string]string{
		"model": "ifnull(model, '')", "target": "ifnull(target, '')", "provider": "ifnull(provider, '')",
		"team": "ifnull(team, '')", "key": "ifnull(key_id, '')", "user": "ifnull(user_name, '')", "route": "ifnull(route, '')",
		"session": "ifnull(session, '')", "cache": "ifnull(cache, '')", "status": "cast(status AS TEXT)",
	}
}

// statement is SQL with its arguments.
type statement struct {
	strings.Builder
	table table
	args  []any
}

func (b *statement) bind(text string, arg any) {
	b.WriteString(text)
	b.args = append(b.args, arg)
}

// between bounds the time of arrival. A record is written after its request has arrived,
// so that the search can begin at a seq; the hour is for clocks that were set back.
func (b *statement) between(since, until time.Time) {
	if !since.IsZero() {
		b.bind(" AND seq >= ?", since.Add(-time.Hour).UnixMicro())
		b.bind(" AND arrived >= ?", since.UnixMicro())
	}
	if !until.IsZero() {
		b.bind(" AND arrived < ?", until.UnixMicro())
	}
}

// betweenHours bounds the hour of arrival.
func (b *statement) betweenHours(since, until time.Time) {
	if !since.IsZero() {
		b.bind(" AND hour >= ?", since.Unix()/3600)
	}
	if !until.IsZero() {
		b.bind(" AND hour < ?", (until.Unix()+3599)/3600)
	}
}

// where keeps only rows whose dimensions have these values; those of time, and of
// a tag that a request must not have, are left to the reader.
func (b *statement) where(values map[string]string) error {
	for _, d := range slices.Sorted(maps.Keys(values)) {
		if llm.Step(d).Known() || values[d] == "" && isTag(d) && d == b.table.dimension {
			continue
		}
		b.WriteString(" AND ")
		if err := b.dimension(d); err != nil {
			return err
		}
		b.bind(" = ?", values[d])
	}
	return nil
}

func isTag(dimension string) bool {
	name, ok := strings.CutPrefix(dimension, "tag:")
	return ok && name != ""
}

// dimension writes the expression for a dimension's value.
func (b *statement) dimension(name string) error {
	if isTag(name) && name != b.table.dimension {
		b.bind("ifnull((SELECT value FROM json_each(nullif(tags, '')) WHERE key = ?), '')", strings.TrimPrefix(name, "tag:"))
		return nil
	}
	expr, ok := b.table.dimensions[name]
	if !ok || name == "" {
		return badQuery(fmt.Sprintf("Spend cannot be grouped by %s; use model, target, provider, team, key, user, session, route, status, cache, hour, day, week, month or tag:NAME.", llm.Quote(name)))
	}
	b.WriteString(expr)
	return nil
}

func badQuery(message string) *llm.Error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Message: message}
}
