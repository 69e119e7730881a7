package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// location is where a ledger is stored: a file, or memory when path is empty.
type location struct {
	path string
	// sync has the database's commits wait for the disk.
	sync bool
}

func (at location) String() string {
	if at.path == "" {
		return "in memory"
	}
	return at.path
}

// parseURL returns the location that a ledger's URL names.
func parseURL(url string) (location, error) {
	path, ok := strings.CutPrefix(url, "sqlite://")
	switch {
	case !ok:
		return location{}, fmt.Errorf("ledger %q: want sqlite://PATH, such as sqlite://penstock.db", url)
	case path == "":
		return location{}, fmt.Errorf("ledger %q: the path is missing, as in sqlite://penstock.db", url)
	case path == ":memory:":
		return location{}, nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return location{}, fmt.Errorf("ledger %q: %w", url, err)
	}
	return location{path: abs}, nil
}

// open opens the database and migrates its schema. Every connection waits up to five
// seconds for a lock, and reads the last commit without blocking the writer.
func (at location) open(ctx context.Context) (*sql.DB, error) {
	if err := at.create(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", at.dsn())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8) // closing a connection loses its page cache
	if err := migrate(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func (at location) dsn() string {
	level := "normal"
	if at.sync { // after a commit, what it has imported is deleted from the journal
		level = "full"
	}
	pragmas := "_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(" + level + ")"
	if at.path == "" {
		// A named database of the memdb VFS is shared by the connections of this process.
		return "file:/penstock-" + rand.Text() + "?vfs=memdb&" + pragmas
	}
	return "file:" + (&url.URL{Path: at.path}).EscapedPath() + "?" + pragmas
}

// create makes the file before SQLite does, to set its mode; SQLite gives the same mode to
// the files beside it.
func (at location) create() error {
	if at.path == "" {
		return nil
	}
	f, err := os.OpenFile(at.path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// addHint adds what to do about an error, where that is known.
func (at location) addHint(err error) error {
	hint := ""
	switch code := resultCode(err); {
	case errors.Is(err, os.ErrPermission):
		hint = "no permission to read and write this file; check its owner, or choose another path with ledger: in the configuration"
	case errors.Is(err, syscall.ELOOP):
		hint = "it is a symbolic link, which is not followed; name the file itself"
	case errors.Is(err, os.ErrNotExist):
		hint = "the directory " + filepath.Dir(at.path) + " does not exist; create it first"
	case code == sqlite3.SQLITE_NOTADB:
		hint = "the file is not a SQLite database; move it away or choose another path"
	case code == sqlite3.SQLITE_READONLY || code == sqlite3.SQLITE_CANTOPEN:
		hint = "the file or its directory is read-only; the ledger writes more files beside it"
	case code == sqlite3.SQLITE_FULL:
		hint = "the disk is full"
	case code == sqlite3.SQLITE_BUSY:
		hint = "another process held a lock on it for 5 s"
	case code == sqlite3.SQLITE_CORRUPT:
		hint = "the database is damaged; restore it from a copy, or move it away to begin a new one"
	}
	if hint == "" {
		return err
	}
	return fmt.Errorf("%s: %w", hint, err)
}

// resultCode returns SQLite's primary result code; 0 when err does not come from SQLite.
func resultCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}
