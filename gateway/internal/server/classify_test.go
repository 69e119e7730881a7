package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// labelling answers as a model named after a label does, and others as they are.
var labelling = llmtest.Answers(func(model string) llmtest.Chat {
	switch model {
	case "hard":
		return llmtest.Chat{Model: model, Text: " Hard.\n"}
	case "chatty":
		return llmtest.Chat{Model: model, Text: "This is a hard one!"}
	case "mute":
		return llmtest.Chat{Model: model, Tools: []llmtest.ToolCall{{ID: "c", Name: "f", Arguments: "{}"}}}
	}
	return llmtest.Chat{Model: model, Text: llmtest.ModelText}
})

// TestClassifyByTarget has a target of every format label the requests of every client. What it
// costs is in the record, and not in the request's cost.
func TestClassifyByTarget(t *testing.T) {
	var models strings.Builder
	for _, f := range llmtest.Clients() {
		fmt.Fprintf(&models, "  by-%s: {targets: [{target: chat/live, price: {input: 1, output: 1}}], classify: {target: {target: %[1]s/hard, price: {input: 1, output: 2}}, labels: [easy, hard], timeout: 5s}}\n", strings.ToLower(f.Name))
	}
	up := llmtest.NewServer(t, labelling)
	h := openTestServer(t, http.NotFoundHandler(), strings.ReplaceAll(providersOfEach, "$UPSTREAM", up.URL)+"models:\n"+models.String())
	for _, by := range llmtest.Clients() {
		model := "by-" + strings.ToLower(by.Name)
		for i, client := range llmtest.Clients() {
			for _, stream := range []bool{false, true} {
				before := len(up.Requests())
				seen, r := h.askAs(t, client, model, stream)
				c := r.Classified
				if seen.Text != llmtest.ModelText || c == nil || c.Label != "hard" || c.Fault != "" || c.By != strings.ToLower(by.Name)+"/hard" {
					t.Fatalf("%s asked %s: %q, %+v", client.Name, model, seen.Text, c)
				}
				if first := i == 0 && !stream; c.Cached == first || first != (c.Cost == 20_000) || first != (len(up.Requests())-before == 2) {
					t.Errorf("%s asked %s: %+v after %d calls", client.Name, model, c, len(up.Requests())-before)
				}
				if r.Cost != 15_000 || len(r.Attempts) != 1 {
					t.Errorf("the request costs %d with %d attempts", r.Cost, len(r.Attempts))
				}
			}
		}
	}
	for _, r := range up.Requests() {
		if strings.Contains(string(r.Body), "sort requests") && (!strings.Contains(string(r.Body), "easy, hard") || !strings.Contains(string(r.Body), "How many?")) {
			t.Errorf("the question is %s", r.Body)
		}
	}
}

// TestClassifyFails answers requests all the same, and says why they have no class.
func TestClassifyFails(t *testing.T) {
	up := llmtest.NewServer(t, llmtest.Step(func(x *llmtest.Exchange) {
		body, _ := io.ReadAll(x.R.Body)
		x.R.Body = io.NopCloser(strings.NewReader(string(body)))
		step := labelling
		if strings.Contains(string(body), "slow") {
			step = llmtest.Stall()
		}
		step(x)
	}))
	h := openTestServer(t, http.NotFoundHandler(), strings.ReplaceAll(providersOfEach, "$UPSTREAM", up.URL)+`
models:
  chatty: {targets: [chat/live], classify: {target: chat/chatty, labels: [easy, hard], timeout: 5s}}
  mute: {targets: [chat/live], classify: {target: messages/mute, labels: [easy, hard], timeout: 5s}}
  down: {targets: [chat/live], classify: {target: responses/fail-503, labels: [easy, hard], timeout: 5s}}
  slow: {targets: [chat/live], classify: {target: chat/slow, labels: [easy, hard], timeout: 30ms}}
  gone: {targets: [chat/live], classify: {url: "http://127.0.0.1:1/x", timeout: 5s}}
`)
	for model, why := range map[string]string{"chatty": "none of the labels", "mute": "none of the labels", "down": "status 503", "slow": "within 30ms", "gone": "ask it"} {
		for i := range 5 {
			resp, got := h.post(t, `{"model":"`+model+`",`+hello+`}`)
			if resp.StatusCode != 200 || !strings.Contains(string(got), "company") {
				t.Fatalf("%s: %d %s", model, resp.StatusCode, got)
			}
			c := h.record(t, resp).Classified
			if want := why; i >= 3 && !strings.Contains(c.Fault, "failed 3 times in a row") || i < 3 && !strings.Contains(c.Fault, want) || c.Label != "" {
				t.Errorf("%s, request %d: %+v, want %q", model, i, c, want)
			}
			if i == 0 && model == "chatty" && c.Usage.Output == 0 {
				t.Errorf("an answer that is no label has no usage: %+v", c)
			}
		}
	}
	if why, _ := h.health.Cooling("chat/slow"); why != "" || h.health.Stats("chat/slow").ErrorRate > 0 {
		t.Error("labels that come too late count against the target")
	}
}

// TestClassifyByAPI sends an API the text, and obeys the policy: what it forbids is not sent, and
// what is not logged is not kept. A dry run asks nobody.
func TestClassifyByAPI(t *testing.T) {
	var asked atomic.Int64
	api := llmtest.NewServer(t, func(x *llmtest.Exchange) {
		asked.Add(1)
		if x.R.Header.Get("Authorization") != "Bearer sk-canary-4711" {
			t.Errorf("the key is %q", x.R.Header.Get("Authorization"))
		}
		llmtest.JSON(200, `{"label":"code"}`)(x)
	})
	dir := t.TempDir()
	h := openTestServerIn(t, dir, llmtest.Handler(llmtest.Model()), providersOfEach+`
policies: .
models:
  m: &m {targets: [chat/live], classify: {url: "`+api.URL+`/v1", api_key: env:TEST_KEY, timeout: 5s}}
  listed: *m
  denied: *m
  quiet: *m
`, func() {
		rules := `package penstock
obligations["allow_targets"] := ["chat/*"] if input.request.model == "listed"
obligations["deny_targets"] := ["http://*"] if input.request.model == "denied"
obligations["log"] := "none" if input.request.model == "quiet"
`
		if err := os.WriteFile(filepath.Join(dir, "rules.rego"), []byte(rules), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	for model, want := range map[string]string{"m": "code", "listed": "not among the targets", "denied": "denied by the policy"} {
		resp, _ := h.post(t, `{"model":"`+model+`",`+hello+`}`)
		if c := h.record(t, resp).Classified; c == nil || c.Label != want && !strings.Contains(c.Fault, want) {
			t.Errorf("%s: %+v, want %s", model, c, want)
		}
	}
	resp, _ := h.post(t, `{"model":"quiet",`+hello+`}`)
	if r := h.record(t, resp); r.Classified != nil {
		t.Errorf("without a log: %+v", r.Classified)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the API was asked %d times, want 2", n)
	}
	dry, err := h.Explain(t.Context(), []byte(`{"model":"m",`+hello+`}`), admin.Asker{})
	if err != nil || dry.Classified == nil || dry.Classified.Fault != "not asked in a dry run" || asked.Load() != 2 {
		t.Errorf("a dry run: %+v, %v", dry, err)
	}
	for text, want := range map[string]string{`"messages":[{"role":"system","content":"x"}]`: "no text of the user"} {
		resp, _ := h.post(t, `{"model":"m",`+text+`}`)
		if c := h.record(t, resp).Classified; !strings.Contains(c.Fault, want) {
			t.Errorf("%s: %+v", text, c)
		}
	}
}
