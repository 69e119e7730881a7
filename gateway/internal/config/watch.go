package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quiet is how long a file must stay unchanged before its change is reported: editors
	// and kubectl write in several steps, and a slow copy in many.
	quiet = 300 * time.Millisecond
	// maxSettle bounds the wait for quiet in a folder that is written to all the time.
	maxSettle = 10 * time.Second
	// minInterval is the shortest time between two scans: other files of the same folder,
	// such as a database, may change all the time.
	minInterval = 50 * time.Millisecond
	// maxWatched bounds how many files of a folder are scanned.
	maxWatched = 10_000
)

// Watcher reports changes of files and folders until it is closed, with one fsnotify
// instance for all of them.
type Watcher struct {
	stop     context.CancelFunc
	fs       *fsnotify.Watcher
	wg       sync.WaitGroup
	onChange func()

	mu    sync.Mutex
	paths map[string]content
}

// content is what a path held when it was last reported.
type content struct {
	// stat is a hash of names, sizes and times, which is cheap to compute.
	stat hash
	// bytes is a hash of the contents; zero when there is nothing.
	bytes hash
}

type hash [sha256.Size]byte

// Watch starts a Watcher that watches nothing until Add is called. It calls onChange from
// one goroutine, each time the content of one or more paths has changed and then stayed
// unchanged for a moment. The caller must Close the Watcher; it also ends with ctx.
func Watch(ctx context.Context, onChange func()) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	w := &Watcher{stop: stop, fs: notify, onChange: onChange, paths: map[string]content{}}
	w.wg.Go(func() { w.run(ctx) })
	return w, nil
}

// Add watches the contents of a file, or of all files below a folder. Adding a path again
// does nothing. It watches the folder of the file, because editors replace files and
// Kubernetes swaps symbolic links above them. Call Add before reading, so that no change
// is missed. A new modification time alone is not a change; deleting a file is one, and so
// is creating it again.
func (w *Watcher) Add(path string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, had := w.paths[path]; had {
		return nil
	}
	if err := w.follow(path); err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	var c content                // without stat: a write within the clock's last tick would not be seen
	c.bytes, _ = contentOf(path) // zero if the file does not exist yet
	w.paths[path] = c
	return nil
}

// Close stops the Watcher and returns when no call of onChange is running. It may be
// called twice, but not from onChange.
func (w *Watcher) Close() error {
	w.stop()
	w.wg.Wait()
	return w.fs.Close()
}

// follow watches the folder of a file, or a folder and all folders below it. Following a
// path again costs nothing.
func (w *Watcher) follow(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return w.fs.Add(filepath.Dir(path))
	}
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	_ = w.fs.Add(filepath.Dir(path)) // the folder may be a link that is swapped
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // deleted in the meantime; watch the others
		}
		return w.fs.Add(path)
	})
}

func (w *Watcher) run(ctx context.Context) {
	for w.wait(ctx) {
		if !w.touched() {
			continue
		}
		if !w.settle(ctx) {
			return
		}
		if w.update() {
			w.onChange()
		}
	}
}

// wait waits for the next event and those shortly after it; false when ctx ended first.
func (w *Watcher) wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-w.fs.Errors: // an overflow: events were lost, so scan
	case <-w.fs.Events:
	}
	return w.skipEvents(ctx, minInterval)
}

// skipEvents discards the events of a time d; false when ctx ended first.
func (w *Watcher) skipEvents(ctx context.Context, d time.Duration) bool {
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-over.C:
			return true
		case <-w.fs.Events:
		case <-w.fs.Errors:
		}
	}
}

// watched returns the paths.
func (w *Watcher) watched() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.paths))
}

// touched reports whether the names, sizes or times of a path differ from the last report.
func (w *Watcher) touched() bool {
	return slices.ContainsFunc(w.watched(), func(path string) bool {
		stat := statOf(path)
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.paths[path].stat != stat
	})
}

// settle waits until the paths have stayed unchanged for quiet; false when ctx ended
// first.
func (w *Watcher) settle(ctx context.Context) bool {
	before := w.stats()
	for waited := time.Duration(0); waited < maxSettle; waited += quiet {
		if !w.skipEvents(ctx, quiet) {
			return false
		}
		now := w.stats()
		if maps.Equal(before, now) {
			break
		}
		before = now
	}
	return true
}

func (w *Watcher) stats() map[string]hash {
	stats := map[string]hash{}
	for _, path := range w.watched() {
		stats[path] = statOf(path)
	}
	return stats
}

// update records the current content of the paths and reports whether it has changed.
func (w *Watcher) update() (changed bool) {
	for _, path := range w.watched() {
		_ = w.follow(path) // new folders; after a failure their changes are missed
		now := content{stat: statOf(path)}
		w.mu.Lock()
		before := w.paths[path]
		w.mu.Unlock()
		if now.stat == before.stat {
			continue
		}
		var ok bool
		if now.bytes, ok = contentOf(path); !ok {
			continue // in the middle of a swap
		}
		w.mu.Lock()
		w.paths[path] = now
		w.mu.Unlock()
		changed = changed || now.bytes != before.bytes
	}
	return changed
}

// statOf hashes the names, sizes and times of a path without reading its files.
func statOf(path string) hash {
	h := sha256.New()
	_ = eachFile(path, func(name, path string, info fs.FileInfo) error {
		_, err := fmt.Fprintf(h, "%q %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		return err
	})
	return hash(h.Sum(nil))
}

// contentOf hashes the contents of a file, or the names and contents of all files below a
// folder. It is zero where there is nothing, and ok is false when it cannot be read, as in
// the middle of a swap.
func contentOf(path string) (sum hash, ok bool) {
	h := sha256.New()
	err := eachFile(path, func(name, path string, info fs.FileInfo) error {
		if !info.Mode().IsRegular() { // reading a pipe could block for ever, and consumes its content
			_, err := fmt.Fprintf(h, "%q %v %d\n", name, info.Mode(), info.ModTime().UnixNano())
			return err
		}
		return addFile(h, name, path)
	})
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(path)
		return hash{}, errors.Is(err, fs.ErrNotExist)
	}
	return hash(h.Sum(nil)), err == nil
}

// eachFile visits a file, with an empty name, or all files below a folder.
func eachFile(path string, visit func(name, path string, info fs.FileInfo) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return visit("", path, info)
	}
	root, err := filepath.EvalSymlinks(path)
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
		return visit(strings.TrimPrefix(path, root), path, info)
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
