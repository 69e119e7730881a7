package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"
)

// Info says what a ledger holds.
type Info struct {
	// File is the database's file; empty in memory.
	File string `json:"file"`
	// Schema is the version of its tables.
	Schema int `json:"schema"`
	// Bytes is the size of the file, Log that of SQLite's own log beside it, Free how much of the
	// file is unused and will be used again.
	Bytes int64 `json:"bytes"`
	Log   int64 `json:"log_bytes"`
	Free  int64 `json:"free_bytes"`
	// Segments is how many files the journal has, Journal their size in bytes, and Behind how much
	// of that the database does not have yet.
	Segments int   `json:"journal_files"`
	Journal  int64 `json:"journal_bytes"`
	Behind   int64 `json:"journal_waiting_bytes"`
	// Records is how many records there are, written from Oldest to Newest, which are zero
	// without any.
	Records int64     `json:"records"`
	Oldest  time.Time `json:"oldest,omitzero"`
	Newest  time.Time `json:"newest,omitzero"`
	// Sums is how many rows of sums there are, OldestSum the hour of the oldest.
	Sums      int64     `json:"sums"`
	OldestSum time.Time `json:"oldest_sum,omitzero"`
	Feedback  int64     `json:"feedback"`
	// InUse says that a server writes the ledger.
	InUse bool `json:"in_use"`
}

// Info returns what the ledger holds. It does not wait for a server to import its journal.
func (r *Reader) Info(ctx context.Context, url string) (Info, error) {
	at, err := parseURL(url)
	if err != nil {
		return Info{}, err
	}
	info, err := readInfo(ctx, r.db, at)
	if err != nil {
		return Info{}, fmt.Errorf("read the ledger %s: %w", at, at.addHint(err))
	}
	l, free, err := at.tryAcquire()
	if err != nil {
		return Info{}, fmt.Errorf("read the lock of %s: %w", at, err)
	}
	info.InUse = !free
	if free {
		err = l.release()
	}
	return info, err
}

func readInfo(ctx context.Context, db *sql.DB, at location) (Info, error) {
	info := Info{File: at.path, Bytes: sizeOf(at.path), Log: sizeOf(at.path + "-wal")}
	var page, oldest, newest, hour int64
	for _, q := range []struct {
		text string
		to   []any
	}{
		{"PRAGMA user_version", []any{&info.Schema}},
		{"PRAGMA page_size", []any{&page}},
		{"PRAGMA freelist_count", []any{&info.Free}},
		{"SELECT count(*), ifnull(min(seq), 0), ifnull(max(seq), 0) FROM requests", []any{&info.Records, &oldest, &newest}},
		{"SELECT count(*), ifnull(min(hour), 0) FROM hourly", []any{&info.Sums, &hour}},
		{"SELECT count(*) FROM feedback", []any{&info.Feedback}},
	} {
		if err := db.QueryRowContext(ctx, q.text).Scan(q.to...); err != nil {
			return Info{}, err
		}
	}
	info.Free *= page
	if info.Records > 0 {
		info.Oldest, info.Newest = time.UnixMicro(oldest).UTC(), time.UnixMicro(newest).UTC()
	}
	if info.Sums > 0 {
		info.OldestSum = time.Unix(hour*3600, 0).UTC()
	}
	mark, err := readMark(ctx, db)
	if err != nil {
		return Info{}, err
	}
	return info, info.addJournal(at, mark)
}

// addJournal adds the size of the journal and of what is behind the mark.
func (i *Info) addJournal(at location, mark position) error {
	list, err := at.segments()
	if err != nil {
		return err
	}
	i.Segments = len(list)
	for _, n := range list {
		size := sizeOf(at.segment(n))
		i.Journal += size
		switch {
		case n > mark.segment:
			i.Behind += size
		case n == mark.segment:
			i.Behind += max(size-mark.offset, 0)
		}
	}
	return nil
}

// sizeOf returns a file's size in bytes; 0 for one that is not there.
func sizeOf(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}
