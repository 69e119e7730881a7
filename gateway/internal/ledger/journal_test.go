package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestACallerThatGivesUpWaitingDoesNotDisturb(t *testing.T) {
	l := openTest(t, Options{})
	l.journal.writer <- struct{}{} // a slow write
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Write(ctx, record("gave up")); !errors.Is(err, context.Canceled) {
		t.Errorf("Write with a cancelled context = %v, want context.Canceled", err)
	}
	<-l.journal.writer
	mustWrite(t, l, record("next"))
	if _, err := l.Get(t.Context(), "gave up"); err != nil {
		t.Errorf("the record of the caller that gave up is lost: %v", err)
	}
}

// lockDatabase makes all other writers of the database wait.
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

// addToBatch adds records to the next batch, as callers do during a write.
func addToBatch(t testing.TB, l *Ledger, n int) {
	t.Helper()
	for i := range n {
		if _, err := l.journal.add(recordFrame(record(fmt.Sprint(i))), 1, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// recordFrame returns the frame of a record.
func recordFrame(r *llm.Record) []byte { return appendRecordFrame(nil, r, time.Now()) }

func checkRequests(t testing.TB, r *Reader, want int) {
	t.Helper()
	report, err := r.Spend(t.Context(), Query{Where: map[string]string{"session": ""}})
	if err != nil || report.Total.Requests != int64(want) {
		t.Errorf("Spend = %+v, %v, want %d requests", report.Total, err, want)
	}
}

func TestWaitingCallersShareAWrite(t *testing.T) {
	l := openTest(t, Options{})
	addToBatch(t, l, 300)
	mustWrite(t, l, record("leader"))
	if n := len(l.journal.queue.group(nil)); n > 1 {
		t.Errorf("300 waiting records were written in %d writes, want 1", n)
	}
	checkRequests(t, l.Reader, 301)
}

func TestCloseWritesWhatWaits(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	addToBatch(t, l, 10)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if list, err := l.at.segments(); err != nil || len(list) != 0 {
		t.Errorf("Close left the segments %v, %v, want none", list, err)
	}
	if l, err = Open(t.Context(), url, Options{}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	checkRequests(t, l.Reader, 10)
}

// An imported segment is deleted; its open leases continue in the next one.
func TestRotationKeepsOpenLeases(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(t.Context(), url, Options{MaxSegment: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, lease := range []string{"kept", "ended"} {
		if err := l.OpenLease(t.Context(), draft(lease, lease, 5)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		mustWrite(t, l, record(fmt.Sprint(i), func(r *llm.Record) { r.Charges = nil }))
	}
	mustWrite(t, l, record("ended", func(r *llm.Record) { r.Charges = nil }))
	imported(t, l)
	if list, err := l.at.segments(); err != nil || len(list) != 1 || list[0] < 10 {
		t.Errorf("the segments are %v, %v, want one late one", list, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	if l, err = Open(t.Context(), url, Options{}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	checkRequests(t, l.Reader, 101)
	orphans, err := l.Sweep(t.Context())
	if err != nil || len(orphans) != 1 || orphans[0].ID != "kept" {
		t.Errorf("Sweep = %v, %v, want the lease kept", orphans, err)
	}
	checkTotals(t, l, map[string]int64{"kept": 5})
}

func TestTheBacklogIsBounded(t *testing.T) {
	l := openTest(t, Options{MaxBacklog: 16 << 10})
	conn := lockDatabase(t, l)
	n, refused := 0, error(nil)
	for ; refused == nil && n < 100; n++ {
		refused = l.Write(t.Context(), record(fmt.Sprint(n)))
	}
	if llm.AsError(refused).Status != 503 || refused == nil {
		t.Errorf("Write with a long backlog = %v, want status 503", refused)
	}
	unlock(t, conn)
	imported(t, l)
	mustWrite(t, l, record("after"))
	checkRequests(t, l.Reader, n)
}

// What does not wait in memory is read from the file again.
func TestALongBacklogIsImported(t *testing.T) {
	l := openTest(t, Options{MaxSegment: 1 << 20})
	conn := lockDatabase(t, l)
	const n = 80
	long := string(make([]byte, 128<<10)) // six times as long in JSON
	for i := range n {
		mustWrite(t, l, record(fmt.Sprint(i), func(r *llm.Record) { r.Error = long }))
	}
	if held := l.journal.queue.held; held > maxHeld {
		t.Errorf("%d bytes wait in memory, want at most %d", held, maxHeld)
	}
	unlock(t, conn)
	checkRequests(t, l.Reader, n)
	checkTotals(t, l, map[string]int64{"key:abcdefgh": n * 3_448_000})
}

func TestHammer(t *testing.T) {
	l := openTest(t, Options{MaxSegment: 32 << 10})
	const callers, rounds = 16, 40
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range rounds {
				id := fmt.Sprintf("%d-%d", c, i)
				if err := l.OpenLease(t.Context(), draft(id, "reserved", 1)); err != nil {
					t.Error(err)
				}
				if i%4 == 0 {
					if err := l.Extend(t.Context(), []Progress{{id, int64(i)}, {"unknown", 7}}); err != nil {
						t.Error(err)
					}
				}
				mustWrite(t, l, record(id))
				if i%8 == 0 {
					if _, err := l.Get(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	checkRequests(t, l.Reader, callers*rounds)
	checkTotals(t, l, map[string]int64{"key:abcdefgh": callers * rounds * 3_448_000})
	if n := len(l.journal.open); n > 0 {
		t.Errorf("%d leases are open, want none", n)
	}
}
