package anthropic_test

import (
	"encoding/json"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/anthropic"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

var host = dialecttest.Host{Dialect: "anthropic", Model: "claude-test"}

type (
	sseEvent = dialecttest.Event
	essence  = dialecttest.Reply
	call     = dialecttest.Call
	thought  = dialecttest.Thought
	sent     = dialecttest.Outbound
)

// transform translates a request for a model that gives at most 8192 tokens.
func transform(t testing.TB, model string, stream bool, body string) (sent, error) {
	t.Helper()
	return transformFor(t, dialecttest.Target{Model: model, MaxOutput: 8192}, stream, body)
}

func transformFor(t testing.TB, target dialecttest.Target, stream bool, body string) (sent, error) {
	t.Helper()
	s, err := host.Request(t, target, stream, body)
	if err == nil && (s.Method != "POST" || s.Path != "/messages" || s.Headers["anthropic-version"] != "2023-06-01") {
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
func play(t testing.TB, events []sseEvent) []string {
	t.Helper()
	return host.Play(t, nil, events)
}

func TestStateHoldsNoPointers(t *testing.T) { dialecttest.CheckStored(t, anthropic.Stored...) }
