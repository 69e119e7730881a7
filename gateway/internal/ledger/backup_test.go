package ledger

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A backup that is taken while a server writes has all that was acknowledged before, opens as a
// ledger of its own, and goes on from there.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	url := "sqlite://" + filepath.Join(dir, "live.db")
	l, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		mustWrite(t, l, record(fmt.Sprint("before", i)))
	}
	r, err := Attach(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := range 200 {
			if err := l.Write(t.Context(), record(fmt.Sprint("during", i))); err != nil {
				t.Error(err)
			}
		}
	})
	copied := filepath.Join(dir, "copy ?#%.db")
	info, err := r.Backup(t.Context(), copied)
	if err != nil || info.Records < 5 || info.Sums == 0 || info.Behind != 0 {
		t.Fatalf("Backup = %+v, %v", info, err)
	}
	writing.Wait()
	if again, err := r.Backup(t.Context(), copied); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("Backup over a file = %+v, %v", again, err)
	}
	if err := publish(filepath.Join(dir, "live.db"), copied); err == nil { // the name was taken meanwhile
		t.Error("publish has overwritten a file")
	}
	if stat, err := os.Stat(copied); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("the copy has mode %v, %v", stat.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part-*")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}

	restored, err := Open(t.Context(), "sqlite://"+copied, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	mustWrite(t, restored, record("after"))
	imported(t, restored)
	checkRequests(t, restored.Reader, int(info.Records)+1)
}

// What can't be a backup says why, and leaves nothing behind.
func TestBackupFaults(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, Options{})
	if _, err := l.Backup(t.Context(), filepath.Join(dir, "no", "such", "copy.db")); err == nil {
		t.Error("a backup into a folder that does not exist succeeds")
	}
	damaged := filepath.Join(dir, "damaged.db")
	if err := os.WriteFile(damaged, []byte("SQLite format 3\x00 and then nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := verify(t.Context(), damaged); err == nil {
		t.Errorf("verify of a damaged copy = %+v", info)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("the folder has %v", list)
	}
}

// Sums go by a time of their own, and a reader prunes all that is too old beside the server.
func TestPruneSums(t *testing.T) {
	now := time.Now().Truncate(time.Hour)
	clock := now.Add(-10 * time.Hour)
	url := "sqlite://" + filepath.Join(t.TempDir(), "l.db")
	l, err := Open(t.Context(), url, Options{Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range 10 {
		r := record(fmt.Sprint(i))
		r.Time = clock
		mustWrite(t, l, r)
		imported(t, l)
		clock = clock.Add(time.Hour)
	}
	r, err := Attach(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n, err := r.Prune(t.Context(), Keep(now, 4*time.Hour+time.Minute, 7*time.Hour))
	if err != nil || n != 6 {
		t.Errorf("Prune = %d, %v, want 6", n, err)
	}
	info, err := r.Info(t.Context(), url)
	if err != nil || info.Records != 4 || info.Sums != 7 || !info.OldestSum.Equal(now.Add(-7*time.Hour)) || !info.InUse || info.Behind != 0 || info.Segments == 0 {
		t.Errorf("Info = %+v, %v", info, err)
	}
	if n, err := r.Prune(t.Context(), Cutoff{}); n != 0 || err != nil {
		t.Errorf("Prune of nothing = %d, %v", n, err)
	}
}
