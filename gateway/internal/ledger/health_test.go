package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// A database that is deleted or replaced while it is open is noticed. What is written from
// then on stays in the journal, and the next start imports it into the new database.
func TestDeletedDatabase(t *testing.T) {
	at := tempLocation(t)
	l, err := Open(t.Context(), "sqlite://"+at.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, l, record("before"))
	imported(t, l)
	l.Check(t.Context())
	if h := l.Health(); h.Fault != nil {
		t.Fatalf("Health of a good ledger = %+v", h)
	}
	aside := at.path + ".aside"
	if err := os.Rename(at.path, aside); err != nil {
		t.Fatal(err)
	}
	l.Check(t.Context())
	if h := l.Health(); h.Fault == nil || !strings.Contains(h.Fault.Message, "deleted") || h.Fault.Status != 503 {
		t.Errorf("Health of a deleted ledger = %+v", h)
	}
	if err := os.Rename(aside, at.path); err != nil {
		t.Fatal(err)
	}
	l.Check(t.Context())
	if h := l.Health(); h.Fault != nil {
		t.Errorf("Health of a ledger that is back = %+v", h)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(at.path + suffix)
	}
	mustWrite(t, l, record("after"))
	if err := l.Close(); err == nil {
		t.Error("Close did not report that a record is in no database")
	}
	next, _ := reopen(t, at)
	if _, err := next.Get(t.Context(), "after"); err != nil {
		t.Errorf("Get of what was written after the database was deleted: %v", err)
	}
}

// Emptying the file in place leaves it the same file.
func TestEmptiedDatabase(t *testing.T) {
	at := tempLocation(t)
	l, _ := reopen(t, at)
	mustWrite(t, l, record("before"))
	imported(t, l)
	if err := os.Truncate(at.path, 0); err != nil {
		t.Fatal(err)
	}
	l.Check(t.Context())
	if h := l.Health(); h.Fault == nil || !strings.Contains(h.Fault.Message, "emptied") {
		t.Errorf("Health of an emptied ledger = %+v", h)
	}
}

// A deleted segment is replaced by a new one.
func TestDeletedSegment(t *testing.T) {
	at := tempLocation(t)
	l, _ := reopen(t, at)
	if err := l.OpenLease(t.Context(), draft("open", "a", 5)); err != nil {
		t.Fatal(err)
	}
	first := l.journal.end.segment
	if err := os.Remove(at.segment(first)); err != nil {
		t.Fatal(err)
	}
	l.Check(t.Context())
	mustWrite(t, l, record("1"))
	if h := l.Health(); h.Fault != nil {
		t.Errorf("Health = %+v", h)
	}
	data, err := os.ReadFile(at.segment(first + 1))
	if err != nil || !bytes.Contains(data, []byte(`"id":"open"`)) {
		t.Errorf("the new segment holds %q, %v; want the open lease in it", data, err)
	}
	checkRequests(t, l.Reader, 1)
}

// Records that do not fit into memory either are counted.
func TestUnwrittenIsBounded(t *testing.T) {
	l := openTest(t, Options{})
	frame := make([]byte, 3<<20)
	for i, want := range []bool{true, true, false} {
		if got := l.journal.keep(frame, []leaseChange{{lease: fmt.Sprint(i)}}); got != want {
			t.Errorf("keep %d = %v, want %v", i, got, want)
		}
	}
	if h := l.Health(); h.Waiting != 2 || h.Lost != 1 {
		t.Errorf("Health = %+v, want 2 to wait and 1 lost", h)
	}
}

// Only the request's id makes a record a duplicate. Violating another constraint is a
// fault: the record stays in the journal until it can be inserted.
func TestOtherConstraintsLoseNothing(t *testing.T) {
	at := tempLocation(t)
	l, _ := reopen(t, at)
	mustWrite(t, l, record("1"))
	mustWrite(t, l, record("1")) // a duplicate, which is ignored
	imported(t, l)
	if _, err := l.DB().Exec("CREATE UNIQUE INDEX odd ON requests (arrived)"); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, l, record("2"))
	if _, err := l.Get(t.Context(), "2"); err == nil || llm.AsError(err).Status != 503 {
		t.Errorf("Get of a record that does not fit = %v, want that the database can't be written", err)
	}
	if h := l.Health(); h.Behind == nil || !strings.Contains(h.Behind.Error(), "requests.arrived") {
		t.Errorf("Health = %+v, want the constraint in it", h)
	}
	if _, err := l.DB().Exec("DROP INDEX odd"); err != nil {
		t.Fatal(err)
	}
	checkRequests(t, l.Reader, 2)
	if h := l.Health(); h.Behind != nil {
		t.Errorf("Health = %+v, want it to be over", h)
	}
}

