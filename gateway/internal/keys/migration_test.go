package keys

import (
	"sync"
	"testing"
)

// oldSchema is that of version 0.1.
const oldSchema = `CREATE TABLE virtual_keys (
	id          TEXT PRIMARY KEY,
	origin      TEXT NOT NULL,
	hash        TEXT NOT NULL,
	name        TEXT NOT NULL,
	team        TEXT NOT NULL,
	user_name   TEXT NOT NULL,
	grants      TEXT NOT NULL,
	expires     BIGINT NOT NULL,
	created     BIGINT NOT NULL,
	revoked     BIGINT NOT NULL,
	replaced_by TEXT NOT NULL
);
INSERT INTO virtual_keys VALUES ('abcdefgh', 'abcdefgh', '', 'old', 'search', 'alice', '{"roles":["admin"]}', 0, 1, 0, '')`

// TestOldDatabasesAreMigrated has several processes open an old database at once.
func TestOldDatabasesAreMigrated(t *testing.T) {
	db := database(t)
	if _, err := db.Exec(oldSchema); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := Open(t.Context(), db, Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	k := open(t, db, newClock())
	key, err := k.Get(t.Context(), "abcdefgh")
	if err != nil || key.Name != "old" || key.MadeBy != "" || !key.Used.IsZero() {
		t.Errorf("Get = %+v, %v", key, err)
	}
	if _, _, err := k.Rotate(t.Context(), "abcdefgh", 0); err != nil {
		t.Error(err)
	}
}
