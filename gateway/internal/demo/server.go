// Package demo is a provider to try Penstock with: an HTTP server on a loopback port with
// OpenAI's chat-completions format. It counts tokens, has prices, and fails, stalls, cuts
// the connection or is slow on request. It is not a model: it composes the same answer to
// the same request every time. It does not know the gateway, which treats it as any other
// provider.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure the server. The zero value works.
type Options struct {
	// Pause waits between words, as a model does between tokens; it returns early
	// with an error when ctx ends. Nil means a real clock.
	Pause func(ctx context.Context, d time.Duration) error
	// MaxRequests bounds the requests answered at the same time; more get a 503 with
	// Retry-After. Zero means 10,000.
	MaxRequests int
	// MaxBody bounds a request's body in bytes. Zero means 32 MiB.
	MaxBody int64
	// MaxStall bounds how long a stall lasts. Zero means 10 minutes.
	MaxStall time.Duration
	// Now dates the replies. Nil means time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.MaxRequests <= 0 {
		o.MaxRequests = 10_000
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 32 << 20
	}
	if o.MaxStall <= 0 {
		o.MaxStall = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// pause waits on the real clock.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Server is the running provider.
type Server struct {
	o      Options
	http   http.Server
	url    string
	stop   context.CancelFunc
	served sync.WaitGroup
	closed sync.Once
	slots  chan struct{} // each request being answered holds one
	count  atomic.Uint64
}

// Start starts a server on a free loopback port. The caller must Close it.
func Start(o Options) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the demo provider: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	o = o.withDefaults()
	s := &Server{o: o, url: "http://" + l.Addr().String() + "/v1", stop: stop, slots: make(chan struct{}, o.MaxRequests)}
	s.http = http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          log.New(io.Discard, "", 0), // its faults are intended
	}
	s.served.Go(func() { _ = s.http.Serve(l) }) // the error is always ErrServerClosed
	return s, nil
}

// URL returns the provider's base URL, such as "http://127.0.0.1:41234/v1".
func (s *Server) URL() string { return s.url }

// Close aborts running requests and returns when the server has ended. It may be called
// twice.
func (s *Server) Close() error {
	var err error
	s.closed.Do(func() {
		s.stop()
		err = s.http.Close()
		s.served.Wait()
		for range cap(s.slots) { // wait for the handlers
			s.slots <- struct{}{}
		}
	})
	return err
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.limit(s.chat))
	mux.HandleFunc("GET /v1/models", s.models)
	mux.HandleFunc("GET /v1/models/{id}", s.model)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fault{code: "not_found", message: "The demo provider has no " + r.Method + " " + r.URL.Path + "."})
	})
	return mux
}

// limit refuses requests beyond MaxRequests.
func (s *Server) limit(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
			next(w, r)
		default:
			refuse(w, http.StatusServiceUnavailable, fault{code: "overloaded", message: "The demo provider is busy.", retryAfter: time.Second})
		}
	}
}

// chat answers one request.
func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.o.MaxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, fault{code: "request_too_large",
			message: "The request is larger than " + strconv.FormatInt(s.o.MaxBody, 10) + " bytes."})
		return
	}
	if err != nil {
		return // the caller is gone
	}
	req, err := parse(body)
	if f := (fault{}); errors.As(err, &f) {
		refuse(w, f.status, f)
		return
	}
	x := &exchange{s: s, w: w, ctx: r.Context(), req: req, id: s.nextID(), created: s.o.Now().Unix()}
	x.serve()
}

func (s *Server) nextID() string {
	return fmt.Sprintf("chatcmpl-demo-%x-%x", s.o.Now().UnixNano(), s.count.Add(1))
}
