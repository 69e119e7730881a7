package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// watched starts a watcher whose calls arrive on the channel. Its bound is far beyond
// what a test causes.
func watched(t *testing.T, path string) chan struct{} {
	t.Helper()
	changes := make(chan struct{}, 1000)
	w, err := Watch(t.Context(), func() { changes <- struct{}{} })
	if err == nil {
		err = w.Add(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return changes
}

// await fails the test when nothing comes. The limit is for a broken watcher only; a
// working one answers within quiet.
func await(t *testing.T, changes <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-changes:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s was not noticed", what)
	}
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWatchFile(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	file := filepath.Join(t.TempDir(), "penstock.yaml")
	put(t, file, "a")
	t.Run("changes", func(t *testing.T) {
		changes := watched(t, file)
		put(t, file, "b")
		await(t, changes, "a write")

		put(t, file+".new", "c")
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
		await(t, changes, "a rename over the file")

		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		put(t, file, "d")
		await(t, changes, "a removed and rewritten file")

		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		await(t, changes, "a deleted file")
		put(t, file, "d")
		await(t, changes, "a file that is back as it was")

		put(t, file, "d") // no change, so the next call must be for e
		put(t, filepath.Join(filepath.Dir(file), "other"), "x")
		put(t, file, "e")
		await(t, changes, "a write after an idle one")
		if len(changes) > 0 {
			t.Errorf("there are %d calls too many", len(changes))
		}
	})
}

// TestWatchKubernetes swaps the ..data link as the kubelet does: the file itself, a
// link through ..data, is never touched.
func TestWatchKubernetes(t *testing.T) {
	dir := t.TempDir()
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(dir, "..v1", "penstock.yaml"), "a")
	link("..v1", "..data")
	link(filepath.Join("..data", "penstock.yaml"), "penstock.yaml")
	changes := watched(t, filepath.Join(dir, "penstock.yaml"))

	put(t, filepath.Join(dir, "..v2", "penstock.yaml"), "b")
	link("..v2", "..data_tmp")
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	await(t, changes, "the swap")
}

func TestWatchFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	put(t, filepath.Join(dir, "a.rego"), "a")
	changes := watched(t, dir)
	put(t, filepath.Join(dir, "sub", "b.rego"), "b")
	await(t, changes, "a file in a new folder")
	put(t, filepath.Join(dir, "sub", "b.rego"), "c")
	await(t, changes, "a change in the new folder")
	if err := os.Rename(filepath.Join(dir, "a.rego"), filepath.Join(dir, "z.rego")); err != nil {
		t.Fatal(err)
	}
	await(t, changes, "a renamed file")
}

// One watcher watches all paths, and a burst of changes is reported once.
func TestWatchMany(t *testing.T) {
	changes := make(chan struct{}, 1000)
	w, err := Watch(t.Context(), func() { changes <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	dir := t.TempDir()
	for i := range 50 {
		path := filepath.Join(dir, fmt.Sprint(i))
		put(t, path, "a")
		if err := w.Add(path); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		put(t, filepath.Join(dir, fmt.Sprint(i)), "bb")
	}
	await(t, changes, "a burst of changes")
	put(t, filepath.Join(dir, "7"), "ccc")
	await(t, changes, "the change of one")
	if len(changes) > 0 {
		t.Errorf("there are %d calls too many", len(changes))
	}
}

func TestWatchWhatIsNotThere(t *testing.T) {
	w, err := Watch(t.Context(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Add(filepath.Join(t.TempDir(), "missing", "penstock.yaml")); err == nil {
		t.Error("a folder that is not there can be watched")
	}
	file := filepath.Join(t.TempDir(), "penstock.yaml")
	changes := watched(t, file)
	put(t, file, "a")
	await(t, changes, "the file's coming")
}

// TestWatchHammer writes without a pause, ends the context and closes twice while
// calls are running: none may overlap, and none may come after Close.
func TestWatchHammer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	file := filepath.Join(t.TempDir(), "penstock.yaml")
	put(t, file, "")
	for round := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		var running, late atomic.Int32
		var closed atomic.Bool
		called := make(chan struct{}, 1)
		w, err := Watch(ctx, func() {
			if running.Add(1) != 1 || closed.Load() {
				late.Add(1)
			}
			select {
			case called <- struct{}{}:
			default:
			}
			running.Add(-1)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(file); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 300 {
				put(t, file, fmt.Sprint(round, i))
			}
		}()
		if round == 1 {
			cancel()
		} else {
			await(t, called, "the writing")
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		closed.Store(true)
		<-done
		_ = w.Close()
		cancel()
		if late.Load() != 0 {
			t.Errorf("%d calls overlapped or came late", late.Load())
		}
	}
}
