package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

func TestAWriterThatGivesUpWaitingDoesNotDisturb(t *testing.T) {
	l := openTest(t, Options{})
	conn := lockDatabase(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Write(ctx, record("impatient")) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Write with a cancelled context = %v, want context.Canceled", err)
	}
	unlock(t, conn)
	mustWrite(t, l, record("next"))
}

// lockDatabase makes every writer wait.
func lockDatabase(t testing.TB, l *Ledger) *sql.Conn {
	t.Helper()
	conn, err := l.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return conn
}

func unlock(t testing.TB, conn *sql.Conn) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// While the writer is held up, what is queued becomes one group.
func TestQueuedRecordsAreOneGroup(t *testing.T) {
	l := openTest(t, Options{Queue: 8})
	conn := lockDatabase(t, l)
	var wg sync.WaitGroup
	for i := range 300 { // more than a group and far more than the queue
		wg.Go(func() { mustWrite(t, l, record(fmt.Sprint(i))) })
	}
	unlock(t, conn)
	wg.Wait()
	report, err := l.Spend(t.Context(), Query{})
	if err != nil || report.Total.Requests != 300 {
		t.Errorf("Spend = %+v, %v, want 300 requests", report.Total, err)
	}
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn := lockDatabase(t, l)
	for i := range 10 {
		o := newOp()
		o.book(record(fmt.Sprint(i)))
		l.writer.queue <- o
	}
	unlock(t, conn)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(t.Context(), url, Options{}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	report, err := l.Spend(t.Context(), Query{})
	if err != nil || report.Total.Requests != 10 {
		t.Errorf("Spend = %+v, %v, want 10 requests", report.Total, err)
	}
}
