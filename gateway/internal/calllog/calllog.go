// Package calllog records the calls that plugins were asked for during the last requests,
// as case files, so that they can be made again with another version of a plugin.
package calllog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// folder is a folder with the calls of the last requests. One goroutine uses it.
type folder struct {
	dir string
	// requests and bytes bound what is kept.
	requests int
	bytes    int64

	kept  []*keptRequest // oldest first
	total int64
}

// keptRequest is a request's folder.
type keptRequest struct {
	seed  uint64
	name  string
	calls int
	bytes int64
}

// unnamed begins the name of a request's folder until its id is known. No id begins so.
const unnamed = "seed-"

// Dir returns the folder beside a ledger that holds its recorded calls; empty when the
// ledger is no file.
func Dir(ledger string) string {
	file, ok := strings.CutPrefix(ledger, "sqlite://")
	file, _, _ = strings.Cut(file, "?")
	if !ok || file == "" || strings.HasPrefix(file, ":memory:") {
		return ""
	}
	return file + ".calls"
}

// open makes the folder and finds what an earlier process has left in it.
func (l *folder) open() error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	ages := map[*keptRequest]time.Time{}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		k, age, err := l.survey(e.Name())
		if err != nil {
			return err
		}
		ages[k] = age
		l.kept = append(l.kept, k)
		l.total += k.bytes
	}
	slices.SortStableFunc(l.kept, func(a, b *keptRequest) int { return ages[a].Compare(ages[b]) })
	return nil
}

func (l *folder) survey(name string) (*keptRequest, time.Time, error) {
	k := &keptRequest{name: name, seed: hook.SeedOf(name)}
	if digits, ok := strings.CutPrefix(name, unnamed); ok {
		k.seed, _ = strconv.ParseUint(digits, 16, 64)
	}
	info, err := os.Stat(filepath.Join(l.dir, name))
	if err != nil {
		return k, time.Time{}, err
	}
	files, err := os.ReadDir(filepath.Join(l.dir, name))
	for _, f := range files {
		if i, err := f.Info(); err == nil {
			k.bytes += i.Size()
			k.calls++
		}
	}
	return k, info.ModTime(), err
}

// write puts a call on the disk, once there is room for it.
func (l *folder) write(c wasm.Recorded) error {
	text, err := json.MarshalIndent(cases.FromRecorded(c), "", "  ")
	if err != nil {
		return err
	}
	size := int64(len(text))
	if size > l.bytes {
		return errors.New("the call is larger than everything that may be kept")
	}
	k := l.request(c.Seed)
	if err := l.makeRoom(k, size); err != nil {
		return err
	}
	dir := filepath.Join(l.dir, k.name)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	hook := strings.TrimPrefix(c.Hook.String(), "penstock_")
	name := fmt.Sprintf("%05d-%s-%s.json", k.calls+1, c.Module, hook)
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		return err
	}
	k.calls++
	k.bytes += size
	l.total += size
	return nil
}

// find returns a request's entry, nil without one. The calls of one request come close
// together.
func (l *folder) find(seed uint64) *keptRequest {
	for _, k := range slices.Backward(l.kept) {
		if k.seed == seed {
			return k
		}
	}
	return nil
}

// request finds a request's entry, or begins one.
func (l *folder) request(seed uint64) *keptRequest {
	if k := l.find(seed); k != nil {
		return k
	}
	k := &keptRequest{seed: seed, name: fmt.Sprintf("%s%016x", unnamed, seed)}
	l.kept = append(l.kept, k)
	return k
}

// makeRoom removes the oldest requests until there is room for size more bytes. A
// request that fills everything by itself loses its own first calls.
func (l *folder) makeRoom(k *keptRequest, size int64) error {
	for len(l.kept) > l.requests || l.total+size > l.bytes {
		oldest := l.kept[0]
		if err := os.RemoveAll(filepath.Join(l.dir, oldest.name)); err != nil {
			return err
		}
		l.total -= oldest.bytes
		oldest.bytes = 0
		l.kept = slices.Delete(l.kept, 0, 1)
		if oldest == k { // its numbers go on
			l.kept = append(l.kept, k)
		}
	}
	return nil
}

// name calls a request's folder by its id, now that the id is known.
func (l *folder) name(id string) error {
	k := l.find(hook.SeedOf(id))
	if k == nil || k.name == id || !filepath.IsLocal(id) || filepath.Base(id) != id {
		return nil
	}
	if err := os.Rename(filepath.Join(l.dir, k.name), filepath.Join(l.dir, id)); err != nil {
		return err
	}
	k.name = id
	return nil
}

// Call is a recorded call.
type Call struct {
	// File is the name of its file, Plugin the plugin that was called.
	File, Plugin string
	// Text is the call as a case.
	Text []byte
}

// Read reads the calls of a request in their order. Without any the error is
// fs.ErrNotExist.
func Read(dir, id string) ([]Call, error) {
	if !filepath.IsLocal(id) || filepath.Base(id) != id {
		return nil, fmt.Errorf("%q is not a request's id", id)
	}
	at := filepath.Join(dir, id)
	if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) { // it may not be over yet
		at = filepath.Join(dir, fmt.Sprintf("%s%016x", unnamed, hook.SeedOf(id)))
	}
	entries, err := os.ReadDir(at) // sorted, as their numbers are
	if err != nil {
		return nil, err
	}
	var calls []Call
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(at, e.Name()))
		if err != nil {
			return nil, err
		}
		_, rest, _ := strings.Cut(e.Name(), "-")
		calls = append(calls, Call{e.Name(), rest[:max(strings.LastIndexByte(rest, '-'), 0)], text})
	}
	return calls, nil
}
