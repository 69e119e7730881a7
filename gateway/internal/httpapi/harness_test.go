package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/httpapi"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const hello = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`

// start serves the data handler on a loopback port until the test ends.
func start(t testing.TB, f *httpapi.Fake) string {
	t.Helper()
	return startOn(t, f, context.Background())
}

// startOn is start with a context that ends all requests.
func startOn(t testing.TB, f *httpapi.Fake, base context.Context) string {
	t.Helper()
	return startAPI(t, f, base, func(a *httpapi.API) http.Handler { return a.Data })
}

func startAdmin(t testing.TB, f *httpapi.Fake) string {
	t.Helper()
	return startAPI(t, f, context.Background(), func(a *httpapi.API) http.Handler { return a.Admin })
}

func startAPI(t testing.TB, f *httpapi.Fake, base context.Context, pick func(*httpapi.API) http.Handler) string {
	t.Helper()
	a, err := httpapi.New(f.Options())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := a.NewServer(pick(a))
	s.BaseContext = func(net.Listener) context.Context { return base }
	// Close does not wait for handlers, but their connections are closed after them.
	var conns sync.WaitGroup
	s.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			conns.Done()
		}
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(a.Listener(l)) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve = %v", err)
		}
		conns.Wait()
	})
	return l.Addr().String()
}

// call sends one request; headers are name, value pairs.
func call(t testing.TB, method, addr, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	// A client of its own, so that no idle connection outlives the test.
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read reply: %v", err)
	}
	return resp, string(b)
}

// decodeError returns the members of an error in OpenAI's shape, all of which it must have.
func decodeError(t testing.TB, body string) (message, kind, code, param string) {
	t.Helper()
	var in struct {
		Error map[string]*string `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil || len(in.Error) != 4 {
		t.Fatalf("not an error in OpenAI's shape: %q %v", body, err)
	}
	member := func(name string) string {
		if v, ok := in.Error[name]; !ok {
			t.Errorf("no %s in %s", name, body)
		} else if v != nil {
			return *v
		}
		return ""
	}
	return member("message"), member("type"), member("code"), member("param")
}
