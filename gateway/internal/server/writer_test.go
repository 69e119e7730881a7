package server

import (
	"fmt"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestWriterRecordings has the upstream answer as Writer did, whose API is OpenAI's with
// the whole message beside each delta, and streams without [DONE].
func TestWriterRecordings(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/palmyra-x4], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	n := 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Provider == "writer" && r.Endpoint == "cohere.chat" }) {
		n++
		up.current.Store(rec)
		resp, got := h.post(t, fmt.Sprintf(`{"model":"m",%s,"stream":%t,"stream_options":{"include_usage":true}}`, hello, rec.Stream))
		if resp.StatusCode != 200 || string(got) != string(rec.Body) && string(got) != string(rec.Body)+oDone {
			t.Errorf("%s: %d %s", rec.Path, resp.StatusCode, got)
		}
	}
	if n == 0 {
		t.Error("no recordings of Writer")
	}
}
