package ledger

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// disk is what a disk has of a journal: of each segment the bytes that somebody waited for.
type disk struct {
	mu    sync.Mutex
	files map[string]int64
}

// sync notes what is on the disk from now on.
func (d *disk) sync(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !info.IsDir() {
		d.files[f.Name()] = info.Size()
	}
	return f.Sync()
}

// TestPowerCut writes records with every setting and then keeps of the journal only what
// the disk has. With full, no acknowledged record is lost; normal does not wait for the
// disk at all.
func TestPowerCut(t *testing.T) {
	for _, full := range []bool{true, false} {
		t.Run(fmt.Sprintf("sync=%t", full), func(t *testing.T) {
			dir := t.TempDir()
			url := "sqlite://" + filepath.Join(dir, "ledger.db")
			l, err := Open(t.Context(), url, Options{Sync: full})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			before := copyDatabase(t, dir)
			onDisk := &disk{files: map[string]int64{}}
			if l.journal.sync != nil {
				l.journal.sync = onDisk.sync
			}
			var wg sync.WaitGroup
			for w := range 4 {
				wg.Go(func() {
					for i := range 25 {
						if err := l.Write(t.Context(), record(fmt.Sprintf("req_%d_%d", w, i))); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			kept := onDisk.cutPower(t, before)
			if !full {
				if kept > 0 {
					t.Errorf("normal waited for the disk: it has %d files", kept)
				}
				return
			}
			after, err := Open(t.Context(), "sqlite://"+filepath.Join(before, "ledger.db"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer after.Close()
			for w := range 4 {
				for i := range 25 {
					if _, err := after.Get(t.Context(), fmt.Sprintf("req_%d_%d", w, i)); err != nil {
						t.Errorf("an acknowledged record is lost: %v", err)
					}
				}
			}
		})
	}
}

// copyDatabase copies a database without its journal into a folder of its own.
func copyDatabase(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"ledger.db", "ledger.db-wal"} {
		copyFile(t, filepath.Join(dir, name), filepath.Join(to, name), 1<<40)
	}
	return to
}

// cutPower puts what the disk has of the segments into a folder, and returns how many
// there are.
func (d *disk) cutPower(t *testing.T, to string) int {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, size := range d.files {
		copyFile(t, name, filepath.Join(to, filepath.Base(name)), size)
	}
	return len(d.files)
}

func copyFile(t *testing.T, from, to string, size int64) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.CopyN(out, in, size); err != nil && err != io.EOF {
		t.Fatal(err)
	}
}

// The database's commits wait for the disk as the journal does.
func TestSyncOfTheDatabase(t *testing.T) {
	for full, want := range map[bool]int{false: 1, true: 2} {
		l, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "ledger.db"), Options{Sync: full})
		if err != nil {
			t.Fatal(err)
		}
		var level int
		if err := l.importer.session.conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&level); err != nil || level != want {
			t.Errorf("sync=%t: synchronous = %d, %v, want %d", full, level, err, want)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
