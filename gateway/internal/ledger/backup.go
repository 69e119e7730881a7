package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/penstock/penstock/gateway/internal/hint"
)

// Backup writes a copy of the ledger to a file that must not exist, whether or not a server is
// running: all that was acknowledged before the call, as one database without a journal. The
// copy is checked before it gets its name, and readable by its owner only. Requests that are in
// flight are not in it.
func (r *Reader) Backup(ctx context.Context, file string) (Info, error) {
	if _, err := os.Lstat(file); err == nil {
		return Info{}, exists(file)
	}
	if err := r.catchUp(ctx); err != nil {
		return Info{}, err
	}
	info, err := r.backup(ctx, file)
	if err != nil {
		return Info{}, fmt.Errorf("back up the ledger to %s: %w", file, err)
	}
	return info, nil
}

func exists(file string) error {
	return hint.Add(fmt.Errorf("%s already exists", file), "name another file, such as one with the date in it: penstock-$(date +%%F).db")
}

// backup writes the copy beside its final place and then moves it there.
func (r *Reader) backup(ctx context.Context, file string) (info Info, err error) {
	part, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".part-*") // with mode 600
	if err != nil {
		return Info{}, err
	}
	defer os.Remove(part.Name())
	defer part.Close()
	temporary, err := filepath.Abs(part.Name())
	if err != nil {
		return Info{}, err
	}
	if _, err := r.db.ExecContext(ctx, "VACUUM INTO ?", temporary); err != nil {
		return Info{}, err
	}
	if info, err = verify(ctx, temporary); err != nil {
		return Info{}, err
	}
	if err := part.Sync(); err != nil { // SQLite leaves writing a copy to the disk to its caller
		return Info{}, err
	}
	return info, publish(temporary, file)
}

// publish gives a file its name, which must be free. Where the file system has no links, another
// process could take the name between the check and the renaming.
func publish(temporary, file string) error {
	err := os.Link(temporary, file)
	if err == nil {
		return nil
	}
	if _, there := os.Lstat(file); there == nil {
		return exists(file)
	}
	return os.Rename(temporary, file)
}

// verify checks a copy and returns what is in it.
func verify(ctx context.Context, file string) (Info, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=ro&immutable=1")
	if err != nil {
		return Info{}, err
	}
	defer db.Close()
	var result string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
		return Info{}, fmt.Errorf("check the copy: %w", err)
	}
	if result != "ok" {
		return Info{}, fmt.Errorf("the copy is damaged, and so the ledger may be: %s", result)
	}
	return readInfo(ctx, db, location{path: file})
}
