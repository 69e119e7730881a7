package server

import (
	"context"
	"fmt"
	"testing"

	"github.com/penstock/penstock/gateway/internal/plugintool"
)

// TestRecordedCallsAreReplayed sends a streamed request through a router and a transform
// that are recorded, and makes their calls again.
func TestRecordedCallsAreReplayed(t *testing.T) {
	h := openTestServer(t, &speaker{text: "jane@example.com"}, fmt.Sprintf(`
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
	calls, err := plugintool.RecordedCalls(h.Config(), resp.Header.Get("X-Penstock-Request-Id"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := plugintool.NewRunner(h.o.Getenv, h.log)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.WithoutCancel(t.Context()))
	replayed, err := r.Replay(t.Context(), h.Config(), calls)
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	for _, c := range replayed {
		called[c.Plugin+" "+c.Hook] = true
		if !c.Same {
			t.Errorf("%s differs: %s", c.File, c.Error)
		}
	}
	for _, want := range []string{"cheap route_flat", "redact normalise_event"} {
		if !called[want] {
			t.Errorf("the replay made the calls %v, want %s among them", called, want)
		}
	}
}