// The lag is the age of the oldest record that is not in the database: one that waits in memory
// because the journal can't be written, one that is being written, and one that can't be imported.
func TestLag(t *testing.T) {
	at := tempLocation(t)
	var now atomic.Int64 // in seconds; the importer does not read it
	l, err := Open(t.Context(), "sqlite://"+at.path, Options{Now: func() time.Time { return time.Unix(1e9+now.Load(), 0) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	lag := func(when string, want time.Duration) {
		t.Helper()
		if got := l.Lag(); got != want {
			t.Errorf("%s: Lag = %v, want %v", when, got, want)
		}
	}
	mustWrite(t, l, record("1"))
	if err := l.OpenLease(t.Context(), draft("open", "a", 5)); err != nil {
		t.Fatal(err)
	}
	imported(t, l)
	now.Add(10)
	lag("with all imported", 0)

	l.journal.keep(recordFrame(record("2")), nil) // at 10 s
	now.Add(10)
	lag("with one in memory", 10*time.Second)

	if _, err := l.DB().Exec("CREATE UNIQUE INDEX odd ON requests (arrived)"); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, l, record("3")) // at 20 s, before the one in memory
	l.Check(t.Context())
	if err := l.catchUp(t.Context()); err == nil {
		t.Fatal("records that do not fit were imported")
	}
	now.Add(10)
	if h := l.Health(); h.Waiting != 0 || h.Behind == nil {
		t.Errorf("Health = %+v, want none in memory and the constraint", h)
	}
	lag("with two in the journal", 20*time.Second)
	if _, err := l.DB().Exec("DROP INDEX odd"); err != nil {
		t.Fatal(err)
	}
	checkRequests(t, l.Reader, 3)
	lag("with all imported again", 0)

	began, answer, written := make(chan struct{}), make(chan struct{}), make(chan error)
	l.journal.sync = func(*os.File) error { began <- struct{}{}; <-answer; return nil }
	go func() { written <- l.Write(t.Context(), record("4")) }()
	<-began
	now.Add(10)
	lag("while the disk does not answer", 10*time.Second)
	answer <- struct{}{}
	if err := <-written; err != nil {
		t.Error(err)
	}
	l.journal.sync = nil
	imported(t, l)
	lag("at the end", 0)
}

// Pruning deletes the oldest records in small steps, and keeps their charges.
func TestPrune(t *testing.T) {
	now := time.Now()
	l := openTest(t, Options{Now: func() time.Time { return now }})
	for i := range 5 {
		mustWrite(t, l, record(fmt.Sprint(i)))
		now = now.Add(time.Hour)
	}
	imported(t, l)
	for i, want := range []int64{2, 1, 0} {
		got, err := l.Prune(t.Context(), Cutoff{Records: now.Add(-2*time.Hour - time.Minute)}, 2)
		if err != nil || got != want {
			t.Errorf("Prune %d = %d, %v, want %d", i, got, err, want)
		}
	}
	checkRequests(t, l.Reader, 2)
	if _, err := l.Get(t.Context(), "2"); llm.AsError(err).Status != 404 {
		t.Errorf("Get of a pruned record = %v, want 404", err)
	}
	checkTotals(t, l, map[string]int64{"key:abcdefgh": 5 * 3_448_000})
}

// The ledger never writes through a symbolic link.
func TestLinksAreNotFollowed(t *testing.T) {
	for _, suffix := range []string{"", ".lock"} {
		at := tempLocation(t)
		elsewhere := filepath.Join(t.TempDir(), "elsewhere")
		if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(elsewhere, at.path+suffix); err != nil {
			t.Fatal(err)
		}
		l, err := Open(t.Context(), "sqlite://"+at.path, Options{})
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("Open with a link at %q = %v, want it to be refused", suffix, err)
		}
	}
	at := tempLocation(t)
	if err := os.Symlink(filepath.Join(t.TempDir(), "x"), at.segment(1)); err != nil {
		t.Fatal(err)
	}
	if l, err := Open(t.Context(), "sqlite://"+at.path, Options{}); err == nil {
		l.Close()
		t.Error("a segment that is a link was read")
	}
}

func TestExposedDatabaseIsReported(t *testing.T) {
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true, 0o660: true, 0o666: true} {
		at := tempLocation(t)
		if err := errors.Join(os.WriteFile(at.path, nil, 0o600), os.Chmod(at.path, mode)); err != nil {
			t.Fatal(err)
		}
		_, log := reopen(t, at)
		if got := strings.Contains(log.String(), "chmod 600"); got != want {
			t.Errorf("mode %#o: the log says %q, want a warning: %v", mode, log, want)
		}
	}
}
