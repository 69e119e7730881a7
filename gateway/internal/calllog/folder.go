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

// folder holds the recorded calls, in one folder for each request. It is used by one
// goroutine at a time.
type folder struct {
	dir string
	// maxRequests and maxBytes bound what is kept.
	maxRequests int
	maxBytes    int64

	requests []*request // oldest first
	bytes    int64
}

// request is the folder of one request.
type request struct {
	seed  uint64
	name  string
	calls int
	bytes int64
}

// unnamed is the prefix of a request's folder until its id is known. No id has it.
const unnamed = "seed-"

// nameOfSeed returns the name of a request's folder until its id is known.
func nameOfSeed(seed uint64) string { return fmt.Sprintf("%s%016x", unnamed, seed) }

// open creates the folder and reads what an earlier process has left in it.
func (l *folder) open() error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	ages := map[*request]time.Time{}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		q, age, err := l.readRequest(e.Name())
		if err != nil {
			return err
		}
		ages[q] = age
		l.requests = append(l.requests, q)
		l.bytes += q.bytes
	}
	slices.SortStableFunc(l.requests, func(a, b *request) int { return ages[a].Compare(ages[b]) })
	return nil
}

// readRequest counts the calls in a request's folder.
func (l *folder) readRequest(name string) (*request, time.Time, error) {
	q := &request{name: name, seed: hook.SeedOf(name)}
	if digits, ok := strings.CutPrefix(name, unnamed); ok {
		q.seed, _ = strconv.ParseUint(digits, 16, 64)
	}
	info, err := os.Stat(filepath.Join(l.dir, name))
	if err != nil {
		return q, time.Time{}, err
	}
	files, err := os.ReadDir(filepath.Join(l.dir, name))
	for _, f := range files {
		if i, err := f.Info(); err == nil {
			q.bytes += i.Size()
			q.calls++
		}
	}
	return q, info.ModTime(), err
}

// write writes a call, after removing old ones to make room for it.
func (l *folder) write(c wasm.Recorded) error {
	text, err := json.MarshalIndent(cases.FromRecorded(c), "", "  ")
	if err != nil {
		return err
	}
	size := int64(len(text))
	if size > l.maxBytes {
		return errors.New("the call is larger than everything that may be kept")
	}
	q := l.request(c.Seed)
	if err := l.makeRoom(q, size); err != nil {
		return err
	}
	dir := filepath.Join(l.dir, q.name)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	name := fmt.Sprintf("%05d-%s-%s.json", q.calls+1, c.Module, strings.TrimPrefix(c.Hook.String(), "penstock_"))
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		return err
	}
	q.calls++
	q.bytes += size
	l.bytes += size
	return nil
}

// find returns the request with a seed, nil if there is none. It searches from the newest
// on, since the calls of one request come close together.
func (l *folder) find(seed uint64) *request {
	for _, q := range slices.Backward(l.requests) {
		if q.seed == seed {
			return q
		}
	}
	return nil
}

// request returns the request with a seed, a new one if there is none.
func (l *folder) request(seed uint64) *request {
	if q := l.find(seed); q != nil {
		return q
	}
	q := &request{seed: seed, name: nameOfSeed(seed)}
	l.requests = append(l.requests, q)
	return q
}

// makeRoom removes the oldest requests until there is room for size more bytes of q. If
// q alone fills everything, it loses its first calls.
func (l *folder) makeRoom(q *request, size int64) error {
	for len(l.requests) > l.maxRequests || l.bytes+size > l.maxBytes {
		oldest := l.requests[0]
		if err := os.RemoveAll(filepath.Join(l.dir, oldest.name)); err != nil {
			return err
		}
		l.bytes -= oldest.bytes
		oldest.bytes = 0
		l.requests = slices.Delete(l.requests, 0, 1)
		if oldest == q { // the numbering of its calls continues
			l.requests = append(l.requests, q)
		}
	}
	return nil
}

// rename gives a request's folder the request's id, now that it is known.
func (l *folder) rename(id string) error {
	q := l.find(hook.SeedOf(id))
	if q == nil || q.name == id || !isFileName(id) {
		return nil
	}
	if err := os.Rename(filepath.Join(l.dir, q.name), filepath.Join(l.dir, id)); err != nil {
		return err
	}
	q.name = id
	return nil
}

// isFileName reports whether an id names a file directly in the folder.
func isFileName(id string) bool { return filepath.IsLocal(id) && filepath.Base(id) == id }
