package config

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quiet is how long a folder must be left alone before a change is looked at:
	// editors and kubectl write in several steps.
	quiet = 100 * time.Millisecond
	// patience bounds the wait for quiet in a folder that is written to all the time.
	patience = 2 * time.Second
	// maxWatched bounds how many files of a folder are looked at.
	maxWatched = 10_000
)

// Watcher reports changes of a file or a folder until it is closed.
type Watcher struct {
	stop context.CancelFunc
	fs   *fsnotify.Watcher
	wg   sync.WaitGroup
	path string
	// sum is the content that was last reported.
	sum [sha256.Size]byte
}

// Watch calls onChange, from one goroutine and never twice at once, each time the
// content of path has changed: a file's bytes, or the files below a folder. It
// watches the folder that holds the file, because editors replace files and
// Kubernetes swaps symbolic links above them. Watch first and load then, so that no
// change falls in between. Touching a file without changing it is
// no change; a file that is gone for a moment is one when it is back and different.
// The caller must Close the Watcher; it also ends with ctx.
func Watch(ctx context.Context, path string, onChange func()) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	ctx, stop := context.WithCancel(ctx)
	w := &Watcher{stop: stop, fs: notify, path: path}
	if err := w.follow(); err != nil {
		stop()
		_ = notify.Close()
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	w.sum, _ = contentOf(path) // a file that is not there yet is a change when it comes
	w.wg.Go(func() { w.run(ctx, onChange) })
	return w, nil
}

// Close stops the watching and returns when no call of onChange is running any more.
// It may be called twice, but not from onChange.
func (w *Watcher) Close() error {
	w.stop()
	w.wg.Wait()
	return w.fs.Close()
}

// follow watches the folder of the file, or the folder and all below it. Watching
// again what is watched already costs nothing.
func (w *Watcher) follow() error {
	info, err := os.Stat(w.path)
	if err != nil || !info.IsDir() {
		return w.fs.Add(filepath.Dir(w.path))
	}
	root, err := filepath.EvalSymlinks(w.path)
	if err != nil {
		return err
	}
	_ = w.fs.Add(filepath.Dir(w.path)) // the folder may itself be a link that is swapped
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // gone in the meantime; what is left is still worth watching
		}
		return w.fs.Add(path)
	})
}

func (w *Watcher) run(ctx context.Context, onChange func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.fs.Errors: // an overflow: events were lost, so look
		case <-w.fs.Events:
		}
		if !w.settle(ctx) {
			return
		}
		_ = w.follow() // new folders; a failure shows as a missing change only
		if sum, ok := contentOf(w.path); ok && sum != w.sum {
			w.sum = sum
			onChange()
		}
	}
}

// settle waits until nothing has happened for a while; false when ctx ended first.
func (w *Watcher) settle(ctx context.Context) bool {
	enough := time.NewTimer(patience)
	defer enough.Stop()
	for {
		calm := time.NewTimer(quiet)
		select {
		case <-ctx.Done():
			calm.Stop()
			return false
		case <-enough.C:
			calm.Stop()
			return true
		case <-calm.C:
			return true
		case <-w.fs.Events:
		case <-w.fs.Errors:
		}
		calm.Stop()
	}
}

// contentOf sums up a file, or the names and contents of all files below a folder;
// false when it cannot be read, as in the middle of a swap.
func contentOf(path string) (sum [sha256.Size]byte, ok bool) {
	h := sha256.New()
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = addFolder(h, path)
	} else if err == nil {
		err = addFile(h, "", path)
	}
	return [sha256.Size]byte(h.Sum(nil)), err == nil
}

func addFolder(h io.Writer, dir string) error {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	files := 0
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path) // follows links, as a reader of the folder does
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		if files++; files > maxWatched {
			return fs.SkipAll
		}
		return addFile(h, strings.TrimPrefix(path, root), path)
	})
}

func addFile(h io.Writer, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read from
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	_, err = fmt.Fprintf(h, "%q %x\n", name, sum.Sum(nil))
	return err
}
