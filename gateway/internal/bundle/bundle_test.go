package bundle_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/bundle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newClient(t *testing.T, url string, change func(*bundle.Options)) *bundle.Client {
	t.Helper()
	o := bundle.Options{URL: url, Timeout: time.Minute, MaxSize: 1 << 20, UserAgent: "penstock/test", Header: map[string]string{"Authorization": "Bearer canary", "X-Secret": "canary"}}
	if change != nil {
		change(&o)
	}
	c := bundle.NewClient(o)
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestGet(t *testing.T) {
	var got []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization")+" "+r.Header.Get("X-Secret")+" "+r.Header.Get("If-None-Match")+" "+r.UserAgent())
		w.Header().Set("ETag", `"one"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("archive"))
	})
	c := newClient(t, s.URL+"/b.tar.gz?sig=canary", nil)
	r, err := c.Get(t.Context(), "")
	if err != nil || string(r.Archive) != "archive" || r.ETag != `"one"` {
		t.Fatalf("Get = %+v, %v", r, err)
	}
	if r, err = c.Get(t.Context(), r.ETag); err != nil || r.Archive != nil || r.ETag != `"one"` {
		t.Errorf("Get of the same version = %+v, %v", r, err)
	}
	if diff := cmp.Diff([]string{"Bearer canary canary  penstock/test", `Bearer canary canary "one" penstock/test`}, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// Another host gets nothing that may be a credential, and a redirect must not leave https.
func TestRedirects(t *testing.T) {
	var leaked []string
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), "canary") {
				leaked = append(leaked, name)
			}
		}
		_, _ = w.Write([]byte("archive"))
	})
	var same string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL+"/x", http.StatusFound)
		case "/here":
			http.Redirect(w, r, "/target", http.StatusMovedPermanently)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			same = r.Header.Get("X-Secret")
			_, _ = w.Write([]byte("archive"))
		}
	})
	if r, err := newClient(t, s.URL+"/away?sig=canary", nil).Get(t.Context(), ""); err != nil || string(r.Archive) != "archive" || leaked != nil {
		t.Errorf("to another host: %+v, %v, leaked %q", r, err, leaked)
	}
	if _, err := newClient(t, s.URL+"/here", nil).Get(t.Context(), ""); err != nil || same != "canary" {
		t.Errorf("on the same host: %v, got %q", err, same)
	}
	if _, err := newClient(t, s.URL+"/round", nil).Get(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "redirects more than 5 times") {
		t.Errorf("in a circle: %v", err)
	}
}

func TestGetFails(t *testing.T) {
	hung := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(make([]byte, 1<<20+1))
		case "/hangs":
			<-hung
		case "/stalls":
			_, _ = w.Write([]byte("begin"))
			w.(http.Flusher).Flush()
			<-hung
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("begin"))
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		default:
			http.Error(w, "down", http.StatusInternalServerError)
		}
	})
	t.Cleanup(func() { close(hung) }) // before the server closes
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	short := func(o *bundle.Options) { o.Timeout = 20 * time.Millisecond }
	for _, test := range []struct {
		url, want string
		change    func(*bundle.Options)
	}{
		{s.URL + "/large", "larger than 1048576 bytes (max_size)", nil},
		{s.URL + "/hangs", "has not sent the bundle within 20ms", short},
		{s.URL + "/stalls", "has not sent the bundle within 20ms", short},
		{s.URL + "/cut", "unexpected EOF", nil},
		{s.URL + "/500?sig=canary", "the server answered 500 Internal Server Error", nil},
		{s.URL + "/304", "the server answered 304", nil}, // which was not asked for
		{gone.URL + "?sig=canary", "refused", nil},
	} {
		_, err := newClient(t, test.url, test.change).Get(t.Context(), "")
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("Get %s = %v, want %q", test.url, err, test.want)
		}
	}
}

func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "penstock.db.bundle")
	if _, err := bundle.Load(path, "https://a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of nothing = %v", err)
	}
	want := bundle.Stored{URL: "https://a/b", ETag: `"one"`, Archive: []byte("line\nline\n\x00")}
	for range 2 {
		if err := bundle.Save(path, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := bundle.Load(path, want.URL)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Load: %v (-want +got):\n%s", err, diff)
	}
	if _, err := bundle.Load(path, "https://other/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of another address = %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("%d files are left, want 1", len(files))
	}
	for _, text := range []string{"", "no line", "{}", "no json\nx"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Load(path, want.URL); err == nil {
			t.Errorf("Load of %q worked", text)
		}
	}
	if err := bundle.Save(filepath.Join(t.TempDir(), "none", "x"), want); err == nil {
		t.Error("Save into a folder that is not there worked")
	}
}

// The interval varies by a fifth, and a reload asks at once.
func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		now := make(chan struct{}, 1)
		ended := make(chan struct{})
		var asked []time.Duration
		var atOnce []bool
		last := time.Now()
		go func() {
			defer close(ended)
			bundle.Poll(ctx, func() time.Duration { return time.Minute }, now, func(_ context.Context, now bool) {
				asked, atOnce = append(asked, time.Since(last)), append(atOnce, now)
				last = time.Now()
			})
		}()
		time.Sleep(100 * time.Minute)
		synctest.Wait()
		distinct := map[time.Duration]bool{}
		for _, d := range asked {
			distinct[d] = true
			if d < 48*time.Second || d > 72*time.Second {
				t.Errorf("asked after %v, want 48s to 72s", d)
			}
		}
		if len(asked) < 80 || len(distinct) < 50 {
			t.Errorf("asked %d times after %d different intervals", len(asked), len(distinct))
		}
		n := len(asked)
		now <- struct{}{}
		synctest.Wait()
		if len(asked) != n+1 || !atOnce[n] || atOnce[0] {
			t.Errorf("after a reload asked %d times more, at once %v", len(asked)-n, atOnce[n:])
		}
		stop()
		<-ended
	})
}
