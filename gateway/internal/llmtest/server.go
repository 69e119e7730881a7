// Package llmtest provides a fake provider for tests, as httptest does: a server that
// follows a script, recorded replies to serve from it, and builders of replies in the
// providers' formats. It does not check requests but records them for the test.
package llmtest

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Request is one request to the server.
type Request struct {
	Method, Path, Query string
	Header              http.Header
	Body                []byte
}

// Server answers each request with the next step of its script; the last step answers all
// further ones.
type Server struct {
	// URL is the base URL, without a slash at the end.
	URL string

	script []Step
	closed chan struct{}
	mu     sync.Mutex
	seen   []Request
}

// NewServer starts a server on a loopback port and stops it when the test ends. An
// empty script fails the test at the first request.
func NewServer(t testing.TB, script ...Step) *Server {
	t.Helper()
	return start(t, (*httptest.Server).Start, script)
}

// NewTLSServer is like NewServer, with a certificate that no client trusts.
func NewTLSServer(t testing.TB, script ...Step) *Server {
	t.Helper()
	return start(t, (*httptest.Server).StartTLS, script)
}

func start(t testing.TB, begin func(*httptest.Server), script []Step) *Server {
	s := &Server{script: script, closed: make(chan struct{})}
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		step := s.next(t, r)
		if step != nil {
			step(&Exchange{w, r, s.closed})
		}
	}))
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // faults are intended
	begin(h)
	s.URL = h.URL
	t.Cleanup(func() {
		close(s.closed)
		h.CloseClientConnections()
		h.Close()
	})
	return s
}

// next records the request and returns the step that answers it.
func (s *Server) next(t testing.TB, r *http.Request) Step {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		return nil // the client is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, Request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), body})
	if len(s.script) == 0 {
		t.Errorf("llmtest: request to %s, but the script is empty", r.URL.Path)
		return nil
	}
	return s.script[min(len(s.seen), len(s.script))-1]
}

// Requests returns all requests so far, in order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// Handler returns a handler that answers every request with step, for a test with a server
// of its own. Only the client ends a step that waits.
func Handler(step Step) http.Handler {
	never := make(chan struct{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		step(&Exchange{w, r, never})
	})
}
