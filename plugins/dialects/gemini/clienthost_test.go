package gemini_test

import (
	"encoding/json"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
	"github.com/penstock/penstock/plugins/dialects/gemini"
)

type (
	generated = dialecttest.Generated
	answer    = dialecttest.GeneratedAnswer
)

// shown is the context of a request that wants to see thoughts and has functions.
var shown = json.RawMessage(`{"thoughts":true,"calls":true}`)

// chunk is a chunk with one delta.
func chunk(json string) string {
	return `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + json + `,"finish_reason":null}]}`
}

func lastChunk(reason string) string {
	return `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"` + reason + `"}]}`
}

// generate renders chunks and reads the reply that they become.
func generate(t *testing.T, chunks ...string) generated {
	t.Helper()
	g, failed := dialecttest.ReadGeneratedStream(t, host.RenderStreamWithContext(t, shown, append(chunks, "[DONE]")))
	if failed != "" {
		t.Fatalf("the stream fails with %s", failed)
	}
	return g
}

// ask is a request with these contents and further members.
func ask(contents, more string) string { return `{"contents":[` + contents + `]` + more + `}` }

// asked is the canonical request that is made of those, without the model.
func asked(messages, more string) string {
	return `{"model":"/","messages":[` + messages + `]` + more + `}`
}

func TestStateHoldsNoPointers(t *testing.T) { dialecttest.CheckStored(t, gemini.Stored...) }
