package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// writeSegment writes a segment as a killed process leaves it.
func writeSegment(t *testing.T, at location, n int64, frames ...[]byte) {
	t.Helper()
	if err := os.WriteFile(at.segment(n), slices.Concat(frames...), 0o600); err != nil {
		t.Fatal(err)
	}
}

func tempLocation(t *testing.T) location {
	t.Helper()
	return location{path: filepath.Join(t.TempDir(), "ledger.db")}
}

// reopen opens a ledger and closes it after the test.
func reopen(t *testing.T, at location) (l *Ledger, log *bytes.Buffer) {
	t.Helper()
	log = new(bytes.Buffer)
	l, err := Open(t.Context(), "sqlite://"+at.path, Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, log
}

func lease(id string, amount int64) []byte {
	return appendDraft(nil, draft(id, id, amount))
}

// oldLease returns a lease as versions before drafts wrote it.
func oldLease(id string, charges []llm.Charge) []byte {
	b := append(beginFrame(nil), openEntry)
	b = binary.AppendVarint(appendText(b, id), 1795392000)
	return endFrame(appendCharges(b, charges), 0)
}

// A lease of an older version is charged as it was written, without a record.
func TestALeaseWithoutADraft(t *testing.T) {
	at := tempLocation(t)
	writeSegment(t, at, 1, oldLease("old", []llm.Charge{{Scope: "a", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-22", Amount: 5}}))
	l, _ := reopen(t, at)
	if _, err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkTotals(t, l, map[string]int64{"a": 5})
	checkRequests(t, l.Reader, 0)
}

func TestATornEndIsCut(t *testing.T) {
	whole := slices.Concat(recordFrame(record("1")), lease("open", 5))
	next := recordFrame(record("2"))
	for _, size := range []int{1, frameHead, frameHead + 1, len(next) - 1} {
		at := tempLocation(t)
		writeSegment(t, at, 1, whole, next[:size])
		l, log := reopen(t, at)
		checkRequests(t, l.Reader, 1)
		if orphans, err := l.Sweep(t.Context()); err != nil || len(orphans) != 1 {
			t.Errorf("with %d bytes behind it: Sweep = %v, %v, want one lease", size, orphans, err)
		}
		if log.Len() > 0 {
			t.Errorf("with %d bytes behind it: a torn end was reported: %s", size, log)
		}
	}
}

func TestDamageIsReportedAndKept(t *testing.T) {
	at := tempLocation(t)
	first, second, third := recordFrame(record("1")), recordFrame(record("2")), recordFrame(record("3"))
	damaged := slices.Clone(second)
	damaged[len(damaged)/2] ^= 1
	writeSegment(t, at, 1, first, damaged, third)
	writeSegment(t, at, 2, recordFrame(record("4")), second[:100]) // cut off, but not where the journal ends
	writeSegment(t, at, 3, recordFrame(record("5")))
	l, log := reopen(t, at)
	checkRequests(t, l.Reader, 3)
	for n, want := range map[int64][]byte{1: slices.Concat(damaged, third), 2: second[:100]} {
		kept := fmt.Sprintf("%s.damaged-%08d-%d", at.path, n, len(first))
		got, err := os.ReadFile(kept)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s holds %d bytes, %v, want the %d that could not be read", kept, len(got), err, len(want))
		}
		if !strings.Contains(log.String(), at.segment(n)) || !strings.Contains(log.String(), fmt.Sprint("offset=", len(first))) {
			t.Errorf("the log does not name %s and the offset %d:\n%s", at.segment(n), len(first), log)
		}
	}
}

func TestAnUnknownEntryIsOfANewerVersion(t *testing.T) {
	at := tempLocation(t)
	b := append(beginFrame(nil), 200, 1, 2, 3)
	writeSegment(t, at, 1, endFrame(b, 0))
	if l, err := Open(t.Context(), "sqlite://"+at.path, Options{}); err == nil || !strings.Contains(err.Error(), "newer penstock") {
		t.Errorf("Open = %v, %v, want it to say that the journal is of a newer penstock", l, err)
	}
}

// A process may end after its import and before the segment is deleted, or with part of a
// segment imported. Either way everything is charged once.
func TestReplayChargesOnce(t *testing.T) {
	at := tempLocation(t)
	frames := [][]byte{recordFrame(record("1")), recordFrame(record("2")), appendEnd(nil, "given up", record("").Charges)}
	writeSegment(t, at, 7, frames[:1]...)
	for n := 1; n <= len(frames); n++ {
		writeSegment(t, at, 7, frames[:n]...)
		for range 2 { // a command imports what is there, and the segment stays
			r, err := Attach(t.Context(), "sqlite://"+at.path)
			if err != nil {
				t.Fatal(err)
			}
			checkRequests(t, r, min(n, 2))
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	l, _ := reopen(t, at)
	checkRequests(t, l.Reader, 2)
	checkTotals(t, l, map[string]int64{"key:abcdefgh": 3 * 3_448_000})
	if _, err := os.Stat(at.segment(7)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old segment is still there: %v", err)
	}
}

func TestLeasesAreGatheredFromAllSegments(t *testing.T) {
	at := tempLocation(t)
	writeSegment(t, at, 1, lease("early", 1), lease("ended", 2), lease("replaced", 3))
	writeSegment(t, at, 2, lease("early", 1), lease("replaced", 4), recordFrame(record("ended", func(r *llm.Record) { r.Charges = nil })))
	r, err := Attach(t.Context(), "sqlite://"+at.path)
	if err != nil {
		t.Fatal(err)
	}
	checkRequests(t, r, 1) // the mark is behind all of them now
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	l, _ := reopen(t, at)
	if _, err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkTotals(t, l, map[string]int64{"early": 1, "replaced": 4})
}

func TestASecondServerIsRefused(t *testing.T) {
	at := tempLocation(t)
	reopen(t, at)
	l, err := Open(t.Context(), "sqlite://"+at.path, Options{})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d); stop it first", os.Getpid())) {
		t.Errorf("Open of a ledger in use = %v, %v, want ErrInUse and the process", l, err)
	}
}

// A reader beside a running server sees what the server has just acknowledged.
func TestAReaderSeesTheLastRequest(t *testing.T) {
	at := tempLocation(t)
	l, _ := reopen(t, at)
	r, err := Attach(t.Context(), "sqlite://"+at.path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range 3 {
		id := fmt.Sprint(i)
		mustWrite(t, l, record(id))
		if got, err := r.Get(t.Context(), id); err != nil || got.ID != id {
			t.Errorf("Get(%s) beside the server = %v, %v", id, got, err)
		}
		mustWrite(t, l, record(id+" again"))
		checkRequests(t, r, 2*(i+1))
	}
}

// Leases that a process of an older version has left in SQLite are charged.
func TestLeasesOfAnOlderVersionAreCharged(t *testing.T) {
	at := tempLocation(t)
	l, _ := reopen(t, at)
	imported(t, l)
	for _, q := range []string{
		"DROP TABLE imported", "ALTER TABLE requests DROP COLUMN prompt_saved", "ALTER TABLE requests DROP COLUMN session", "ALTER TABLE requests DROP COLUMN estimated", "DROP TABLE hourly", "DROP TABLE delays", "DROP INDEX requests_failed", "DROP INDEX requests_cached", "DROP TABLE hourly_by", "DROP TABLE routes", "DROP TABLE feedback", "PRAGMA user_version = 1",
		"CREATE TABLE leases (id TEXT PRIMARY KEY, run TEXT NOT NULL, expires INTEGER NOT NULL, charges TEXT NOT NULL) WITHOUT ROWID",
		`INSERT INTO leases VALUES ('x', 'r', 1, '[{"scope":"a","unit":"usd","window":"day","window_id":"w","amount":5}]'),
			('y', 'r', 1, '[{"scope":"a","unit":"usd","window":"day","window_id":"w","amount":2},{"scope":"b","unit":"tokens","amount":1}]'), ('z', 'r', 1, '[]')`,
	} {
		if _, err := l.DB().Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := migrate(t.Context(), l.DB()); err != nil {
		t.Fatal(err)
	}
	totals, err := l.Totals(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want := []llm.Charge{{Scope: "a", Unit: llm.UnitUSD, Window: "day", WindowID: "w", Amount: 7}, {Scope: "b", Unit: llm.UnitTokens, Amount: 1}}
	slices.SortFunc(totals, func(x, y llm.Charge) int { return strings.Compare(x.Scope, y.Scope) })
	if d := cmp.Diff(want, totals); d != "" {
		t.Errorf("Totals (-want +got):\n%s", d)
	}
}
