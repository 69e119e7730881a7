package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Page selects a range of records.
type Page struct {
	// Limit is the most records to return, at most 1,000. Zero means 100.
	Limit int
	// Before and After are ids of records: only older or newer ones are returned.
	Before, After string
	// Where keeps only records whose dimensions, as Query has them, have these values. Outcome
	// keeps those that ended so: ok, cached, error or refused; empty for all.
	Where   map[string]string
	Outcome string
}

// PageOf returns the page that a filter selects.
func PageOf(f llm.RecordFilter) Page {
	p := Page{Before: f.Before, Limit: f.Limit, Outcome: f.Outcome, Where: map[string]string{}}
	for name, value := range map[string]string{"model": f.Model, "target": f.Target, "team": f.Team, "key": f.Key, "user": f.User} {
		if value != "" {
			p.Where[name] = value
		}
	}
	if f.Tag != "" {
		name, value, _ := strings.Cut(f.Tag, "=")
		p.Where["tag:"+name] = value
	}
	return p
}

// maxPage bounds the records held in memory for one answer.
const maxPage = 1000

// List returns records, those written last first.
func (r *Reader) List(ctx context.Context, p Page) ([]*llm.Record, error) {
	if err := r.catchUp(ctx); err != nil {
		return nil, err
	}
	if p.Limit <= 0 {
		p.Limit = 100
	}
	p.Limit = min(p.Limit, maxPage)
	s, err := p.search()
	if err != nil {
		return nil, err
	}
	if s.all, err = r.between(ctx, p.Before, p.After); err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	list, err := r.find(ctx, s, p.Limit)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	return list, nil
}

// search returns what the page searches for, wherever it is.
func (p Page) search() (s search, err error) {
	o, ok := outcomes()[p.Outcome]
	if !ok {
		return s, badQuery(fmt.Sprintf("There is no outcome %s; use ok, cached, error or refused.", llm.Quote(p.Outcome)))
	}
	s.values = p.Where
	s.statement.table = requestsTable()
	s.statement.WriteString("SELECT record FROM requests" + o.index + " WHERE true" + o.condition)
	return s, s.statement.where(p.Where)
}

// between returns the range of the records written after one and before another; an empty id is no
// bound, and there is nothing before or after an unknown record.
func (r *Reader) between(ctx context.Context, before, after string) (s span, err error) {
	if err := r.db.QueryRowContext(ctx, "SELECT ifnull((SELECT min(seq) FROM requests), 1), ifnull((SELECT max(seq) FROM requests), 0)").Scan(&s.from, &s.to); err != nil {
		return s, err
	}
	for id, set := range map[string]func(seq int64){
		before: func(seq int64) { s.to = min(s.to, seq-1) },
		after:  func(seq int64) { s.from = max(s.from, seq+1) },
	} {
		if id == "" {
			continue
		}
		var seq int64
		switch err := r.db.QueryRowContext(ctx, "SELECT seq FROM requests WHERE id = ?", id).Scan(&seq); {
		case errors.Is(err, sql.ErrNoRows):
			return span{from: 1}, nil
		case err != nil:
			return s, err
		}
		set(seq)
	}
	return s, nil
}

// outcome is how requests of an outcome are found: a condition, and the index that has them alone.
type outcome struct{ condition, index string }

// outcomes are those of Page.Outcome. Refused are requests that a policy, a limit or a missing key
// kept from being served. Most requests are ok, so that they need no index.
func outcomes() map[string]outcome {
	const refused, failed, cached = "status IN (401, 403, 429)", "(status >= 400 OR code IS NOT NULL)", cacheHit
	return map[string]outcome{
		"":        {},
		"refused": {" AND " + failed + " AND " + refused, " INDEXED BY requests_failed"},
		"error":   {" AND " + failed + " AND NOT " + refused, " INDEXED BY requests_failed"},
		"cached":  {" AND NOT " + failed + " AND " + cached, " INDEXED BY requests_cached"},
		"ok":      {" AND NOT " + failed + " AND NOT " + cached, ""},
	}
}
