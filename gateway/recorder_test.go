package main

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
)

// recorded lists the files below a recorder's folder, closing it first.
func recorded(t *testing.T, r *recorder) []string {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	var names []string
	err := filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name, _ := filepath.Rel(r.dir, path)
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
		o     recorderOptions
		calls []call
		want  []string
	}{
		{"everything", recorderOptions{},
			[]call{{"req_a", "p-route", []byte("1")}, {"req_b", "p-route", []byte("2")}, {"req_a", "q-event", []byte("3")}},
			[]string{"req_a/00001-p-route.json", "req_a/00002-q-event.json", "req_b/00001-p-route.json"}},
		{"so many requests", recorderOptions{Requests: 2},
			[]call{{"req_a", "p", nil}, {"req_b", "p", nil}, {"req_c", "p", nil}, {"req_c", "p", nil}},
			[]string{"req_b/00001-p.json", "req_c/00001-p.json", "req_c/00002-p.json"}},
		{"so many bytes", recorderOptions{Bytes: 10},
			[]call{{"req_a", "p", []byte("1234")}, {"req_b", "p", []byte("1234")}, {"req_c", "p", []byte("123")}},
			[]string{"req_b/00001-p.json", "req_c/00001-p.json"}},
		{"one request that is too large", recorderOptions{Bytes: 10},
			[]call{{"req_a", "p", []byte("123456")}, {"req_a", "p", []byte("12345")}},
			[]string{"req_a/00002-p.json"}},
		{"a call that is too large", recorderOptions{Bytes: 10},
			[]call{{"req_a", "p", []byte("1")}, {"req_b", "p", []byte("12345678901")}},
			[]string{"req_a/00001-p.json"}},
		{"nothing outside", recorderOptions{},
			[]call{{"../req", "p", nil}, {"req", "a/b", nil}, {".", "p", nil}, {"", "p", nil}, {"req", "p", nil}},
			[]string{"req/00001-p.json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := openRecorder(filepath.Join(t.TempDir(), "calls"), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range tt.calls {
				r.Add(c)
			}
			if diff := cmp.Diff(tt.want, recorded(t, r)); diff != "" {
				t.Errorf("files on the disk (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecorderGoesOnAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calls")
	for run := range 3 {
		r, err := openRecorder(dir, recorderOptions{Requests: 2})
		if err != nil {
			t.Fatal(err)
		}
		r.Add(call{fmt.Sprintf("req_%d", run), "p", []byte("{}")})
		files := recorded(t, r)
		if want := min(run+1, 2); len(files) != want || !strings.HasPrefix(files[want-1], fmt.Sprintf("req_%d/", run)) {
			t.Errorf("after run %d there is %v, want the last %d", run, files, want)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "req_2"), filepath.Join(dir, "req_2", "00001-p.json")} {
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
	o := recorderOptions{QueueBytes: 100, Log: slog.New(slog.NewTextHandler(&log, nil))}
	r := &recorder{o: o, queue: make(chan call, 2), done: make(chan struct{})}
	r.Add(call{"req", "p", make([]byte, 101)})
	for range 5 {
		r.Add(call{"req", "p", []byte("x")})
	}
	if got := r.Dropped(); got != 4 {
		t.Errorf("Dropped() = %d, want 4: one for its size, three for the queue", got)
	}
	if n := strings.Count(log.String(), "dropped"); n != 1 {
		t.Errorf("it was said %d times, want once:\n%s", n, &log)
	}
	if n := testing.AllocsPerRun(100, func() { r.Add(call{"req", "p", nil}) }); n > 0 {
		t.Errorf("a call that is dropped allocates %v times", n)
	}
}

func TestHammerRecorder(t *testing.T) {
	r, err := openRecorder(t.TempDir(), recorderOptions{Requests: 3})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 50 {
				r.Add(call{fmt.Sprintf("req_%d", i%5), fmt.Sprintf("p%d", n), []byte("{}")})
			}
		})
	}
	wg.Go(func() { r.Close() })
	wg.Wait()
	requests := map[string]bool{}
	for _, name := range recorded(t, r) {
		requests[filepath.Dir(name)] = true
	}
	if len(requests) > 3 {
		t.Errorf("there are %d requests on the disk, want at most 3", len(requests))
	}
}
