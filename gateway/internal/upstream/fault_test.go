package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/publicaddr"
	"github.com/penstock/penstock/gateway/internal/wire/apierror"
)

// These tests follow the numbered faults of a provider: what the client and Health
// report of each, so that the pipeline does the right thing.

// outcome is what the pipeline would report of a call.
func outcome(t *testing.T, c *Client) Outcome {
	t.Helper()
	a, err := c.Do(t.Context(), call)
	if err != nil {
		return Outcome{Fault: llm.AsError(err).Fault}
	}
	if a.Status >= 400 {
		e := readError(a)
		return Outcome{Fault: e.Fault, Status: a.Status, RetryAfter: e.RetryAfter, Header: a.Header}
	}
	_, err = readText(a)
	return Outcome{Fault: faultOf(err), Status: a.Status, Header: a.Header}
}

// testHealth is a Health with a clock that the test sets.
type testHealth struct {
	*Health
	t     *testing.T
	now   time.Time
	calls int
}

func newTestHealth(t *testing.T) *testHealth {
	w := &testHealth{t: t, now: testNow}
	w.Health = NewHealth(HealthOptions{Random: func() float64 { return 0 }}, func() time.Time { return w.now })
	return w
}

// begin starts an attempt of a request of its own.
func (w *testHealth) begin(id string) (Flight, bool) {
	w.calls++
	return w.Begin(id, Asking{Request: fmt.Sprint("req", w.calls)})
}

func (w *testHealth) report(o Outcome) {
	w.t.Helper()
	f, ok := w.begin("p/m")
	if !ok {
		w.t.Fatal("Begin refuses")
	}
	if o.FirstToken > 0 {
		f.FirstToken(o.FirstToken, o.Header)
		o.Noted = true
	}
	f.Done(o)
}

// wantCooldown asserts for how long and why the target cools down in its Stats.
func (w *testHealth) wantCooldown(want time.Duration, why string) {
	w.t.Helper()
	s := w.Stats("p/m")
	if s.CoolingFor != why || want > 0 && s.CoolingUntil.Sub(w.now) != want {
		w.t.Errorf("cooldown for %q, %v; want %v for %q", s.CoolingFor, s.CoolingUntil.Sub(w.now), want, why)
	}
}

// wantAllowed asserts whether a target may be called, and that Cooling and Begin agree.
func (w *testHealth) wantAllowed(id string, want bool) {
	w.t.Helper()
	why, until := w.Cooling(id)
	f, ok := w.begin(id)
	if ok != want || (why == "") != want || (why == "") != until.IsZero() {
		w.t.Errorf("%s may be called: %v, cooling down for %q until %v, want %v", id, ok, why, until, want)
	}
	if ok {
		f.Done(Outcome{Fault: llm.FaultCanceled})
	}
}

func TestFault1RateLimitWithRetryAfter(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.Steps(llmtest.Header("Retry-After", "2"), llmtest.JSON(429, llmtest.OpenAIError("requests", "rate_limit_exceeded", "slow"))))
	o, w := outcome(t, dial(t, Options{BaseURL: s.URL})), newTestHealth(t)
	if o.Fault != llm.FaultRateLimited || o.RetryAfter != 2*time.Second {
		t.Fatalf("outcome = %+v, want a rate limit of 2 s", o)
	}
	w.report(o)
	w.wantCooldown(2*time.Second, "rate_limited")
	w.wantAllowed("p/m", false)
	w.now = w.now.Add(2 * time.Second)
	w.wantCooldown(0, "")
}

func TestFault2RateLimitWithoutHeader(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(429, `{"error":{"message":"slow"}}`))
	c, w := dial(t, Options{BaseURL: s.URL}), newTestHealth(t)
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		w.report(outcome(t, c))
		w.report(outcome(t, c)) // one more at the same time counts as the same refusal
		w.wantCooldown(want*time.Second, "rate_limited")
		w.now = w.now.Add(want * time.Second)
		w.wantAllowed("p/m", true)
		w.wantCooldown(0, "")
	}
	w.report(Outcome{})
	w.report(outcome(t, c))
	w.wantCooldown(time.Second, "rate_limited")
}

func TestFault3ServerErrorOnce(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(500, `{"error":{"message":"boom"}}`), llmtest.JSON(200, `{}`))
	c, w := dial(t, Options{BaseURL: s.URL}), newTestHealth(t)
	o := outcome(t, c)
	if o.Fault != llm.FaultServer || !o.Fault.Retryable() {
		t.Errorf("fault = %q, want one to retry", o.Fault)
	}
	w.report(o)
	w.wantCooldown(0, "")
	if o := outcome(t, c); o.Fault != llm.FaultNone {
		t.Errorf("second try: fault %q", o.Fault)
	}
}

func TestFault4ServerErrorAlways(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(503, `{"error":{"message":"down"}}`))
	c, w := dial(t, Options{BaseURL: s.URL}), newTestHealth(t)
	for range 3 {
		w.wantCooldown(0, "")
		w.report(outcome(t, c))
	}
	w.wantCooldown(5*time.Second, "server")
	w.wantAllowed("p/m", false)
}

func TestFault5Reset(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(200, "{}"), llmtest.Reset())
	c := dial(t, Options{BaseURL: s.URL})
	if o := outcome(t, c); o.Fault != llm.FaultNone {
		t.Fatalf("first call: fault %q", o.Fault)
	}
	// On a fresh connection and on one that has been used before.
	for range 2 {
		if o := outcome(t, c); o.Fault != llm.FaultNetwork || !o.Fault.Retryable() {
			t.Errorf("fault = %q, want network", o.Fault)
		}
	}
	refused := dial(t, Options{BaseURL: "http://" + closedPort(t)})
	if o := outcome(t, refused); o.Fault != llm.FaultNetwork {
		t.Errorf("fault of a refused connection = %q, want network", o.Fault)
	}
}

