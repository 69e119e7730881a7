package keys

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/llm"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"
)

// clock is a time that tests move by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
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

// wantRefusal checks that a token does not work, and that the reason says so in the
// words given and does not repeat the token.
func wantRefusal(t testing.TB, k *Keys, token, words string) {
	t.Helper()
	_, err := k.Authenticate(t.Context(), token)
	var e *llm.Error
	if !errors.As(err, &e) || e.Status != 401 || e.Code != llm.CodeUnauthenticated {
		t.Errorf("Authenticate = %v, want an llm.Error with status 401", err)
		return
	}
	if !strings.Contains(e.Message, words) {
		t.Errorf("Authenticate says %q, want %q in it", e.Message, words)
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
	c.pass(time.Hour)
	wantRefusal(t, k, token.Reveal(), `"ci" expired on 22 November 2026 11:00 UTC`)
}

func TestWrongTokens(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	key, token := create(t, k, Spec{Name: "ci"})
	text := token.Reveal()
	other := newToken(strings.NewReader(strings.Repeat("\x01", 100)))
	// The same public id with another secret, checksum and all.
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
		text[:len(text)-1]:          "has 59 characters, 60 are right",
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
		if err := k.Revoke(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, k, token.Reveal(), "revoked on 22 November 2026 10:00 UTC")
		c.pass(time.Hour)
	}
	if err := k.Revoke(t.Context(), "nobodys0"); llm.AsError(err).Status != 404 {
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
	c.pass(time.Hour)
	wantRefusal(t, k, oldToken.Reveal(), "use the new key, which begins with pk_"+next.ID)
	last, _, err := k.Rotate(t.Context(), next.ID, -time.Second)
	if err != nil || last.Origin != old.ID {
		t.Errorf("Rotate = %+v, %v, want a third key with the first one's origin", last, err)
	}
	wantRefusal(t, k, nextToken.Reveal(), "replaced")
	if _, _, err := k.Rotate(t.Context(), "nobodys0", 0); llm.AsError(err).Status != 404 {
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
	c.pass(time.Minute)
	wantRefusal(t, k, token.Reveal(), "replaced")
}

func TestOtherProcessesAreNoticed(t *testing.T) {
	c, db := newClock(), database(t)
	server, cli := open(t, db, c), open(t, db, c)
	key, token := create(t, cli, Spec{Name: "ci"})
	if _, err := server.Authenticate(t.Context(), token.Reveal()); err != nil {
		t.Fatal(err)
	}
	if err := cli.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Authenticate(t.Context(), token.Reveal()); err != nil {
		t.Errorf("within the same second the remembered key must serve: %v", err)
	}
	c.pass(time.Second)
	wantRefusal(t, server, token.Reveal(), "revoked")

	// Also an id that was nobody's.
	stranger := newToken(strings.NewReader(strings.Repeat("\x02", 100)))
	wantRefusal(t, server, stranger.Reveal(), "unknown")
	err := cli.change(t.Context(), func(tx *sql.Tx) error {
		return insert(t.Context(), tx, &Key{ID: stranger.id(), Origin: stranger.id(), Spec: Spec{Name: "late"}}, stranger.hash())
	})
	if err != nil {
		t.Fatal(err)
	}
	c.pass(time.Second)
	if _, err := server.Authenticate(t.Context(), stranger.Reveal()); err != nil {
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
	c.pass(patience)
	for range 3 {
		if _, err := k.Authenticate(t.Context(), token.Reveal()); err != nil {
			t.Errorf("a remembered key must serve for a while without the database: %v", err)
		}
	}
	if _, err := k.Authenticate(t.Context(), other.Reveal()); llm.AsError(err).Status != 503 {
		t.Errorf("Authenticate of a key not remembered = %v, want status 503", err)
	}
	c.pass(time.Millisecond)
	for range 3 {
		if _, err := k.Authenticate(t.Context(), token.Reveal()); llm.AsError(err).Status != 503 {
			t.Errorf("Authenticate long after the database was lost = %v, want status 503", err)
		}
	}
}

func TestCreateRefusesNonsense(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	long := strings.Repeat("x", maxName+1)
	for _, s := range []Spec{{}, {Name: long}, {Name: "a", Tags: map[string]string{long: ""}}, {Name: "a", Models: make([]string, maxList+1)},
		{Name: "a", Expires: c.now()}, {Name: "a", Budget: llm.Budget{Max: 1}}, {Name: "a", Budget: llm.Budget{Max: -1, Window: "day"}}} {
		if _, _, err := k.Create(t.Context(), s); llm.AsError(err).Status != 400 {
			t.Errorf("Create(%+v) = %v, want status 400", s, err)
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
		cells := make([]any, 11)
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

func TestTokensDoNotPrint(t *testing.T) {
	token := newToken(strings.NewReader(strings.Repeat("\x03", 100)))
	secret := token.text[idEnd:]
	inJSON, err := json.Marshal(map[string]any{"a": token, "b": &token})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "token", token, "pointer", &token)
	for _, text := range []string{string(inJSON), log.String(), token.String(),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", token, token, token, token, token, token, token), fmt.Sprint(&token, []Token{token}, struct{ T Token }{token})} {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("the token prints: %s", text)
		}
	}
	if got := (Token{}).String(); got != "no token" {
		t.Errorf("an empty token prints as %q", got)
	}
}

// parseToken is what Authenticate does with a token that it has never seen.
func parseToken(s string) (Token, error) {
	t, err := cutToken(s)
	if err == nil {
		err = t.verify()
	}
	return t, err
}

func TestTokenFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rapid.SliceOfN(rapid.Byte(), 500, 500).Draw(t, "random")
		for i := range 200 { // enough that digits can be drawn
			random[i] %= 248
		}
		token := newToken(strings.NewReader(string(random)))
		got, err := parseToken(token.Reveal())
		if err != nil || got != token {
			t.Fatalf("parseToken(newToken) = %v", err)
		}
		if sum := crc32.ChecksumIEEE([]byte(token.text[:secretEnd])); crc(token.text[:secretEnd]) != sum {
			t.Fatalf("crc of %s = %x, want %x", token.text[:secretEnd], crc(token.text[:secretEnd]), sum)
		}
		// Any one character changed is found out.
		at := rapid.IntRange(len(prefix), tokenLen-1).Draw(t, "at")
		to := digits[rapid.IntRange(0, 61).Draw(t, "to")]
		if to != token.text[at] {
			if _, err := parseToken(token.text[:at] + string(to) + token.text[at+1:]); err == nil {
				t.Fatalf("a typing error at %d went unnoticed", at)
			}
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(10)
	for i := range 1000 {
		id := fmt.Sprint(i)
		_, _, epoch := c.get(id)
		c.put(id, &entry{}, epoch)
		c.put("x"+id, nil, epoch)
		if n := len(c.known.young) + len(c.known.old) + len(c.unknown.young) + len(c.unknown.old); n > 20 {
			t.Fatalf("%d entries are kept, want at most 20", n)
		}
		if e, known, _ := c.get(id); e == nil || !known {
			t.Fatalf("the key just put is not there")
		}
	}
	_, _, epoch := c.get("5")
	c.forget()
	c.put("stale", &entry{}, epoch)
	if _, known, _ := c.get("stale"); known {
		t.Error("what was read before everything was forgotten is remembered")
	}
}

func TestHammer(t *testing.T) {
	db := database(t)
	k, other := open(t, db, newClock()), open(t, db, newClock())
	key, token := create(t, k, Spec{Name: "ci"})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 300 {
				p, err := k.Authenticate(t.Context(), token.Reveal())
				if err != nil || p.KeyID != key.ID {
					t.Errorf("Authenticate = %v, %v", p, err)
					return
				}
				if w == 0 && i%30 == 0 {
					made, _ := create(t, other, Spec{Name: "x"})
					if err := k.Revoke(t.Context(), made.ID); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := other.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	k.cache.forget()
	wantRefusal(t, k, token.Reveal(), "revoked")
}

func TestAuthenticateAllocatesNothing(t *testing.T) {
	k := open(t, database(t), newClock())
	_, token := create(t, k, Spec{Name: "ci", Models: []string{"a"}})
	text := token.Reveal()
	got := testing.AllocsPerRun(100, func() {
		if _, err := k.Authenticate(context.Background(), text); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("Authenticate of a remembered key allocates %v times, want 0", got)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	k, err := Open(b.Context(), database(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	_, token := create(b, k, Spec{Name: "ci"})
	text := token.Reveal()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Authenticate(context.Background(), text); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(newToken(strings.NewReader(strings.Repeat("\x04", 100))).Reveal())
	f.Add("")
	f.Add("pk_")
	f.Add("pk_\xff")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := parseToken(s)
		if err != nil {
			return
		}
		if token.Reveal() != s || len(token.id()) != idLen || strings.Contains(token.String(), s[idEnd:]) {
			t.Errorf("parseToken(%q) = %v", s, token)
		}
	})
}

func FuzzParseBudget(f *testing.F) {
	for _, s := range []string{"5usd/day", "0.50usd/1h", "1e-3usd/month", "usd/day", "5/day", "-1usd/day", "5usd/", "0usd/day"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseBudget(s)
		if err != nil {
			return
		}
		again, err := ParseBudget(b.Max.Decimal() + "usd/" + b.Window)
		if err != nil || again != b || b.Max <= 0 {
			t.Errorf("ParseBudget(%q) = %+v, printed and read again %+v, %v", s, b, again, err)
		}
	})
}

func TestParseBudget(t *testing.T) {
	for in, want := range map[string]llm.Budget{"5usd/day": {Max: 5 * llm.USD, Window: "day"}, "0.25usd/5h": {Max: llm.USD / 4, Window: "5h"}} {
		if got, err := ParseBudget(in); err != nil || got != want {
			t.Errorf("ParseBudget(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "5", "5usd", "5/day", "5eur/day", "0usd/day", "-5usd/day", "5usd/fortnight", "usd/day", "5 usd/day/week"} {
		if got, err := ParseBudget(in); err == nil {
			t.Errorf("ParseBudget(%q) = %+v, want an error", in, got)
		}
	}
}

func TestParseExpiry(t *testing.T) {
	now := newClock().now()
	for in, want := range map[string]time.Time{
		"30d": now.AddDate(0, 0, 30), "12h": now.Add(12 * time.Hour), "2w": now.AddDate(0, 0, 14), "90m": now.Add(90 * time.Minute),
		"2027-01-31": time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), "2027-01-31T08:00:00+01:00": time.Date(2027, 1, 31, 7, 0, 0, 0, time.UTC),
	} {
		if got, err := ParseExpiry(in, now); err != nil || !got.Equal(want) {
			t.Errorf("ParseExpiry(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "0d", "-1d", "30", "30y", "1.5d", "99999999999w", "2027-02-30", "ä"} {
		if got, err := ParseExpiry(in, now); err == nil {
			t.Errorf("ParseExpiry(%q) = %v, want an error", in, got)
		}
	}
}
