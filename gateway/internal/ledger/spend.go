package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Query selects records and how to sum them.
type Query struct {
	// By are the dimensions to group by, in order: model, target, provider, team, key,
	// user, route, status, day, hour (both UTC), or tag:NAME. Empty means one sum.
	By []string
	// Since and Until bound the time of arrival, Until excluded; zero means no bound.
	Since, Until time.Time
	// Where keeps only records whose dimensions have these values.
	Where map[string]string
	// Limit bounds the rows; those with the highest cost are returned. Zero means 10,000.
	Limit int
}

// Sums are the sums of what requests used and cost.
type Sums struct {
	Requests, Errors          int64
	InputTokens, OutputTokens int64
	// Cost is the known cost: that of UnpricedRequests is unknown and not in it.
	Cost             llm.NanoUSD
	UnpricedRequests int64
	CacheHits        int64
	// Saved is what cache hits would have cost, PromptSaved what the providers' prompt caches
	// have saved, less what writing to them cost.
	Saved, PromptSaved llm.NanoUSD
}

// Row is one group's sums, with its values of the dimensions. A value is empty for requests
// without one, such as those of a key without a team.
type Row struct {
	By, Values []string
	Sums
}

// Report is the result of a Query.
type Report struct {
	Rows []Row `json:"rows"`
	// Total is the sum of all groups, also of those beyond the limit.
	Total Sums `json:"total"`
}

// maxDimensions bounds the dimensions of a query, in By and in Where each.
const maxDimensions = 8

// Spend sums the records that a query selects. An unknown dimension is an
// *llm.Error with status 400.
func (r *Reader) Spend(ctx context.Context, q Query) (Report, error) {
	text, args, err := q.sql()
	if err != nil {
		return Report{}, err
	}
	if err := r.catchUp(ctx); err != nil {
		return Report{}, err
	}
	rows, err := r.db.QueryContext(ctx, text, args...)
	if err != nil {
		return Report{}, fmt.Errorf("query spend: %w", err)
	}
	defer rows.Close()
	most := q.Limit
	if most <= 0 {
		most = 10_000
	}
	report := Report{Rows: []Row{}}
	for rows.Next() {
		row, err := scanRow(rows, q.By)
		if err != nil {
			return Report{}, fmt.Errorf("query spend: %w", err)
		}
		report.Total.add(row.Sums)
		if row.Requests > 0 && len(report.Rows) < most {
			report.Rows = append(report.Rows, row)
		}
	}
	if err := rows.Err(); err != nil {
		return Report{}, fmt.Errorf("query spend: %w", err)
	}
	return report, nil
}

func scanRow(rows *sql.Rows, by []string) (Row, error) {
	r := Row{By: by, Values: make([]string, len(by))}
	var into []any
	for i := range r.Values {
		into = append(into, &r.Values[i])
	}
	s := &r.Sums
	var in, out, cost, saved, prompt halves
	into = append(into, &s.Requests, &s.Errors, &in.high, &in.low, &out.high, &out.low, &cost.high, &cost.low,
		&s.UnpricedRequests, &s.CacheHits, &saved.high, &saved.low, &prompt.high, &prompt.low)
	if err := rows.Scan(into...); err != nil {
		return r, err
	}
	s.InputTokens, s.OutputTokens = in.sum(), out.sum()
	s.Cost, s.Saved, s.PromptSaved = llm.NanoUSD(cost.sum()), llm.NanoUSD(saved.sum()), llm.NanoUSD(prompt.sum())
	return r, nil
}

// sums are the columns that scanRow reads after the dimensions. SQLite fails on a sum
// beyond 64 bits, so the upper and lower halves of large numbers are summed separately.
const sums = `count(*), ifnull(sum(status >= 400 OR code IS NOT NULL), 0),
	ifnull(sum(input_tokens >> 32), 0), ifnull(sum(input_tokens & 4294967295), 0),
	ifnull(sum(output_tokens >> 32), 0), ifnull(sum(output_tokens & 4294967295), 0),
	ifnull(sum(cost >> 32), 0), ifnull(sum(cost & 4294967295), 0), count(*) - count(cost), ifnull(sum(cache in ('hit', 'coalesced', 'similar')), 0),
	ifnull(sum(saved >> 32), 0), ifnull(sum(saved & 4294967295), 0),
	ifnull(sum(prompt_saved >> 32), 0), ifnull(sum(prompt_saved & 4294967295), 0)`

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

