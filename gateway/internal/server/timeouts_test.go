package server

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestTimeoutsReachTheRoute holds that what a model and its targets say about waiting is
// what the pipeline goes by.
func TestTimeoutsReachTheRoute(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), `
keys: off
models:
  plain: {targets: [demo/demo]}
  own:
    targets: [demo/demo, {target: demo/demo-fast, timeout: {first_token: 30s, ping_idle: 5m}}]
    timeout: {first_token: 3s, idle: 4s, ping_idle: 1m, keep_alive: 0, total: 2m}
    empty: pass
ledger: sqlite://penstock.db
`)
	plain, err := h.snapshot.Load().routes.Named("plain")
	if err != nil {
		t.Fatal(err)
	}
	want := llm.Timeouts{FirstToken: 12 * time.Second, Idle: 20 * time.Second, PingIdle: 2 * time.Minute, KeepAlive: 5 * time.Second, Total: 10 * time.Minute}
	if diff := cmp.Diff(want, plain.Timeout); diff != "" || plain.EmptyPass {
		t.Errorf("the defaults (-want +got):\n%s\nempty answers pass: %t", diff, plain.EmptyPass)
	}
	own, err := h.snapshot.Load().routes.Named("own")
	if err != nil {
		t.Fatal(err)
	}
	want = llm.Timeouts{FirstToken: 3 * time.Second, Idle: 4 * time.Second, PingIdle: time.Minute, Total: 2 * time.Minute}
	if diff := cmp.Diff(want, own.Timeout); diff != "" || !own.EmptyPass {
		t.Errorf("the model's own (-want +got):\n%s\nempty answers pass: %t", diff, own.EmptyPass)
	}
	if diff := cmp.Diff(llm.Timeouts{FirstToken: 30 * time.Second, PingIdle: 5 * time.Minute}, own.Targets[1].Timeout); diff != "" {
		t.Errorf("the target's own (-want +got):\n%s", diff)
	}
}
