package responses_test

import (
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

var host = dialecttest.Host{Dialect: "openai-responses", Model: "gpt-test"}

type (
	sseEvent = dialecttest.Event
	essence  = dialecttest.Reply
	call     = dialecttest.Call
	detail   = dialecttest.Detail
	sent     = dialecttest.Outbound
)

// transform translates a request for a model that gives at most 8192 tokens.
func transform(t testing.TB, model string, stream bool, body string) (sent, error) {
	t.Helper()
	s, err := host.Request(t, dialecttest.Target{Model: model, MaxOutput: 8192}, stream, body)
	if err == nil && (s.Method != "POST" || s.Path != "/responses") {
		t.Errorf("the envelope is %+v", s)
	}
	return s, err
}

// play plays a whole stream and returns the lines that came out.
func play(t testing.TB, events []sseEvent) []string {
	t.Helper()
	return host.Play(t, nil, events)
}

// providers are those of whose Responses API there are recordings.
var providers = []string{"openai", "azure", "bedrock-mantle", "deepseek", "openrouter", "pydantic-gateway", "xai"}

// recordings are those of all providers that answered with a response, or with an error.
func recordings(t testing.TB, keep func(dialecttest.Recording) bool) []dialecttest.Recording {
	t.Helper()
	var all []dialecttest.Recording
	for _, provider := range providers {
		for _, rec := range dialecttest.Recordings(t, provider, "responses") {
			if keep(rec) {
				all = append(all, rec)
			}
		}
	}
	return all
}
