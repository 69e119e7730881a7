package audit

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/penstock/penstock/gateway/internal/llm"
	_ "modernc.org/sqlite"
)

func open(t *testing.T) (*Log, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "audit.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l, err := Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return l, db
}

func list(t *testing.T, l *Log, q Query) ([]Entry, string) {
	t.Helper()
	entries, next, err := l.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return entries, next
}

func TestLog(t *testing.T) {
	l, _ := open(t)
	want := Entry{Key: "k1", User: "alice", Address: "192.0.2.1", Action: "POST /x", Object: "key a", Before: []byte(`{"a":1}`), After: []byte(`{"a":2}`), Outcome: Refused, Detail: "no"}
	if err := l.Add(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, _ := list(t, l, Query{Limit: 10})
	if d := cmp.Diff([]Entry{want}, got, cmpopts.IgnoreFields(Entry{}, "ID", "Time")); d != "" {
		t.Errorf("List (-added +listed):\n%s", d)
	}
	if age := time.Since(got[0].Time); age < -time.Second || age > time.Minute {
		t.Errorf("the entry is %v old", age)
	}
}

func TestPages(t *testing.T) {
	l, _ := open(t)
	var want []string
	for i := range 5 {
		if err := l.Add(t.Context(), Entry{Object: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		want = append([]string{fmt.Sprint(i)}, want...)
	}
	var got []string
	for after := ""; ; {
		entries, next := list(t, l, Query{After: after, Limit: 2})
		for _, e := range entries {
			got = append(got, e.Object)
		}
		if after = next; after == "" {
			break
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("pages (-want +got):\n%s", d)
	}
	if entries, _ := list(t, l, Query{Since: time.Now().Add(time.Hour), Limit: 10}); len(entries) != 0 {
		t.Errorf("%d entries from the future", len(entries))
	}
	for _, after := range []string{"x", "' OR 1=1 --", strings.Repeat("0", 23), strings.Repeat("0", 26)} {
		if _, _, err := l.List(t.Context(), Query{After: after, Limit: 2}); llm.AsError(err).Status != 400 {
			t.Errorf("after %q: %v, want status 400", after, err)
		}
	}
}

func TestPrune(t *testing.T) {
	l, _ := open(t)
	for range 5 {
		if err := l.Add(t.Context(), Entry{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		before time.Time
		left   int
	}{{time.Now().Add(-time.Hour), 5}, {time.Now().Add(time.Hour), 2}, {time.Now().Add(time.Hour), 0}} {
		if err := l.Prune(t.Context(), c.before, 3); err != nil {
			t.Fatal(err)
		}
		if got, _ := list(t, l, Query{Limit: 10}); len(got) != c.left {
			t.Errorf("%d left, want %d", len(got), c.left)
		}
	}
}

func TestLargeEntriesAreCut(t *testing.T) {
	l, _ := open(t)
	if err := l.Add(t.Context(), Entry{Detail: strings.Repeat("x", 10000), After: []byte(`"` + strings.Repeat("x", 100000) + `"`)}); err != nil {
		t.Fatal(err)
	}
	got, _ := list(t, l, Query{Limit: 1})
	if len(got[0].Detail) > maxText+10 || string(got[0].After) != `{"omitted_bytes":100002}` {
		t.Errorf("kept %d bytes of detail, and %s", len(got[0].Detail), got[0].After)
	}
}

func TestTrail(t *testing.T) {
	l, db := open(t)
	for _, c := range []struct {
		name    string
		commit  bool
		err     error
		left    bool
		outcome string
	}{
		{"committed", true, nil, false, Done},
		{"rolled back", false, errors.New("disk"), true, Failed},
		{"refused", false, fmt.Errorf("x: %w", &llm.Error{Status: 409, Message: "no"}), true, Refused},
	} {
		trail := &Trail{Entry: Entry{Action: c.name}}
		ctx := With(t.Context(), trail)
		From(ctx).Note("key a", map[string]int{"n": 1}, map[string]int{"n": 2})
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := From(ctx).Insert(ctx, tx); err != nil {
			t.Fatal(err)
		}
		if c.commit {
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			From(ctx).Committed()
		} else if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		e, left := trail.Rest(c.err)
		if left != c.left || e.Outcome != c.outcome || string(e.Before) != `{"n":1}` || e.Object != "key a" {
			t.Errorf("%s: Rest = %+v, %v", c.name, e, left)
		}
	}
	if got, _ := list(t, l, Query{Limit: 10}); len(got) != 1 || got[0].Action != "committed" {
		t.Errorf("List = %+v, want what was committed", got)
	}
	var none *Trail
	none.Note("x", nil, nil) // what nobody has asked for by name leaves no trail
	if err := none.Insert(t.Context(), nil); err != nil || From(t.Context()) != nil {
		t.Errorf("a change without a trail: %v", err)
	}
	none.Committed()
}
