package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// querySigner signs in the query with a new key for every call.
type querySigner struct {
	calls atomic.Int64
	err   error
}

func (q *querySigner) current() string { return fmt.Sprintf("token-canary-%d", q.calls.Load()) }

func (q *querySigner) Sign(_ context.Context, r *http.Request, body []byte) error {
	q.calls.Add(1)
	if q.err != nil {
		return fmt.Errorf("refresh %s: %w", q.current(), q.err)
	}
	query := r.URL.Query()
	query.Set("key", q.current())
	query.Set("length", fmt.Sprint(len(body)))
	r.URL.RawQuery = query.Encode()
	r.Header["X-Signed"] = []string{"yes"}
	return nil
}

func (q *querySigner) Secrets() []string { return []string{q.current()} }

// TestSignersComeLast has a signer that changes the URL and the headers of each call.
func TestSignersComeLast(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(200, "{}"))
	c := dial(t, Options{BaseURL: s.URL, Signer: &querySigner{}})
	for i := range 2 {
		a, err := c.Do(t.Context(), llm.Call{Path: "/x", Query: "key=client&b=c", Body: []byte("{}"), Header: http.Header{"x-signed": {"no"}}})
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		r := s.Requests()[i]
		if want := fmt.Sprintf("b=c&key=token-canary-%d&length=2", i+1); r.Query != want || r.Header.Get("X-Signed") != "yes" {
			t.Errorf("call %d: sent ?%s with X-Signed %q, want ?%s", i, r.Query, r.Header.Values("X-Signed"), want)
		}
	}
	if c.header["X-Signed"] != nil || c.base.RawQuery != "" {
		t.Error("signing one call changes the client")
	}
}

// TestRenewedSecretsAreRedacted has a secret that did not exist when the client was made.
func TestRenewedSecretsAreRedacted(t *testing.T) {
	c := dial(t, Options{BaseURL: "http://127.0.0.1:1", Signer: &querySigner{}, Header: http.Header{"X-Secret": {"header-canary"}}})
	if _, err := c.Do(t.Context(), call); err == nil {
		t.Fatal("a call to a closed port succeeds")
	}
	for range 2 {
		e := c.Redact(&llm.Error{Message: "token-canary-1 and header-canary"})
		if e.Message != "REDACTED and REDACTED" {
			t.Errorf("message %q, want both secrets redacted", e.Message)
		}
	}
}

func TestSignFailures(t *testing.T) {
	limited := &llm.Error{Code: llm.CodeUpstream, Status: 502, Fault: llm.FaultNetwork, Message: "The token endpoint is down."}
	canceled, cancel := context.WithCancelCause(t.Context())
	cancel(errFirstToken)
	tests := []struct {
		name string
		ctx  context.Context
		err  error
		want llm.Fault
	}{
		{"any error", t.Context(), errors.New("no token"), llm.FaultAuth},
		{"its own fault", t.Context(), limited, llm.FaultNetwork},
		{"the call's limit", canceled, errors.New("interrupted"), llm.FaultTimeout},
	}
	s := llmtest.NewServer(t, llmtest.JSON(200, "{}"))
	for _, tt := range tests {
		c := dial(t, Options{BaseURL: s.URL, Signer: &querySigner{err: tt.err}})
		_, err := c.Do(tt.ctx, call)
		e := llm.AsError(err)
		if e.Fault != tt.want || e.Message == "" {
			t.Errorf("%s: fault %q with message %q, want %q", tt.name, e.Fault, e.Message, tt.want)
		}
		if all := fmt.Sprint(e.Message, e.Err, err); strings.Contains(all, "canary") {
			t.Errorf("%s: the secret shows in %s", tt.name, all)
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d unsigned calls were sent", n)
	}
}

// TestNoKeyNoCredentials: an empty key sends no header at all.
func TestNoKeyNoCredentials(t *testing.T) {
	for _, signer := range []Signer{Bearer(""), XAPIKey(""), APIKey(""), XGoogAPIKey("")} {
		if signer != nil {
			t.Errorf("signer of an empty key = %v, want nil", signer)
		}
	}
	s := llmtest.NewServer(t, llmtest.JSON(200, "{}"))
	if _, err := plainClient(t, s.URL).Do(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Authorization", "X-Api-Key", "Api-Key"} {
		if v, ok := s.Requests()[0].Header[name]; ok {
			t.Errorf("header %s = %q without a key", name, v)
		}
	}
}
