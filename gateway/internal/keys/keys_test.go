package keys

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/llm"
	_ "modernc.org/sqlite"
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)} }

func database(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "keys.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func open(t testing.TB, db *sql.DB, c *clock) *Keys {
	t.Helper()
	k, err := Open(t.Context(), db, Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func create(t testing.TB, k *Keys, s Spec) (Key, Token) {
	t.Helper()
	key, token, err := k.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return key, token
}

// wantRefusal checks that a token is refused, and that the message contains the words and
// does not repeat the token.
func wantRefusal(t testing.TB, k *Keys, token, words string) {
	t.Helper()
	_, err := k.Authenticate(t.Context(), token)
	var e *llm.Error
	if !errors.As(err, &e) || e.Status != 401 || e.Code != llm.CodeUnauthenticated {
		t.Errorf("Authenticate = %v, want an llm.Error with status 401", err)
		return
	}
	if !strings.Contains(e.Message, words) {
		t.Errorf("Authenticate's message is %q, want %q in it", e.Message, words)
	}
	if len(token) > 12 && strings.Contains(e.Error(), token[11:]) {
		t.Errorf("the error repeats the token: %v", e)
	}
}

func TestAuthenticate(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	spec := Spec{Name: "ci", Team: "search", User: "alice", Roles: []string{"member"}, Models: []string{"smart", "openai/*"},
		Tags: map[string]string{"usecase": "support"}, Budget: llm.Budget{Max: 5 * llm.USD, Window: "day"}, Expires: c.now().Add(time.Hour)}
	key, token := create(t, k, spec)
	want := llm.Principal{KeyID: key.ID, Name: "ci", Team: "search", User: "alice", Roles: spec.Roles, Models: spec.Models,
		Tags: spec.Tags, Budget: spec.Budget, Expires: spec.Expires}
	for range 2 { // from the database, from memory
		got, err := k.Authenticate(t.Context(), token.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Authenticate (-want +got):\n%s", d)
		}
	}
	list, err := k.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Key{key}, list); d != "" {
		t.Errorf("List (-created +listed):\n%s", d)
	}
	c.advance(time.Hour)
	wantRefusal(t, k, token.Reveal(), `"ci" expired on 22 November 2026 11:00 UTC`)
}

func TestWrongTokens(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	key, token := create(t, k, Spec{Name: "ci"})
	text := token.Reveal()
	other := newToken(strings.NewReader(strings.Repeat("\x01", 100)))
	// The same public id with another secret, with a valid checksum.
	forged := text[:idEnd] + other.text[idEnd:secretEnd]
	forged += checksum(forged)
	swapped := []byte(text)
	swapped[20], swapped[21] = swapped[21], swapped[20]
	if swapped[20] == swapped[21] {
		swapped[20] ^= 1
	}
	for in, words := range map[string]string{
		"":                          "needed",
		"sk-proj-abcdef":            "begin with pk_",
		text[:len(text)-1]:          "has 59 characters instead of 60",
		text + " ":                  "has 61 characters",
		string(swapped):             "mistyped",
		text[:30] + "-" + text[31:]: "mistyped",
		other.Reveal():              "unknown",
		forged:                      "unknown",
	} {
		for range 2 {
			wantRefusal(t, k, in, words)
		}
	}
	if _, err := k.Authenticate(t.Context(), text); err != nil {
		t.Errorf("the right token of %s does not work: %v", key.ID, err)
	}
}

func TestRevoke(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	key, token := create(t, k, Spec{Name: "ci"})
	if _, err := k.Authenticate(t.Context(), token.Reveal()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again changes nothing
		if _, err := k.Revoke(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, k, token.Reveal(), "revoked on 22 November 2026 10:00 UTC")
		c.advance(time.Hour)
	}
	if _, err := k.Revoke(t.Context(), "unknown0"); llm.AsError(err).Status != 404 {
		t.Errorf("Revoke of an unknown key = %v, want status 404", err)
	}
}

func TestRotate(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	old, oldToken := create(t, k, Spec{Name: "ci", Team: "search", Budget: llm.Budget{Max: llm.USD, Window: "day"}})
	next, nextToken, err := k.Rotate(t.Context(), old.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(old.Spec, next.Spec); d != "" {
		t.Errorf("the new key is granted something else (-old +new):\n%s", d)
	}
	for _, token := range []Token{oldToken, nextToken} {
		p, err := k.Authenticate(t.Context(), token.Reveal())
		if err != nil || p.KeyID != old.ID {
			t.Errorf("Authenticate(%v) = %q, %v, want both keys to be known as %s", token, p.KeyID, err, old.ID)
		}
	}
	if _, _, err := k.Rotate(t.Context(), old.ID, 0); llm.AsError(err).Status != 409 {
		t.Errorf("Rotate of a replaced key = %v, want status 409", err)
	}
	c.advance(time.Hour)
	wantRefusal(t, k, oldToken.Reveal(), "use the new key, which begins with pk_"+next.ID)
	last, _, err := k.Rotate(t.Context(), next.ID, -time.Second)
	if err != nil || last.Origin != old.ID {
		t.Errorf("Rotate = %+v, %v, want a third key with the first one's origin", last, err)
	}
	wantRefusal(t, k, nextToken.Reveal(), "replaced")
	if _, _, err := k.Rotate(t.Context(), "unknown0", 0); llm.AsError(err).Status != 404 {
		t.Errorf("Rotate of an unknown key = %v, want status 404", err)
	}
}

func TestRotationDoesNotProlongAKey(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	old, token := create(t, k, Spec{Name: "ci", Expires: c.now().Add(time.Minute)})
	if _, _, err := k.Rotate(t.Context(), old.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute)
	wantRefusal(t, k, token.Reveal(), "replaced")
}

func TestOtherProcessesAreNoticed(t *testing.T) {
	c, db := newClock(), database(t)
	server, cli := open(t, db, c), open(t, db, c)
	key, token := create(t, cli, Spec{Name: "ci"})
	if _, err := server.Authenticate(t.Context(), token.Reveal()); err != nil {
		t.Fatal(err)
	}
	if _, err := cli.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Authenticate(t.Context(), token.Reveal()); err != nil {
		t.Errorf("within the same second the cached key must serve: %v", err)
	}
	c.advance(time.Second)
	wantRefusal(t, server, token.Reveal(), "revoked")

	// Also an id that did not exist.
	unknown := newToken(strings.NewReader(strings.Repeat("\x02", 100)))
	wantRefusal(t, server, unknown.Reveal(), "unknown")
	err := cli.change(t.Context(), func(tx *sql.Tx) error {
		return insert(t.Context(), tx, &Key{ID: unknown.id(), Origin: unknown.id(), Spec: Spec{Name: "late"}}, unknown.hash())
	})
	if err != nil {
		t.Fatal(err)
	}
	c.advance(time.Second)
	if _, err := server.Authenticate(t.Context(), unknown.Reveal()); err != nil {
		t.Errorf("a key made by another process is not noticed: %v", err)
	}
}

func TestWithoutDatabase(t *testing.T) {
	c, db := newClock(), database(t)
	k := open(t, db, c)
	_, token := create(t, k, Spec{Name: "ci"})
	_, other := create(t, k, Spec{Name: "other"})
	if _, err := k.Authenticate(t.Context(), token.Reveal()); err != nil {
		t.Fatal(err)
	}
	db.Close()
	c.advance(maxStale)
	for range 3 {
		if _, err := k.Authenticate(t.Context(), token.Reveal()); err != nil {
			t.Errorf("a cached key must serve for a while without the database: %v", err)
		}
	}
	if _, err := k.Authenticate(t.Context(), other.Reveal()); llm.AsError(err).Status != 503 {
		t.Errorf("Authenticate of a key that is not cached = %v, want status 503", err)
	}
	c.advance(time.Millisecond)
	for range 3 {
		if _, err := k.Authenticate(t.Context(), token.Reveal()); llm.AsError(err).Status != 503 {
			t.Errorf("Authenticate long after the database was lost = %v, want status 503", err)
		}
	}
}

func TestSecretsAreNotStored(t *testing.T) {
	db := database(t)
	k := open(t, db, newClock())
	_, token := create(t, k, Spec{Name: "ci"})
	rows, err := db.Query("SELECT * FROM virtual_keys")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		cells := make([]any, 13)
		for i := range cells {
			cells[i] = new(string)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		for _, cell := range cells {
			if strings.Contains(*cell.(*string), token.text[idEnd:secretEnd]) {
				t.Errorf("the secret is stored: %s", *cell.(*string))
			}
		}
	}
}
