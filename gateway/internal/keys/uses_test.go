package keys

import (
	"database/sql"
	"testing"
	"time"
)

// countWrites counts the writes of uses in db from now on.
func countWrites(t *testing.T, db *sql.DB) func() int {
	t.Helper()
	for _, q := range []string{"CREATE TABLE writes (id TEXT)", "CREATE TRIGGER used AFTER UPDATE OF used ON virtual_keys BEGIN INSERT INTO writes VALUES (new.id); END"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	return func() (n int) {
		t.Helper()
		if err := db.QueryRow("SELECT count(*) FROM writes").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func TestLastUse(t *testing.T) {
	c, db := newClock(), database(t)
	k := open(t, db, c)
	key, token := create(t, k, Spec{Name: "ci"})
	writes := countWrites(t, db)
	used := func(k *Keys) time.Time {
		t.Helper()
		key, err := k.Get(t.Context(), key.ID)
		if err != nil {
			t.Fatal(err)
		}
		return key.Used
	}
	if got := used(k); !got.IsZero() {
		t.Errorf("a new key was last used %v", got)
	}
	first := c.now()
	for range 600 { // ten minutes
		if _, err := k.Authenticate(t.Context(), token.Reveal()); err != nil {
			t.Fatal(err)
		}
		if err := k.SaveUses(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Second)
	}
	if n := writes(); n < 9 || n > 11 {
		t.Errorf("%d writes in ten minutes, want one a minute", n)
	}
	if got := c.now().Sub(used(k)); got > usesEvery {
		t.Errorf("the last use is said to be %v ago, want at most a minute", got)
	}
	if err := k.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := used(open(t, db, c)); !got.After(first.Add(8 * time.Minute)) {
		t.Errorf("another process sees %v", got)
	}
	// A clock that was set back does not undo it, nor does it stop the writes.
	before := used(k)
	c.advance(-time.Hour)
	if _, err := k.Authenticate(t.Context(), token.Reveal()); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := used(k); !got.Equal(before) {
		t.Errorf("last use %v, want %v", got, before)
	}
}

func TestRefusedKeysAreNotUsed(t *testing.T) {
	k := open(t, database(t), newClock())
	key, token := create(t, k, Spec{Name: "ci"})
	if _, err := k.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, k, token.Reveal(), "revoked")
	if key, err := k.Get(t.Context(), key.ID); err != nil || !key.Used.IsZero() {
		t.Errorf("Get = %v, %v", key.Used, err)
	}
}

func TestUsesAreBounded(t *testing.T) {
	u, now := newUses(2), time.Unix(1, 0)
	for _, id := range []string{"a", "b", "c", "a"} {
		u.note(id, now)
	}
	if got := u.take(now); len(got) != 2 {
		t.Errorf("%d pending, want 2", len(got))
	}
}

func TestRecognizes(t *testing.T) {
	c, db := newClock(), database(t)
	k := open(t, db, c)
	_, token := create(t, k, Spec{Name: "ci"})
	text := token.Reveal()
	if k.Recognizes(text) {
		t.Error("a key that was never looked up is recognized")
	}
	if _, err := k.Authenticate(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	create(t, k, Spec{Name: "other"}) // clears the cache
	db.Close()                        // no query is made
	if !k.Recognizes(text) {
		t.Error("a key that was looked up is not recognized")
	}
	for _, wrong := range []string{"", "pk_", "sk-x", text[:len(text)-1], text[:30] + "0" + text[31:] + "x", text[:40] + "000000" + text[46:]} {
		if k.Recognizes(wrong) {
			t.Errorf("%q is recognized", wrong)
		}
	}
	if got := testing.AllocsPerRun(100, func() { k.Recognizes(text) }); got != 0 {
		t.Errorf("Recognizes allocates %v times", got)
	}
}
