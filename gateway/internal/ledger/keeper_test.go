package ledger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// logPages is the length of the log in pages, and how many of them have been moved
// to the database file.
func logPages(t *testing.T, l *Ledger) (pages, moved int64) {
	t.Helper()
	var busy int64
	if err := l.DB().QueryRow("PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &moved); err != nil {
		t.Fatal(err)
	}
	return pages, moved
}

// A reader that takes its time lets the log grow beyond its bound; once it is gone,
// the log starts afresh.
func TestTheLogStartsAfresh(t *testing.T) {
	l := openTest(t, Options{})
	reader, err := l.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if _, err := reader.ExecContext(t.Context(), "BEGIN; SELECT count(*) FROM requests"); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 512<<10)
	for ; n < 80; n++ {
		mustWrite(t, l, record(fmt.Sprint(n), func(r *llm.Record) { r.Error = long }))
	}
	if pages, _ := logPages(t, l); pages <= maxLog {
		t.Fatalf("the log has %d pages, the test needs more than %d", pages, maxLog)
	}
	unlock(t, reader)

	l.keeper.checkpoint(t.Context())
	mustWrite(t, l, record("afresh"))
	if pages, _ := logPages(t, l); pages > 100 {
		t.Errorf("the log has %d pages after it was to start afresh", pages)
	}
	report, err := l.Spend(t.Context(), Query{})
	if err != nil || report.Total.Requests != int64(n+1) {
		t.Errorf("Spend = %+v, %v, want %d requests", report.Total, err, n+1)
	}
}
