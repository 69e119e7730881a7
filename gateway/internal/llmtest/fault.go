package llmtest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// FaultTimes are how long the faults take in which the clock matters. The zero value has
// them as they are in the table of faults, for a run in real time.
type FaultTimes struct {
	// RetryAfter is the Retry-After of a rate limit: 2 s.
	RetryAfter time.Duration
	// FirstToken is when a slow target's first token comes: 20 s.
	FirstToken time.Duration
	// Stall is how long a stream stalls: 30 s.
	Stall time.Duration
	// Tick is the pause after each byte of a trickle, and between pings: 1 s.
	Tick time.Duration
}

func (t FaultTimes) withDefaults() FaultTimes {
	or := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	or(&t.RetryAfter, 2*time.Second)
	or(&t.FirstToken, 20*time.Second)
	or(&t.Stall, 30*time.Second)
	or(&t.Tick, time.Second)
	return t
}

// FaultServer is a provider that answers in the format of the request's path. A model's
// name chooses what goes wrong: "f08-cut" is the fault of that name, "f08-cut.x" the same
// with counters of its own. Any other model is healthy and answers with FaultText; one
// whose name begins with "no-prefill" refuses conversations that end with the assistant.
type FaultServer struct {
	times  FaultTimes
	plain  *httptest.Server
	tls    *httptest.Server
	closed chan struct{}

	mu       sync.Mutex
	attempts map[string][]time.Time
	down     map[string]bool
	errors   []string
}

// FaultText is what a healthy model says: 60 tokens.
var FaultText = strings.TrimSpace(strings.Repeat("one two three four five six seven eight nine ten ", 5) +
	"eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty.")

// FaultTokens is the length of FaultText, and faultCut after how many of them it breaks off.
const (
	FaultTokens = 60
	faultCut    = 40
)

// NewFaultServer starts the server and stops it when the test ends.
func NewFaultServer(t testing.TB, times FaultTimes) *FaultServer {
	t.Helper()
	s := &FaultServer{times: times.withDefaults(), closed: make(chan struct{}), attempts: map[string][]time.Time{}, down: map[string]bool{}}
	unstarted := func() *httptest.Server {
		h := httptest.NewUnstartedServer(s)
		h.Config.ErrorLog = log.New(io.Discard, "", 0) // faults are intended
		return h
	}
	s.plain, s.tls = unstarted(), unstarted()
	s.tls.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.plain.Start()
	s.tls.StartTLS()
	t.Cleanup(func() {
		close(s.closed)
		for _, h := range []*httptest.Server{s.plain, s.tls} {
			h.CloseClientConnections()
			h.Close()
		}
	})
	return s
}

// BaseURL is where the model with a fault is reached by a provider of a dialect.
func (s *FaultServer) BaseURL(f Fault, dialect string) string {
	base := s.plain.URL
	switch f.place {
	case badCertificate:
		base = s.tls.URL
	case noSuchHost:
		base = "http://penstock.invalid"
	case nobodyListens:
		base = "http://127.0.0.1:1" // a port that needs root and that no service has
	}
	if dialect == "gemini" {
		return base + "/v1beta"
	}
	return base + "/v1"
}

// Attempts returns when a model was asked.
func (s *FaultServer) Attempts(model string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.attempts[model]...)
}

// SetDown says whether a model with the fault "f15-down" is down.
func (s *FaultServer) SetDown(model string, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[model] = down
}

// Misuse returns what the gateway sent that no provider may get: a key that followed a
// redirect.
func (s *FaultServer) Misuse() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.errors...)
}

// count notes an attempt and returns its number, from 1.
func (s *FaultServer) count(model string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts[model] = append(s.attempts[model], time.Now())
	return len(s.attempts[model])
}

func (s *FaultServer) isDown(model string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down[model]
}

func (s *FaultServer) misused(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors = append(s.errors, "a redirect was followed to "+r.URL.Path)
}

// earlyPeek is how much of a body is read to find the model of a fault that answers
// before it has the rest.
const earlyPeek = 4 << 10

var earlyModel = regexp.MustCompile(`"model": ?"(` + earlyFault + `[^"]*)"`)

