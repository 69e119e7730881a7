package upstream

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

func TestFault18Oddities(t *testing.T) {
	elsewhere := llmtest.NewServer(t, llmtest.JSON(200, "{}"))
	tests := []struct {
		name string
		step llmtest.Step
		want llm.Fault
	}{
		{"short body", llmtest.WrongLength(100, "{}"), llm.FaultCut},
		{"huge header", llmtest.HugeHeader(1 << 20), llm.FaultMalformed},
		{"not HTTP", llmtest.Garbage("SSH-2.0-OpenSSH_9.6\r\n\r\n"), llm.FaultMalformed},
		{"HTML error page", llmtest.HTML(502), llm.FaultServer},
		{"HTML and no error", llmtest.HTML(404), llm.FaultNotFound},
		{"empty error", llmtest.JSON(503, ""), llm.FaultServer},
		{"connection closed", llmtest.Garbage(""), llm.FaultNetwork},
		{"redirect", llmtest.Redirect(elsewhere.URL), llm.FaultNotFound},
		{"brotli", llmtest.Steps(llmtest.Header("Content-Encoding", "br"), llmtest.JSON(200, "x")), llm.FaultMalformed},
		{"endless", llmtest.Endless(strings.Repeat("x", 1000)), llm.FaultTooLarge},
		{"endless error", llmtest.Steps(llmtest.Status(500), llmtest.Endless("x")), llm.FaultServer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := llmtest.NewServer(t, tt.step)
			c := dial(t, Options{BaseURL: s.URL, MaxReply: 1 << 20})
			if o := outcome(t, c); o.Fault != tt.want {
				t.Errorf("fault = %q, want %q", o.Fault, tt.want)
			}
		})
	}
	if n := len(elsewhere.Requests()); n != 0 {
		t.Errorf("%d requests followed the redirect", n)
	}
}

func TestFault18Bounds(t *testing.T) {
	body := strings.Repeat("x", 5000)
	s := llmtest.NewServer(t, llmtest.JSON(200, body))
	for _, tt := range []struct {
		bound  int64
		stream bool
		whole  bool
	}{{5000, false, true}, {4999, false, false}, {5000, true, true}, {4999, true, false}} {
		c := dial(t, Options{BaseURL: s.URL, MaxReply: tt.bound, MaxStream: tt.bound})
		a, err := c.Do(t.Context(), llm.Call{Stream: tt.stream})
		if err != nil {
			t.Fatal(err)
		}
		got, err := readText(a)
		if tt.whole && (err != nil || got != body) || !tt.whole && (faultOf(err) != llm.FaultTooLarge || int64(len(got)) != tt.bound) {
			t.Errorf("bound %d: %d bytes, %v", tt.bound, len(got), err)
		}
	}
}

func TestFault18OneByteAtATime(t *testing.T) {
	// Each byte waits for the test, which takes the place of a second.
	tick, gone := make(chan struct{}), make(chan struct{})
	slow := llmtest.Steps(llmtest.EventStream(), llmtest.Wait(tick), llmtest.Write("d"), llmtest.Wait(tick), llmtest.Write("a"), llmtest.Gone(gone))
	s := llmtest.NewServer(t, slow)
	ctx, cancel := context.WithCancelCause(t.Context())
	a, err := dial(t, Options{BaseURL: s.URL}).Do(ctx, llm.Call{Stream: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		tick <- struct{}{}
		if _, err := io.ReadFull(a.Body, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	cancel(errFirstToken)
	if _, err := readText(a); faultOf(err) != llm.FaultTimeout {
		t.Errorf("error = %v, want the limit", err)
	}
	<-gone
}

func TestFault18BadCertificate(t *testing.T) {
	s := llmtest.NewTLSServer(t, llmtest.JSON(200, "{}"))
	if o := outcome(t, dial(t, Options{BaseURL: s.URL})); o.Fault != llm.FaultNetwork {
		t.Errorf("fault = %q, want network", o.Fault)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests were sent to a server without a valid certificate", n)
	}
	plain := llmtest.NewServer(t, llmtest.JSON(200, "{}"))
	if o := outcome(t, dial(t, Options{BaseURL: strings.Replace(plain.URL, "http:", "https:", 1)})); o.Fault != llm.FaultNetwork {
		t.Errorf("fault of TLS towards a plain server = %q, want network", o.Fault)
	}
}

func TestFault18NoSuchHost(t *testing.T) {
	_, err := dial(t, Options{BaseURL: "http://penstock.invalid"}).Do(t.Context(), call)
	if e := llm.AsError(err); e.Fault != llm.FaultNetwork || e.Status != http.StatusBadGateway {
		t.Errorf("error = %+v, want network", e)
	}
}
