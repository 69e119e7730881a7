package server

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// graders are models that grade answers.
var graders = map[string]string{"strict": "2", "kind": "9.5", "chatty": "I would say 3 of 10."}

var graded = llmtest.Answers(func(model string) llmtest.Chat {
	text := graders[model]
	switch model {
	case "cheap":
		text = "It is about forty."
	case "strong":
		text = "The answer is 42."
	}
	return llmtest.Chat{Model: model, Text: text}
})

// scoredRoutes are routes named CHEAP-JUDGE-GRADER: from the cheap model of one provider to the
// strong one of the next, with a model of JUDGE that scores.
func scoredRoutes() string {
	var b strings.Builder
	b.WriteString(providersOfEach + "models:\n")
	formats := llmtest.Clients()
	for i, f := range formats {
		for _, judge := range formats {
			for grader := range graders {
				fmt.Fprintf(&b, "  %s-%s-%s: {router: cascade, targets: [{target: %[1]s/cheap, price: {input: 1, output: 2}}, {target: %s/strong, price: {input: 10, output: 20}}], retries: {attempts: 1, total: 100}, stream: {hold: all}, "+
					"escalate: {on: [refusal, self_score], self_score: {target: {target: %[2]s/%[3]s, price: {input: 1, output: 1}}, timeout: 10s}}}\n",
					strings.ToLower(f.Name), strings.ToLower(judge.Name), grader, strings.ToLower(formats[(i+1)%len(formats)].Name))
			}
		}
	}
	return b.String()
}

// TestSelfScore has every client ask cheap targets of every format, plain and streamed, whose
// answers models of every format score.
func TestSelfScore(t *testing.T) {
	up := llmtest.NewServer(t, graded)
	h := openTestServer(t, http.NotFoundHandler(), strings.ReplaceAll(scoredRoutes(), "$UPSTREAM", up.URL))
	for _, client := range llmtest.Clients() {
		for _, cheap := range llmtest.Clients() {
			for i, judge := range llmtest.Clients() {
				for grader := range graders {
					model := strings.ToLower(cheap.Name + "-" + judge.Name + "-" + grader)
					checkScored(t, h, client, model, grader, i%2 == 0)
					if grader == "strict" {
						checkScored(t, h, client, model, grader, i%2 != 0)
					}
				}
			}
		}
	}
	for _, r := range up.Requests() {
		if body := string(r.Body); strings.Contains(body, "grade answers") && (!strings.Contains(body, "How many?") || !strings.Contains(body, "It is about forty.")) {
			t.Fatalf("the question is %s", body)
		}
	}
}

func checkScored(t *testing.T, h *testServer, client llmtest.Client, model, grader string, stream bool) {
	t.Helper()
	seen, r := h.askAs(t, client, model, stream)
	want, attempts := "It is about forty.", 1
	if grader == "strict" {
		want, attempts = "The answer is 42.", 2
	}
	name := fmt.Sprintf("%s asks %s, stream %t", client.Name, model, stream)
	if seen.Ending() != llmtest.EndWhole || seen.Text != want || len(r.Attempts) != attempts {
		t.Fatalf("%s: %s with %q, want %q; attempts %+v", name, seen.Ending(), seen.Text, want, r.Attempts)
	}
	s := r.Attempts[0].Scored
	if s == nil || !strings.HasSuffix(s.By, "/"+grader) || s.Cost == 0 || s.Usage.Output == 0 || (s.Score == nil) != (grader == "chatty") || (s.Fault == "") != (grader != "chatty") {
		t.Errorf("%s: scored %+v", name, s)
	}
	if (r.Attempts[0].Failed == llm.CheckSelfScore) != (grader == "strict") || r.Cost != r.Attempts[attempts-1].Cost {
		t.Errorf("%s: attempts %+v, cost %d", name, r.Attempts, r.Cost)
	}
}

// TestSelfScoreObeysThePolicy sends no answer to a model that the policy keeps the request from,
// and none in a dry run.
func TestSelfScoreObeysThePolicy(t *testing.T) {
	up := llmtest.NewServer(t, graded)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.rego"), []byte("package penstock\n\nobligations[\"deny_targets\"] := [\"messages/strict\"] if input.request.model == \"denied\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openTestServerIn(t, dir, http.NotFoundHandler(), strings.ReplaceAll(providersOfEach, "$UPSTREAM", up.URL)+`
policies: .
models:
  denied: &m {targets: [chat/cheap, chat/strong], escalate: {on: [self_score], self_score: {target: messages/strict, timeout: 10s}}}
  own: {targets: [chat/cheap, chat/strong], escalate: {on: [self_score]}}
  placed:
    targets: [{target: chat/cheap, region: eu}, {target: chat/strong, region: eu}]
    regions: [eu]
    escalate: {on: [self_score], self_score: {target: messages/strict, timeout: 10s}}
`)
	for model, why := range map[string]string{"denied": "denied by the policy", "placed": "region"} {
		_, r := h.askAs(t, llmtest.Clients()[0], model, false)
		if s := r.Attempts[0].Scored; s == nil || s.Score != nil || !strings.Contains(s.Fault, why) || len(r.Attempts) != 1 {
			t.Errorf("%s: attempts %+v", model, r.Attempts)
		}
	}
	_, r := h.askAs(t, llmtest.Clients()[0], "own", false)
	if s := r.Attempts[0].Scored; s == nil || s.By != "chat/cheap" || !strings.Contains(s.Fault, "did not give a number") {
		t.Errorf("own: scored %+v", s)
	}
	before := len(up.Requests())
	status, text := h.operate(t, "POST", "/admin/v1/explain", `{"model":"own","messages":[{"role":"user","content":"hi"}]}`)
	if status != 200 || len(up.Requests()) != before || strings.Contains(text, `"scored"`) {
		t.Errorf("a dry run: %d %s, %d calls", status, text, len(up.Requests())-before)
	}
}
