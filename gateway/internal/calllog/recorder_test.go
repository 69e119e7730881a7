package calllog

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// callOf is a call of plugin p during a request, with so many bytes of input.
func callOf(request string, size int) wasm.Recorded {
	return wasm.Recorded{Module: "p", Hook: hook.Route, Seed: hook.SeedOf(request), Input: bytes.Repeat([]byte("x"), size)}
}

// onDisk lists the files below a recorder's folder, closing it first.
func onDisk(t *testing.T, r *Recorder) []string {
	t.Helper()
	r.Close()
	var names []string
	err := filepath.WalkDir(r.folder.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name, _ := filepath.Rel(r.folder.dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestRecorderKeepsTheLast(t *testing.T) {
	for _, tt := range []struct {
		name  string
		o     Options
		calls []wasm.Recorded
		want  []string
	}{
		{"everything", Options{},
			[]wasm.Recorded{callOf("req_a", 1), callOf("req_b", 1), callOf("req_a", 1)},
			[]string{"req_a/00001-p-route.json", "req_a/00002-p-route.json", "req_b/00001-p-route.json"}},
		{"nothing of no request", Options{},
			[]wasm.Recorded{callOf("", 1), callOf("req_a", 1)},
			[]string{"req_a/00001-p-route.json"}},
		{"so many requests", Options{Requests: 2},
			[]wasm.Recorded{callOf("req_a", 1), callOf("req_b", 1), callOf("req_c", 1), callOf("req_c", 1)},
			[]string{"req_b/00001-p-route.json", "req_c/00001-p-route.json", "req_c/00002-p-route.json"}},
		{"so many bytes", Options{Bytes: 3000},
			[]wasm.Recorded{callOf("req_a", 1000), callOf("req_b", 1000), callOf("req_c", 1000)},
			[]string{"req_b/00001-p-route.json", "req_c/00001-p-route.json"}},
		{"one request that is too large", Options{Bytes: 3000},
			[]wasm.Recorded{callOf("req_a", 2000), callOf("req_a", 2000)},
			[]string{"req_a/00002-p-route.json"}},
		{"a call that is too large", Options{Bytes: 3000},
			[]wasm.Recorded{callOf("req_a", 1), callOf("req_b", 3000)},
			[]string{"req_a/00001-p-route.json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Open(filepath.Join(t.TempDir(), "calls"), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range tt.calls {
				r.Record(c)
			}
			for _, id := range []string{"req_a", "req_b", "req_c", "req_without_calls", "../req"} {
				r.Finish(id)
			}
			if diff := cmp.Diff(tt.want, onDisk(t, r)); diff != "" {
				t.Errorf("files on the disk (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordedCallsAreFound(t *testing.T) {
	r, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	over, open := callOf("req_over", 3), callOf("req_open", 3)
	over.Module, over.Output = "first-router", []byte(`{"ranking":[]}`)
	r.Record(over)
	r.Record(open)
	r.Finish("req_over")
	r.Close()
	for id, want := range map[string]wasm.Recorded{"req_over": over, "req_open": open} {
		calls, err := Read(r.folder.dir, id)
		if err != nil || len(calls) != 1 || calls[0].Plugin != want.Module {
			t.Fatalf("Read(%s) = %+v, %v, want the call of %s", id, calls, err, want.Module)
		}
		got, err := cases.Parse(calls[0].File, calls[0].Text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]cases.Case{cases.FromRecorded(want)}, got); diff != "" {
			t.Errorf("the case of %s (-want +got):\n%s", id, diff)
		}
	}
	for _, id := range []string{"req_nobody", "..", ""} {
		if calls, err := Read(r.folder.dir, id); err == nil {
			t.Errorf("Read(%q) = %+v, want an error", id, calls)
		}
	}
}

func TestRecorderGoesOnAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calls")
	for run := range 3 {
		r, err := Open(dir, Options{Requests: 2})
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("req_%d", run)
		r.Record(callOf(id, 2))
		r.Finish(id)
		files := onDisk(t, r)
		if want := min(run+1, 2); len(files) != want || !strings.HasPrefix(files[want-1], id+"/") {
			t.Errorf("after run %d there is %v, want the last %d", run, files, want)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "req_2"), filepath.Join(dir, "req_2", "00001-p-route.json")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o077 != 0 {
			t.Errorf("%s has mode %o: prompts are open to others", path, info.Mode().Perm())
		}
	}
}

// TestRecorderDoesNotWait fills a queue that nobody empties.
func TestRecorderDoesNotWait(t *testing.T) {
	var log bytes.Buffer
	o := Options{QueueBytes: 100, Log: slog.New(slog.NewTextHandler(&log, nil))}
	r := &Recorder{o: o, queue: make(chan entry, 2), done: make(chan struct{})}
	r.Record(callOf("req", 101))
	for range 5 {
		r.Record(callOf("req", 1))
	}
	if got := r.dropped.Load(); got != 4 {
		t.Errorf("dropped %d calls, want 4: one for its size, three for the queue", got)
	}
	if got := r.waiting.Load(); got != 2 {
		t.Errorf("%d bytes wait, want 2", got)
	}
	if n := strings.Count(log.String(), "dropped"); n != 1 {
		t.Errorf("it was logged %d times, want once:\n%s", n, &log)
	}
}

func TestDir(t *testing.T) {
	for ledger, want := range map[string]string{
		"sqlite://penstock.db": "penstock.db.calls", "sqlite:///var/p.db?x=1": "/var/p.db.calls", "sqlite://:memory:": "", "postgres://db": "", "": "",
	} {
		if got := Dir(ledger); got != want {
			t.Errorf("Dir(%q) = %q, want %q", ledger, got, want)
		}
	}
}

func TestHammerRecorder(t *testing.T) {
	r, err := Open(t.TempDir(), Options{Requests: 3})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				r.Record(callOf(fmt.Sprintf("req_%d", i%5), 10))
				r.Finish(fmt.Sprintf("req_%d", i%5))
			}
		})
	}
	wg.Go(r.Close)
	wg.Wait()
	requests := map[string]bool{}
	for _, name := range onDisk(t, r) {
		requests[filepath.Dir(name)] = true
	}
	if len(requests) > 3 {
		t.Errorf("there are %d requests on the disk, want at most 3", len(requests))
	}
}

func BenchmarkRecord(b *testing.B) {
	r, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	c := callOf("req_a", 2000)
	b.ReportAllocs()
	for b.Loop() {
		r.Record(c)
	}
}
