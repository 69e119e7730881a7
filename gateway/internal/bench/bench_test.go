package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain makes the test binary the processes that the bench starts: itself, and a
// gateway with a minimal command line.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "mock", "mock-tls", "load":
			main()
		case "keys":
			fmt.Println(`{"id":"k1","key":"sk-test"}`)
			os.Exit(0)
		case "serve":
			fmt.Fprintln(os.Stderr, serveFake())
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// serveFake is a gateway without features. It calls the mock and marks replies that should
// be cache hits.
func serveFake() error {
	text, err := os.ReadFile("penstock.yaml")
	if err != nil {
		return err
	}
	listen := regexp.MustCompile(`(?m)^listen: (.+)$`).FindSubmatch(text)[1]
	mock := regexp.MustCompile(`base_url: "(.+)/v1"`).FindSubmatch(text)[1]
	return http.ListenAndServe(string(listen), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk-test" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(modelCached)) {
			w.Header().Set("X-Penstock-Cache", "hit")
		}
		reply, err := http.Post(string(mock)+r.URL.Path, "application/json", bytes.NewReader(body))
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer reply.Body.Close()
		_, _ = io.Copy(w, reply.Body)
	}))
}

func TestBenchMeasuresEveryCellAndCleansUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, progress strings.Builder
	quick := slices.DeleteFunc(caseNames(), func(name string) bool { return name == "tls-paced-64" })
	args := []string{"-only", "direct,gateway", "-gateway", self, "-cases", strings.Join(quick, ","), "-rounds", "2", "-starts", "1", "-warm", "0s", "-measure", "100ms"}
	if err := run(t.Context(), args, strings.NewReader(""), &out, &progress); err != nil {
		t.Fatalf("run: %v\n%s", err, &progress)
	}
	if got, want := strings.Count(progress.String(), "round 2 of 2"), 20; got != want {
		t.Errorf("second round measured %d cells, want %d:\n%s", got, want, &progress)
	}
	for _, want := range []string{"JSON cache hit, 64 clients", "first Anthropic answer s", "CPU per JSON request over TLS, 64 clients, of floor", "req/s at p99 ≤ 10 ms"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, &out)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "penstock-bench-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBenchNamesWhatIsMissing(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-only direct,floor -floor /nowhere/floor", "/nowhere/floor"},
		{"-only direct,gateway -gateway /nowhere/penstock", "/nowhere/penstock"},
	} {
		err := run(t.Context(), strings.Fields(c.args), strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) || exitCode(err) != 1 {
			t.Errorf("run(%q) = %v, want an error with %q", c.args, err, c.want)
		}
	}
}

func TestBenchStopsWhenToldTo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	args := []string{"-only", "direct", "-cases", "json-1,sse-1", "-rounds", "20", "-measure", "100ms", "-warm", "0s"}
	var rounds atomic.Int64
	stop := writerFunc(func(p []byte) (int, error) { // the first line of progress ends the run
		rounds.Add(1)
		cancel()
		return len(p), nil
	})
	done := make(chan error, 1)
	go func() { done <- run(ctx, args, strings.NewReader(""), io.Discard, stop) }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("run after cancel = nil, want an error")
		}
		if n := rounds.Load(); n != 1 {
			t.Errorf("%d runs ended, want only the one before the cancel", n)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("run goes on after its context ended")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
