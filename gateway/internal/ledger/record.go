package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Write stores a record: its row, its charges to the meters and the end of its leases, all
// or nothing. It returns once that has been written to the operating system, so that a
// killed process does not lose it; a machine that loses power may lose the last moments.
// The record may be changed afterwards. One whose id the ledger has already is ignored
// with its charges.
//
// A disk that is full or read-only is an *llm.Error with status 503. The record is kept in
// memory then, where there is room, and stored by Check once the disk can be written; it
// is lost if the process ends before that. When ctx ends first, the record may or may not
// have been written. A dry record is not stored.
func (l *Ledger) Write(ctx context.Context, r *llm.Record) error {
	if r.Dry {
		return nil
	}
	buf := buffers.Get().(*[]byte)
	now := l.now()
	frame, route := l.appendUnseen((*buf)[:0], r, now)
	frame = appendRecordFrame(frame, r, now)
	ends := []leaseChange{{lease: r.ID}, {lease: llm.BesideID(r.ID)}}
	if !r.Hedged() {
		ends = ends[:1]
	}
	err := l.journal.append(ctx, frame, 1, ends...)
	if err == nil {
		l.routeSeen(route, now)
	}
	if err != nil && llm.AsError(err).Code == llm.CodeUnavailable && !errors.Is(err, errClosed) && l.journal.keep(frame, ends) {
		err = fmt.Errorf("the record is kept in memory: %w", err)
	}
	putBuffer(buf, frame)
	return err
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// maxSpareBuffer bounds a pooled buffer, in bytes, so that one enormous record does not
// hold its memory for ever.
const maxSpareBuffer = 64 << 10

// putBuffer returns a buffer to the pool with the memory that its frame has grown to.
func putBuffer(buf *[]byte, frame []byte) {
	if cap(frame) <= maxSpareBuffer {
		*buf = frame
		buffers.Put(buf)
	}
}

// Get returns the record of one request; an *llm.Error with status 404 when there is none.
// A record that is in the database is found even while the import fails.
func (r *Reader) Get(ctx context.Context, id string) (*llm.Record, error) {
	found, err := r.get(ctx, id)
	if llm.AsError(err).Code != llm.CodeNotFound {
		return found, err
	}
	if err := r.catchUp(ctx); err != nil {
		return nil, err
	}
	return r.get(ctx, id)
}

// Record returns what Get does, with the feedback on the request. While the import fails, the
// latest feedback may be missing.
func (r *Reader) Record(ctx context.Context, id string) (*llm.Record, error) {
	found, err := r.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	_ = r.catchUp(ctx) // the record is worth more than what is said of it
	found.Feedback, err = r.listFeedback(ctx, feedbackOf, id, maxPage)
	return found, err
}

func (r *Reader) get(ctx context.Context, id string) (*llm.Record, error) {
	var text []byte
	err := r.db.QueryRowContext(ctx, "SELECT record FROM requests WHERE id = ?", id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "The ledger has no request with this id."}
	}
	if err != nil {
		return nil, fmt.Errorf("read record %s: %w", id, err)
	}
	return decode(text)
}

func decode(text []byte) (*llm.Record, error) {
	r := new(llm.Record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("decode record: %w", err)
	}
	return r, nil
}

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
	q, args, err := p.query()
	if err != nil {
		return nil, err
	}
	rows, err := r.db.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	defer rows.Close()
	var list []*llm.Record
	for rows.Next() {
		var text sql.RawBytes
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("list records: %w", err)
		}
		r, err := decode(text)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

func (p Page) query() (string, []any, error) {
	b := statement{table: requestsTable()}
	b.WriteString("SELECT record FROM requests WHERE true")
	if p.Before != "" {
		b.bind(" AND seq < (SELECT seq FROM requests WHERE id = ?)", p.Before)
	}
	if p.After != "" {
		b.bind(" AND seq > (SELECT seq FROM requests WHERE id = ?)", p.After)
	}
	if err := b.where(p.Where); err != nil {
		return "", nil, err
	}
	condition, ok := outcomes()[p.Outcome]
	if !ok {
		return "", nil, badQuery(fmt.Sprintf("There is no outcome %s; use ok, cached, error or refused.", llm.Quote(p.Outcome)))
	}
	b.WriteString(condition)
	if p.Limit <= 0 {
		p.Limit = 100
	}
	b.bind(" ORDER BY seq DESC LIMIT ?", min(p.Limit, maxPage))
	return b.String(), b.args, nil
}

// outcomes are the conditions of Page.Outcome. Refused are requests that a policy, a limit or
// a missing key kept from being served.
func outcomes() map[string]string {
	const refused, failed, cached = "status IN (401, 403, 429)", "(status >= 400 OR code IS NOT NULL)", cacheHit
	return map[string]string{
		"":                 "",
		llm.OutcomeRefused: " AND " + refused,
		llm.OutcomeError:   " AND " + failed + " AND NOT " + refused,
		llm.OutcomeCached:  " AND NOT " + failed + " AND " + cached,
		llm.OutcomeOK:      " AND NOT " + failed + " AND NOT " + cached,
	}
}
