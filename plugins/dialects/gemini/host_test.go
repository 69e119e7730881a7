package gemini_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

var host = dialecttest.Host{Dialect: "gemini", Model: "gemini-test"}

type (
	event = dialecttest.Event
	call  = dialecttest.Call
	sent  = dialecttest.Outbound
)

// transform translates a request for a model that gives at most 8192 tokens.
func transform(t testing.TB, model string, stream bool, body string) (sent, error) {
	t.Helper()
	s, err := host.Request(t, dialecttest.Target{Model: model, MaxOutput: 8192}, stream, body)
	method, query := ":generateContent", ""
	if stream {
		method, query = ":streamGenerateContent", "alt=sse"
	}
	if err == nil && (s.Method != "POST" || !strings.HasSuffix(s.Path, method) || s.Query != query || len(s.Headers) != 0) {
		t.Errorf("the envelope is %+v", s)
	}
	return s, err
}

// respond reads a plain reply.
func respond(t testing.TB, status int, body string) []byte {
	t.Helper()
	return host.Response(t, status, nil, body)
}

// respondIn is respond for a successful reply to a request with a context.
func respondIn(t testing.TB, context json.RawMessage, body string) []byte {
	t.Helper()
	return host.Response(t, 200, context, body)
}

// play plays a whole stream and returns the lines that came out.
func play(t testing.TB, events []event) []string {
	t.Helper()
	return host.Play(t, nil, events)
}
