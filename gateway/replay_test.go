package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestRecordedCallsAreReplayed sends a streamed request through a router and a transform
// that are recorded, and makes their calls again.
func TestRecordedCallsAreReplayed(t *testing.T) {
	h := openHouse(t, &speaker{text: "jane@example.com"}, fmt.Sprintf(`
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models:
  m:
    router: cheap
    targets: [{target: up/dear, price: {input: 9, output: 9}}, {target: up/cheap, price: {input: 1, output: 1}}]
    transform: [redact]
plugins:
  cheap: {file: %s, record: true}
  redact: {file: %s, record: true}
ledger: sqlite://penstock.db
`, sdkExample(t, "go", "cheapest"), sdkExample(t, "go", "redact")))
	resp, body := h.post(t, `{"model":"m","stream":true,`+hello+`}`)
	if got := textOf(body, true); resp.Header.Get("X-Penstock-Target") != "up/cheap" || got != "[redacted]" {
		t.Fatalf("%q from %s", got, resp.Header.Get("X-Penstock-Target"))
	}
	h.recorder.Load().Close() // what is queued is written
	var out bytes.Buffer
	id := resp.Header.Get("X-Penstock-Request-Id")
	if err := run(t.Context(), []string{"plugin", "replay", id, "-c", h.app.config}, h.app.getenv, &out, &testLog{t: t}); err != nil {
		t.Fatalf("replay: %v\n%s", err, out.String())
	}
	for _, want := range []string{"cheap", "route_flat", "redact", "normalise_event"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the replay does not speak of %s:\n%s", want, out.String())
		}
	}
}
