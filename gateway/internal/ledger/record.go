package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
