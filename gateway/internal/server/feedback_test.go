package server

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/keys"
)

// keyFor makes a key and returns its token.
func (h *testServer) keyFor(t *testing.T, s keys.Spec) string {
	t.Helper()
	_, token, err := h.keys.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token.Reveal()
}

// Callers rate their own requests and those of their team, operators any; for all others the
// request is not there. What they say is stored before they get their answer.
func TestFeedback(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "policies", "log.rego"), `package penstock

obligations["log"] := input.request.model if input.request.model in {"full", "none"}
`)
	h := openTestServerIn(t, dir, &speaker{text: "hello"}, `
keys: optional
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
policies: policies
models: {full: {targets: [up/a]}, none: {targets: [up/a]}, metadata: {targets: [up/a]}}
ledger: sqlite://penstock.db
`)
	own, mate := h.keyFor(t, keys.Spec{Name: "own", Team: "search"}), h.keyFor(t, keys.Spec{Name: "mate", Team: "search"})
	stranger, operator := h.keyFor(t, keys.Spec{Name: "stranger"}), h.keyFor(t, keys.Spec{Name: "operator", Roles: []string{"admin"}})
	askAs := func(key, model string) string {
		header := []string{}
		if key != "" {
			header = []string{"Authorization", key}
		}
		resp, body := h.post(t, fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"What is %s?"}]}`, model, model), header...)
		if resp.StatusCode != 200 {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
		return resp.Header.Get("X-Penstock-Request-Id")
	}
	rate := func(key, id string, score float64) (int, string) {
		header := []string{}
		if key != "" {
			header = []string{"Authorization", key}
		}
		resp, body := h.postTo(t, "/feedback", fmt.Sprintf(`{"request_id":%q,"score":%g,"label":"l","comment":"c"}`, id, score), header...)
		return resp.StatusCode, string(body)
	}
	full, none, anonymous := askAs(own, "full"), askAs(own, "none"), askAs("", "metadata")
	for _, c := range []struct {
		key, id string
		want    int
	}{{own, full, 200}, {mate, full, 200}, {operator, full, 200}, {stranger, full, 404}, {"", full, 404}, {stranger, anonymous, 404}, {"", anonymous, 200},
		{own, "req_none", 404}, {own, none, 200}} {
		if got, body := rate(c.key, c.id, 0.25); got != c.want {
			t.Errorf("%.12s… of %s: %d %s, want %d", c.key, c.id, got, body, c.want)
		}
	}
	rate(own, full, 0.75) // in place of the first
	_, text := h.operate(t, "GET", "/admin/v1/requests/"+full, "")
	var record struct {
		Feedback []struct {
			Score          float64
			Label, Comment string
		}
	}
	if err := json.Unmarshal([]byte(text), &record); err != nil || len(record.Feedback) != 3 || record.Feedback[2].Score != 0.75 || record.Feedback[2].Comment != "c" {
		t.Errorf("the record has %+v, %v", record.Feedback, err)
	}
	if _, text := h.operate(t, "GET", "/admin/v1/requests/"+none, ""); !strings.Contains(text, `"score":0.25}`) {
		t.Errorf("of a request that is not logged the ledger has %s", text)
	}
	h.checkExamples(t)
}

// checkExamples holds that the prompts of texts that are kept can be learnt from.
func (h *testServer) checkExamples(t *testing.T) {
	t.Helper()
	var got []Example
	skipped := 0
	err := h.Examples(context.Background(), h.ledger.Reader, time.Time{}, func(x Example) error {
		if x.Prompt == "" {
			skipped++
			return nil
		}
		if x.Request == "" {
			t.Errorf("an example of no request: %+v", x)
		}
		x.Request = ""
		got = append(got, x)
		return nil
	})
	var want []Example
	for _, score := range []float64{0.25, 0.25, 0.75} {
		want = append(want, Example{Prompt: "What is full?", Target: "up/a", Score: score, Label: "l"})
	}
	if d := cmp.Diff(want, got); d != "" || skipped != 2 || err != nil {
		t.Errorf("Examples (-want +got):\n%s%d skipped, %v", d, skipped, err)
	}
}
