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
	// quiet is how long a file must be left alone before its change is reported:
	// editors and kubectl write in several steps, and a slow copy writes in many.
	quiet = 300 * time.Millisecond
	// patience bounds the wait for quiet in a folder that is written to all the time.
	patience = 10 * time.Second
	// breath is the shortest time between two looks: other files of the same folder,
	// such as a database, may change all the time.
	breath = 50 * time.Millisecond
	// maxWatched bounds how many files of a folder are looked at.
	maxWatched = 10_000
)

// Watcher reports changes of files and folders until it is closed. It uses one
// instance of the system's notification for all of them.
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
	// look is a summary of names, sizes and times, which is cheap to take.
	look sum
	// sum is a summary of the bytes; zero when there is nothing.
	sum sum
}

type sum [sha256.Size]byte

// Watch starts a watcher of nothing yet; Add says what to watch. It calls onChange,
// from one goroutine and never twice at once, each time the content of one or more
// paths has changed and then been left alone for a moment. The caller must Close
// the Watcher; it also ends with ctx.
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

// Add watches a file's bytes, or the files below a folder; watching again what is
// watched already does nothing. It watches the folder that holds the file, because
// editors replace files and Kubernetes swaps symbolic links above them. Add first and
// read then, so that no change falls in between. Touching a file without changing it
// is no change; deleting it is one, and so is its coming back.
func (w *Watcher) Add(path string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, had := w.paths[path]; had {
		return nil
	}
	if err := w.follow(path); err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	var c content              // without a look: a write within the clock's last tick would not be seen
	c.sum, _ = contentOf(path) // a file that is not there yet is a change when it comes
	w.paths[path] = c
	return nil
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
func (w *Watcher) follow(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return w.fs.Add(filepath.Dir(path))
	}
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	_ = w.fs.Add(filepath.Dir(path)) // the folder may itself be a link that is swapped
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // gone in the meantime; what is left is still worth watching
		}
		return w.fs.Add(path)
	})
}

func (w *Watcher) run(ctx context.Context) {
	for w.wait(ctx) {
		if !w.moved() {
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

// wait returns after the next event, and takes those that come close behind it along;
// false when ctx ended first.
func (w *Watcher) wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-w.fs.Errors: // an overflow: events were lost, so look
	case <-w.fs.Events:
	}
	return w.drain(ctx, breath)
}

// drain passes over what happens within d; false when ctx ended first.
func (w *Watcher) drain(ctx context.Context, d time.Duration) bool {
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

// watched are the paths.
func (w *Watcher) watched() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.paths))
}

// moved reports whether a path looks different from what was last reported.
func (w *Watcher) moved() bool {
	return slices.ContainsFunc(w.watched(), func(path string) bool {
		look := lookOf(path)
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.paths[path].look != look
	})
}

// settle waits until the paths have looked the same for a while; false when ctx ended
// first.
func (w *Watcher) settle(ctx context.Context) bool {
	before := w.looks()
	for waited := time.Duration(0); waited < patience; waited += quiet {
		if !w.drain(ctx, quiet) {
			return false
		}
		now := w.looks()
		if maps.Equal(before, now) {
			break
		}
		before = now
	}
	return true
}

func (w *Watcher) looks() map[string]sum {
	looks := map[string]sum{}
	for _, path := range w.watched() {
		looks[path] = lookOf(path)
	}
	return looks
}

// update notes what the paths hold now, and reports whether that has changed.
func (w *Watcher) update() (changed bool) {
	for _, path := range w.watched() {
		_ = w.follow(path) // new folders; a failure shows as a missing change only
		now := content{look: lookOf(path)}
		w.mu.Lock()
		before := w.paths[path]
		w.mu.Unlock()
		if now.look == before.look {
			continue
		}
		var ok bool
		if now.sum, ok = contentOf(path); !ok {
			continue // in the middle of a swap
		}
		w.mu.Lock()
		w.paths[path] = now
		w.mu.Unlock()
		changed = changed || now.sum != before.sum
	}
	return changed
}

// lookOf sums up what is seen of a path without reading it.
func lookOf(path string) (s sum) {
	h := sha256.New()
	_ = eachFile(path, func(name, path string, info fs.FileInfo) error {
		_, err := fmt.Fprintf(h, "%q %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		return err
	})
	return sum(h.Sum(nil))
}

// contentOf sums up a file, or the names and contents of all files below a folder. It
// is zero where there is nothing, and false when it cannot be read, as in the middle of
// a swap.
func contentOf(path string) (s sum, ok bool) {
	h := sha256.New()
	err := eachFile(path, func(name, path string, info fs.FileInfo) error {
		if !info.Mode().IsRegular() { // reading a pipe could block for ever, and takes away what is in it
			_, err := fmt.Fprintf(h, "%q %v %d\n", name, info.Mode(), info.ModTime().UnixNano())
			return err
		}
		return addFile(h, name, path)
	})
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(path)
		return sum{}, errors.Is(err, fs.ErrNotExist)
	}
	return sum(h.Sum(nil)), err == nil
}

// eachFile visits a file, under no name, or all files below a folder.
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
