package wire

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestRender(t *testing.T) {
	native := []byte(`{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`)
	tests := []struct {
		name, path string
		err        *llm.Error
		status     int
		body       string
	}{
		{"OpenAI", "/v1/chat/completions", &llm.Error{Code: llm.CodeRateLimited, Status: 429, Message: "slow"}, 429,
			`{"error":{"message":"slow","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}`},
		{"OpenAI, overloaded", "/v1/chat/completions", &llm.Error{Status: 529, Message: "busy"}, 503,
			`{"error":{"message":"busy","type":"server_error","param":null,"code":null}}`},
		{"OpenAI, the provider's own", "/chat/completions", &llm.Error{Status: 400, Message: "no", Body: []byte(`{"error":{"x":1}}`)}, 400, `{"error":{"x":1}}`},
		{"OpenAI, another dialect's own", "/v1/chat/completions", &llm.Error{Status: 503, Message: "busy", Body: native, Dialect: llm.Anthropic}, 503,
			`{"error":{"message":"busy","type":"server_error","param":null,"code":null}}`},
		{"Anthropic", "/v1/messages", &llm.Error{Code: llm.CodeRateLimited, Status: 429, Message: "slow"}, 429,
			`{"type":"error","error":{"type":"rate_limit_error","message":"slow"},"request_id":"req_1"}`},
		{"Anthropic, the provider's own", "/v1/messages", &llm.Error{Status: 529, Body: native, Dialect: llm.Anthropic}, 529, string(native)},
		{"Anthropic, another dialect's own", "/v1/messages", &llm.Error{Status: 400, Message: "no", Body: []byte(`{"error":{"x":1}}`)}, 400,
			`{"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"req_1"}`},
		{"no status of an error", "/v1/messages", &llm.Error{Status: 200, Message: "no"}, 500,
			`{"type":"error","error":{"type":"api_error","message":"no"},"request_id":"req_1"}`},
	}
	for _, tt := range tests {
		c, _ := ClientAt(tt.path, "req_1")
		got := c.Error(t.Context(), tt.err)
		if got.Status != tt.status || strings.TrimSpace(string(got.Body)) != tt.body {
			t.Errorf("%s: %d %s\nwant %d %s", tt.name, got.Status, got.Body, tt.status, tt.body)
		}
	}
}

func TestAnthropicTypes(t *testing.T) {
	for status, want := range map[int]string{400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
		404: "not_found_error", 409: "invalid_request_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 502: "api_error",
		503: "overloaded_error", 504: "timeout_error", 529: "overloaded_error"} {
		if got := anthropicType(&llm.Error{Status: status}); got != want {
			t.Errorf("type of %d = %q, want %q", status, got, want)
		}
	}
}

func TestBreak(t *testing.T) {
	e := &llm.Error{Code: llm.CodeStreamCut, Status: 502, Message: "cut"}
	for path, want := range map[string]string{
		"/v1/chat/completions": `data: {"error":{"message":"cut","type":"server_error","param":null,"code":"stream_interrupted"}}` + "\n\n",
		"/v1/messages":         "event: error\ndata: " + `{"type":"error","error":{"type":"api_error","message":"cut"},"request_id":"req_1"}` + "\n\n",
	} {
		c, _ := ClientAt(path, "req_1")
		if got := string(c.Break(t.Context(), e)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	c, _ := ClientAt("/v1/messages", "req_1")
	pretty := &llm.Error{Status: 529, Body: []byte("{\n \"type\": \"error\"\n}"), Dialect: llm.Anthropic}
	if got, want := string(c.Break(t.Context(), pretty)), "event: error\ndata: {\"type\":\"error\"}\n\n"; got != want {
		t.Errorf("an error over several lines: %q, want %q", got, want)
	}
}

func TestClientAt(t *testing.T) {
	for path, want := range map[string]llm.Dialect{"/v1/chat/completions": llm.OpenAI, "/messages": llm.Anthropic, "/v1/messages/": "", "/": "", "/v1/Messages": ""} {
		c, ok := ClientAt(path, "")
		if ok != (want != "") || ok && c.format.Dialect != want {
			t.Errorf("ClientAt(%q) = %+v, %t, want %q", path, c, ok, want)
		}
	}
}

func TestClientRefusesABadBody(t *testing.T) {
	c, _ := ClientAt("/v1/messages", "req_1")
	_, err := c.Request(t.Context(), llm.Incoming{Body: []byte(`{"model":"m"}`)})
	var e *llm.Error
	if !errors.As(err, &e) || e.Status != http.StatusBadRequest {
		t.Errorf("Request = %v, want a refusal", err)
	}
}

func TestSession(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		facts  llm.Facts
		want   string
	}{
		{"nothing", nil, llm.Facts{}, ""},
		{"an agent's header", http.Header{"Session_id": {"s-1"}}, llm.Facts{User: "u"}, "s-1"},
		{"the gateway's own first", http.Header{"X-Penstock-Session": {"s-2"}, "Session_id": {"s-1"}}, llm.Facts{}, "s-2"},
		{"the cache key", nil, llm.Facts{PromptCacheKey: "k", User: "u"}, "k"},
		{"the user", nil, llm.Facts{User: "u"}, "u"},
		{"what no session is called", http.Header{"X-Session-Id": {strings.Repeat("x", 300)}, "Session-Id": {"a\x01b"}}, llm.Facts{User: "u"}, "u"},
	}
	for _, tt := range tests {
		if got := sessionOf(tt.header, &tt.facts); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWithoutCredentials(t *testing.T) {
	for in, want := range map[string]string{"": "", "a=1&key=2&b=3": "a=1&b=3", "api%5Fkey=1&x=2": "x=2", "access_token=1": "", "alt=sse": "alt=sse"} {
		if got := withoutCredentials(in); got != want {
			t.Errorf("withoutCredentials(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestErrorsOfNow(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	d := &Dialects{Now: func() time.Time { return now }}
	e := d.errorOf(&llm.Answer{Status: 429, Header: http.Header{"Retry-After": {"Sun, 22 Nov 2026 12:00:30 GMT"}}}, nil)
	if e.RetryAfter != 30*time.Second {
		t.Errorf("RetryAfter = %v, want it from now", e.RetryAfter)
	}
}