// ServeHTTP implements http.Handler.
func (s *FaultServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, redirected) {
		s.misused(r)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	x := &Exchange{w, r, s.closed}
	body := bufio.NewReaderSize(r.Body, earlyPeek)
	if model := s.early(r, body); model != "" {
		s.count(model)
		refuseEarly()(x)
		return
	}
	whole, err := io.ReadAll(io.LimitReader(body, 64<<20))
	if err != nil {
		return // the gateway has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(whole))
	q, err := readQuestion(r)
	if err != nil {
		JSON(http.StatusBadRequest, OpenAIError("invalid_request_error", "invalid_request", err.Error()))(x)
		return
	}
	q.reply = q.faultless()
	name, _, _ := strings.Cut(q.model, ".")
	call := &faultCall{question: q, server: s, n: s.count(q.model)}
	if f, ok := findFault(name); ok {
		f.answer(call)(x)
		return
	}
	call.healthy()(x)
}

// early returns the model when it is one that answers before the body is here.
func (s *FaultServer) early(r *http.Request, body *bufio.Reader) string {
	if i := strings.Index(r.URL.Path, "/models/"+earlyFault); i >= 0 {
		model, _, _ := strings.Cut(r.URL.Path[i+len("/models/"):], ":")
		return model
	}
	head, _ := body.Peek(earlyPeek) // a short body is peeked at whole
	if m := earlyModel.FindSubmatch(head); m != nil {
		return string(m[1])
	}
	return ""
}

// faultCall is one request to the server.
type faultCall struct {
	*question
	server *FaultServer
	// n is the attempt's number for its model, from 1.
	n int
}

// faultless is the reply of a healthy model: what is left of FaultText after what the
// conversation's last message has of it.
func (q *question) faultless() Chat {
	c := Chat{Model: q.model, Text: FaultText}
	c.Usage.Input, c.Usage.Output = ModelTokens, FaultTokens
	if begun := q.prefill(); begun != "" {
		if rest, ok := strings.CutPrefix(FaultText, strings.TrimRight(begun, " ")); ok {
			c.Text = strings.TrimPrefix(rest, " ")
		}
	}
	return c
}

// prefill is what the last message has the assistant begin with; empty when it is not the
// assistant's.
func (q *question) prefill() string {
	last := q.last()
	if role := text(last, "role"); role != "assistant" && role != "model" {
		return ""
	}
	begun := text(last, "content")
	for _, part := range append(items(last, "content"), items(last, "parts")...) {
		begun += text(part, "text")
	}
	return begun
}

// healthy answers as a provider without a fault.
func (c *faultCall) healthy() Step {
	if strings.HasPrefix(c.model, "no-prefill") && c.prefill() != "" {
		return c.refuse(http.StatusBadRequest, "invalid_request_error", "",
			"This model does not support assistant message prefill. The conversation must end with a user message.")
	}
	return c.question.step()
}

// refuse answers with an error of the format.
func (c *faultCall) refuse(status int, kind, code, message string) Step {
	return JSON(status, c.errorBody(status, kind, code, message))
}

func (c *faultCall) errorBody(status int, kind, code, message string) string {
	switch c.kind {
	case messages:
		if kind == "" {
			kind = anthropicKind(status)
		}
		return AnthropicError(kind, message)
	case generateContent:
		return GeminiError(status, message)
	}
	return OpenAIError(kind, code, message)
}

// begun are the frames of the reply up to the token at which it breaks off, rest those
// after it.
func (c *faultCall) split() (begun, rest [][]byte) {
	frames, tokens := c.events(), 0
	for i, f := range frames {
		if bytes.Contains(f, []byte(`"content":"`)) && !bytes.Contains(f, []byte(`"content":""`)) || bytes.Contains(f, []byte("text_delta")) ||
			bytes.Contains(f, []byte("output_text.delta")) || bytes.Contains(f, []byte(`"parts":[{"text":"`)) {
			tokens++
		}
		if tokens == faultCut {
			return frames[:i+1], frames[i+1:]
		}
	}
	panic("llmtest: the reply has fewer tokens than it is to break off after")
}

// pause waits, unless the client or the server goes first.
func pause(d time.Duration) Step {
	return func(x *Exchange) {
		gate := make(chan struct{})
		timer := time.AfterFunc(d, func() { close(gate) })
		defer timer.Stop()
		Wait(gate)(x)
	}
}