// sql builds the statement. No text of a caller becomes part of it: dimensions are looked
// up, everything else is bound.
func (q Query) sql() (string, []any, error) {
	if len(q.By) > maxDimensions || len(q.Where) > maxDimensions {
		return "", nil, badQuery(fmt.Sprintf("At most %d dimensions can be used at once.", maxDimensions))
	}
	var b statement
	for i, d := range q.By {
		if slices.Contains(q.By[:i], d) {
			return "", nil, badQuery(fmt.Sprintf("Spend is grouped by %s twice.", llm.Quote(d)))
		}
		if err := b.dimension(d); err != nil {
			return "", nil, err
		}
		b.WriteString(", ")
	}
	b.WriteString(sums + " FROM requests WHERE true")
	b.between(q.Since, q.Until)
	if err := b.where(q.Where); err != nil {
		return "", nil, err
	}
	if len(q.By) > 0 {
		b.WriteString(" GROUP BY " + ordinals(1, len(q.By))) // result columns count from 1
	}
	fmt.Fprintf(&b, " ORDER BY total(cost) DESC, %d DESC, %s", len(q.By)+1, ordinals(1, max(len(q.By), 1)))
	return "SELECT " + b.String(), b.args, nil
}

// statement is SQL with its arguments.
type statement struct {
	strings.Builder
	args []any
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

// where keeps only rows whose dimensions have these values.
func (b *statement) where(values map[string]string) error {
	for _, d := range slices.Sorted(maps.Keys(values)) {
		b.WriteString(" AND ")
		if err := b.dimension(d); err != nil {
			return err
		}
		b.bind(" = ?", values[d])
	}
	return nil
}

// dimension writes the expression for a dimension's value.
func (b *statement) dimension(name string) error {
	if tag, ok := strings.CutPrefix(name, "tag:"); ok && tag != "" {
		b.bind("ifnull((SELECT value FROM json_each(tags) WHERE key = ?), '')", tag)
		return nil
	}
	expr, ok := dimensions()[name]
	if !ok {
		return badQuery(fmt.Sprintf("Spend cannot be grouped by %s; use model, target, provider, team, key, user, route, status, day, hour or tag:NAME.", llm.Quote(name)))
	}
	b.WriteString(expr)
	return nil
}

func dimensions() map[string]string {
	return map[string]string{
		"model": "ifnull(model, '')", "target": "ifnull(target, '')", "provider": "ifnull(provider, '')",
		"team": "ifnull(team, '')", "key": "ifnull(key_id, '')", "user": "ifnull(user_name, '')", "route": "ifnull(route, '')",
		"status": "cast(status AS TEXT)",
		"day":    "strftime('%Y-%m-%d', arrived / 1000000, 'unixepoch')",
		"hour":   "strftime('%Y-%m-%dT%H:00Z', arrived / 1000000, 'unixepoch')",
	}
}

func badQuery(message string) *llm.Error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Message: message}
}

func ordinals(from, to int) string {
	var list []string
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return strings.Join(list, ", ")
}

func (s *Sums) add(o Sums) {
	s.Requests += o.Requests
	s.Errors += o.Errors
	s.InputTokens = llm.Add(s.InputTokens, o.InputTokens)
	s.OutputTokens = llm.Add(s.OutputTokens, o.OutputTokens)
	s.Cost = llm.Add(s.Cost, o.Cost)
	s.UnpricedRequests += o.UnpricedRequests
	s.CacheHits += o.CacheHits
	s.Saved = llm.Add(s.Saved, o.Saved)
	s.PromptSaved = llm.Add(s.PromptSaved, o.PromptSaved)
}

// sumsJSON is the JSON form of Sums. Money is a decimal number of US dollars with all its
// digits.
type sumsJSON struct {
	Requests         int64       `json:"requests"`
	Errors           int64       `json:"errors"`
	InputTokens      int64       `json:"input_tokens"`
	OutputTokens     int64       `json:"output_tokens"`
	Cost             json.Number `json:"cost_usd"`
	UnpricedRequests int64       `json:"unpriced_requests"`
	CacheHits        int64       `json:"cache_hits"`
	Saved            json.Number `json:"saved_usd"`
	PromptSaved      json.Number `json:"prompt_cache_saved_usd"`
}

// MarshalJSON writes the sums as one object.
func (s Sums) MarshalJSON() ([]byte, error) {
	return json.Marshal(sumsJSON{s.Requests, s.Errors, s.InputTokens, s.OutputTokens, json.Number(s.Cost.Decimal()),
		s.UnpricedRequests, s.CacheHits, json.Number(s.Saved.Decimal()), json.Number(s.PromptSaved.Decimal())})
}

// MarshalJSON writes the dimensions by their names, such as "model" or
// "tag:usecase", followed by the sums.
func (r Row) MarshalJSON() ([]byte, error) {
	sums, err := r.Sums.MarshalJSON()
	if err != nil {
		return nil, err
	}
	b := []byte{'{'}
	for i, name := range r.By {
		b = append(jsontext.AppendQuote(b, name), ':')
		b = append(jsontext.AppendQuote(b, r.Values[i]), ',')
	}
	return append(b, sums[1:]...), nil
}