// closedPort returns an address without a listener.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// errFirstToken stands for the limit that the pipeline cancels a call with.
var errFirstToken = &llm.Error{Code: llm.CodeUpstreamTimeout, Status: 504, Fault: llm.FaultTimeout, Message: "No token came in time."}

func TestFault6Silence(t *testing.T) {
	arrived := make(chan struct{})
	s := llmtest.NewServer(t, llmtest.Steps(llmtest.Signal(arrived), llmtest.Stall()))
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(errFirstToken)
	}()
	_, err := dial(t, Options{BaseURL: s.URL}).Do(ctx, call)
	if !errors.Is(err, errFirstToken) {
		t.Errorf("error = %v, want the limit's own", err)
	}
	if f := faultOf(err); f != llm.FaultTimeout || f.Retryable() || !f.Replaceable() {
		t.Errorf("fault = %q, want a timeout: not for the same target, but for the next", f)
	}
}

func TestFault6Deadline(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.Stall())
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := dial(t, Options{BaseURL: s.URL}).Do(ctx, call)
	if e := llm.AsError(err); e.Fault != llm.FaultTimeout || e.Status != 504 || e.Code != llm.CodeUpstreamTimeout {
		t.Errorf("error = %+v, want a timeout of status 504", e)
	}
}

func TestFault7HeadersAndNoToken(t *testing.T) {
	gone := make(chan struct{})
	s := llmtest.NewServer(t, llmtest.Steps(llmtest.EventStream(), llmtest.Gone(gone)), llmtest.SSE("a"))
	c := dial(t, Options{BaseURL: s.URL})
	ctx, cancel := context.WithCancelCause(t.Context())
	a, err := c.Do(ctx, llm.Call{Stream: true})
	if err != nil {
		t.Fatal(err)
	}
	cancel(errFirstToken)
	if _, err := readText(a); faultOf(err) != llm.FaultTimeout {
		t.Errorf("reading: %v, want the limit", err)
	}
	<-gone // the provider sees the end at once
	if o := outcome(t, c); o.Fault != llm.FaultNone {
		t.Errorf("the next call: fault %q, want health", o.Fault)
	}
}

func TestFault9StallWithinAStream(t *testing.T) {
	gone := make(chan struct{})
	s := llmtest.NewServer(t, llmtest.Steps(llmtest.SSE("a", "b"), llmtest.Gone(gone)), llmtest.SSE("a", "[DONE]"))
	c := dial(t, Options{BaseURL: s.URL})
	ctx, cancel := context.WithCancelCause(t.Context())
	a, err := c.Do(ctx, llm.Call{Stream: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(a.Body, make([]byte, len("data: a\n\ndata: b\n\n"))); err != nil {
		t.Fatal(err)
	}
	cancel(errFirstToken)
	if _, err := readText(a); faultOf(err) != llm.FaultTimeout {
		t.Errorf("reading on: %v, want the limit", err)
	}
	<-gone
	if o := outcome(t, c); o.Fault != llm.FaultNone {
		t.Errorf("the next call: fault %q, want health", o.Fault)
	}
}

func TestFault8StreamIsCut(t *testing.T) {
	for name, step := range map[string]llmtest.Step{
		"closed": llmtest.Steps(llmtest.SSE("a"), llmtest.Cut()),
		"length": llmtest.WrongLength(10_000, "data: a\n\n"),
	} {
		s := llmtest.NewServer(t, step)
		a, err := dial(t, Options{BaseURL: s.URL}).Do(t.Context(), llm.Call{Stream: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := readText(a)
		if e := llm.AsError(err); got != "data: a\n\n" || e.Fault != llm.FaultCut {
			t.Errorf("%s: read %q, %v, want the first event and a cut", name, got, err)
		}
	}
}

func TestCallerGone(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan struct{})
	s := llmtest.NewServer(t, llmtest.Steps(llmtest.Signal(arrived), llmtest.Gone(gone)))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := dial(t, Options{BaseURL: s.URL}).Do(ctx, call)
	if faultOf(err) != llm.FaultCanceled {
		t.Errorf("error = %v, want canceled", err)
	}
	<-gone
}

func TestClassify(t *testing.T) {
	tests := []struct {
		err  error
		want llm.Fault
	}{
		{nil, llm.FaultNone},
		{context.Canceled, llm.FaultCanceled},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), llm.FaultTimeout},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, llm.FaultNetwork},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, llm.FaultNetwork},
		{syscall.ECONNRESET, llm.FaultNetwork},
		{syscall.EPIPE, llm.FaultNetwork},
		{io.ErrUnexpectedEOF, llm.FaultNetwork},
		{fmt.Errorf("x: %w", &llm.Error{Fault: llm.FaultQuota}), llm.FaultQuota},
		{&net.OpError{Op: "dial", Err: publicaddr.ErrPrivate}, llm.FaultNotFound},
		{errors.New("malformed HTTP response"), llm.FaultMalformed},
	}
	for _, tt := range tests {
		if got := faultOf(tt.err); got != tt.want {
			t.Errorf("faultOf(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

// readError reads an error reply to its end and closes it.
func readError(a *llm.Answer) *llm.Error {
	b, _ := readText(a)
	return apierror.Read(a.Status, a.Header, []byte(b), testNow)
}
