package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

func lines(t *testing.T, b []byte) []map[string]any {
	t.Helper()
	var out []map[string]any
	for l := range bytes.Lines(b) {
		var m map[string]any
		if err := json.Unmarshal(l, &m); err != nil {
			t.Fatalf("line %q: %v", l, err)
		}
		out = append(out, m)
	}
	return out
}

func TestDecisionLogHasALineForDecisionAndSettlement(t *testing.T) {
	var b bytes.Buffer
	log, err := policy.StartDecisionLog(&b, policy.DecisionLogOptions{Labels: map[string]string{"id": "gw-1"}})
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, "package penstock\ndecision := {\"allow\": true} if { input.request.model != \"odd\"; input.request.ip; input.request.metadata }\ndecision := {\"allow\": true} if not input.request.ip\ndecision := odd if input.request.model == \"odd\"\nodd := {\"allow\": 1}\n", policy.Options{Decisions: log})
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r := keyed("smart")
	r.ID, r.IP, r.Facts.Metadata = "req-1", "192.0.2.9", map[string]string{"secret": "canary"}
	decide(t, e, policy.Input{Request: r, Now: at})
	odd := request("odd")
	odd.ID = "req-2"
	if _, err := e.Decide(t.Context(), policy.Input{Request: odd, Now: at}); err == nil {
		t.Fatal("the odd model was decided")
	}
	log.Settled(&llm.Record{ID: "req-1", Time: at, Status: 200, KeyID: "ab12cd34", Cost: 7})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	got := lines(t, b.Bytes())
	if len(got) != 3 {
		t.Fatalf("log has %d lines, want 3:\n%s", len(got), b.String())
	}
	first, second, third := got[0], got[1], got[2]
	if first["decision_id"] != "req-1" || first["path"] != "penstock/decision" || first["timestamp"] != "2026-11-22T12:00:00Z" || first["revision"] == "" ||
		first["result"].(map[string]any)["allow"] != true || first["labels"].(map[string]any)["id"] != "gw-1" {
		t.Errorf("first line is %v", first)
	}
	if diff := cmp.Diff([]any{"/input/request/ip", "/input/request/metadata"}, first["erased"]); diff != "" || strings.Contains(b.String(), "canary") || strings.Contains(b.String(), "192.0.2.9") {
		t.Errorf("erased is %v in %s", first["erased"], b.String())
	}
	if model := first["input"].(map[string]any)["request"].(map[string]any)["model"]; model != "smart" {
		t.Errorf("input.request.model is %v, want smart", model)
	}
	if fault := second["error"].(map[string]any); fault["code"] != "policy_error" || second["result"] != nil {
		t.Errorf("second line is %v, want an error and no result", second)
	}
	if custom := third["custom"].(map[string]any); third["decision_id"] != "req-1" || custom["event"] != "settled" || custom["cost_nano_usd"] != 7.0 {
		t.Errorf("third line is %v, want the settlement", third)
	}
}

// blockedWriter blocks every write until it is opened.
type blockedWriter struct {
	open chan struct{}
	mu   sync.Mutex
	n    int
}

func (w *blockedWriter) Write(b []byte) (int, error) {
	<-w.open
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n += bytes.Count(b, []byte("\n"))
	return len(b), nil
}

func TestDecisionLogDropsRatherThanWaits(t *testing.T) {
	w := &blockedWriter{open: make(chan struct{})}
	log, err := policy.StartDecisionLog(w, policy.DecisionLogOptions{Queue: 4})
	if err != nil {
		t.Fatal(err)
	}
	const all = 500
	for i := range all {
		log.Settled(&llm.Record{ID: fmt.Sprint(i)})
	}
	if log.Dropped() == 0 {
		t.Error("nothing was dropped although writes were blocked")
	}
	close(w.open)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log.Settled(&llm.Record{ID: "late"})
	if got := uint64(w.n) + log.Dropped(); got != all+1 {
		t.Errorf("%d written + %d dropped = %d, want %d", w.n, log.Dropped(), got, all+1)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestDecisionLogReturnsWriteErrors(t *testing.T) {
	log, err := policy.StartDecisionLog(brokenWriter{}, policy.DecisionLogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	log.Settled(&llm.Record{ID: "x"})
	if err := log.Close(); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("Close = %v, want disk full", err)
	}
	if err := log.Close(); err == nil {
		t.Error("a second Close forgot the error")
	}
}

func TestDecisionLogRefusesUnknownErasures(t *testing.T) {
	for _, pointer := range []string{"/input/request/iq", "/result", "input.request.ip", "/input/"} {
		if _, err := policy.StartDecisionLog(brokenWriter{}, policy.DecisionLogOptions{Erase: []string{pointer}}); err == nil {
			t.Errorf("erasing %s was accepted", pointer)
		}
	}
}
