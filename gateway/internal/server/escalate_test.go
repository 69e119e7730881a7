package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// cascadeAnswers are what the models of the cascades' upstream say.
var cascadeAnswers = map[string]llmtest.Chat{
	"refuses":  {Text: "I'm sorry, but I can't help with that."},
	"believes": {Text: "I can't believe how simple it is: 42."},
	"short":    {Text: "It is forty", Finish: "length"},
	"filtered": {Text: "It is", Finish: "content_filter"},
	"prose":    {Text: "Sure! Here it is: 42."},
	"other":    {Text: `{"town":"Oslo"}`},
	"mistyped": {Text: `{"city":"Oslo","degrees":"21"}`},
	"fits":     {Text: `{"city":"Oslo","degrees":21}`},
	"strong":   {Text: "The answer is 42."},
}

var cascadeUpstream = llmtest.Answers(func(model string) llmtest.Chat {
	chat := cascadeAnswers[model]
	chat.Model = model
	return chat
})

// providersOfEach are the providers at the upstream, one for each format.
const providersOfEach = `
keys: off
providers:
  chat: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
  messages: {dialect: anthropic, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
  responses: {dialect: openai-responses, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
  generatecontent: {dialect: gemini, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
`

// cascades are routes named FORMAT-MODEL from every model at every provider to the strong one
// of the next provider.
func cascades(options string) string {
	var b strings.Builder
	b.WriteString(providersOfEach + "models:\n")
	formats := llmtest.Clients()
	for i, f := range formats {
		for model := range cascadeAnswers {
			fmt.Fprintf(&b, "  %s-%s: {router: cascade, targets: [{target: %[1]s/%s, price: {input: 1, output: 2}}, {target: %s/strong, price: {input: 10, output: 20}}], retries: {attempts: 1, total: 100}%s}\n",
				strings.ToLower(f.Name), model, strings.ToLower(formats[(i+1)%len(formats)].Name), options)
		}
	}
	return b.String()
}

// askAs asks a route as a client of one format, and returns what it saw and the record.
func (h *testServer) askAs(t *testing.T, c llmtest.Client, model string, stream bool) (*llmtest.Seen, *llm.Record) {
	t.Helper()
	base := strings.TrimSuffix(h.URL, "/v1")
	seen, err := c.Ask(t.Context(), base, model, "How many?", stream)
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.ledger.Get(t.Context(), seen.Header.Get("X-Penstock-Request-Id"))
	if err != nil {
		t.Fatalf("%v: %s", err, seen.Body)
	}
	return seen, r
}

// TestCascade has every client ask cheap targets of every format, plain and streamed, whose
// answers fail a check or pass it.
func TestCascade(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(cascadeUpstream), cascades(`, stream: {hold: all}, escalate: {on: [empty, refusal, length, filter]}`))
	fails := map[string]llm.Check{"refuses": llm.CheckRefusal, "short": llm.CheckLength, "filtered": llm.CheckFilter, "believes": "", "prose": ""}
	for _, client := range llmtest.Clients() {
		for _, cheap := range llmtest.Clients() {
			for model, failed := range fails {
				for _, stream := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s to %s %s stream %t", client.Name, cheap.Name, model, stream), func(t *testing.T) {
						seen, r := h.askAs(t, client, strings.ToLower(cheap.Name)+"-"+model, stream)
						want := cascadeAnswers["strong"].Text
						if failed == "" {
							want = cascadeAnswers[model].Text
						}
						if seen.Ending() != llmtest.EndWhole || seen.Text != want {
							t.Fatalf("the client saw %s with %q, want %q: %s", seen.Ending(), seen.Text, want, seen.Body)
						}
						checkEscalated(t, r, failed)
					})
				}
			}
		}
	}
	if m := h.health.Stats("chat/refuses"); m.ErrorRate != 0 || m.Samples == 0 {
		t.Errorf("refusals count as failures of their target: %+v", m)
	}
}

// checkEscalated wants the first of two attempts to have failed a check, or a single attempt.
func checkEscalated(t *testing.T, r *llm.Record, failed llm.Check) {
	t.Helper()
	first := r.Attempts[0]
	switch {
	case r.Escalated == nil || r.Escalated.Passed || r.Escalated.Unchecked != "":
		t.Errorf("escalated: %+v", r.Escalated)
	case first.Failed != failed:
		t.Errorf("the first attempt failed %q, want %q", first.Failed, failed)
	case failed == "" && len(r.Attempts) != 1, failed != "" && (len(r.Attempts) != 2 || first.Fault != llm.FaultInadequate || first.Cost != 20_000):
		t.Errorf("attempts: %+v", r.Attempts)
	}
	if last := r.Attempts[len(r.Attempts)-1]; r.Cost != last.Cost || last.Cost == 0 {
		t.Errorf("the request costs %d, its last attempt %d", r.Cost, last.Cost)
	}
}

// TestCascadeWithoutHold passes streams on as they come, and says that they are not checked;
// with a part held back, a refusal at the start is found.
func TestCascadeWithoutHold(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(cascadeUpstream), cascades(``))
	for _, client := range llmtest.Clients() {
		seen, r := h.askAs(t, client, "chat-refuses", true)
		if seen.Text != cascadeAnswers["refuses"].Text || r.Escalated == nil || !strings.Contains(r.Escalated.Unchecked, "hold") || len(r.Attempts) != 1 {
			t.Errorf("%s: %q, %+v", client.Name, seen.Text, r.Escalated)
		}
		if seen, _ = h.askAs(t, client, "chat-refuses", false); seen.Text != cascadeAnswers["strong"].Text {
			t.Errorf("%s, plain: %q", client.Name, seen.Text)
		}
	}
	if list := strings.Join(h.Warnings(), "\n"); strings.Count(list, "stream: {hold: all}") != 4*len(cascadeAnswers) || !strings.Contains(list, "penstock.yaml:10:") {
		t.Errorf("warnings:\n%s", list)
	}
	h = openTestServer(t, llmtest.Handler(cascadeUpstream), cascades(`, stream: {hold: 8}`))
	for _, client := range llmtest.Clients() {
		for _, cheap := range llmtest.Clients() {
			if seen, _ := h.askAs(t, client, strings.ToLower(cheap.Name)+"-refuses", true); seen.Text != cascadeAnswers["strong"].Text {
				t.Errorf("%s to %s with 8 tokens held back: %q", client.Name, cheap.Name, seen.Text)
			}
		}
	}
}

// TestCascadeLastResort has no target pass: the last complete answer is the caller's, and the
// record says that it failed.
func TestCascadeLastResort(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(cascadeUpstream), providersOfEach+`
models:
  kept: {router: cascade, targets: [chat/refuses, messages/refuses], cache: {ttl: 1h}}
  refused: {router: cascade, targets: [{target: chat/refuses, price: {input: 1, output: 1}}, {target: messages/refuses, price: {input: 2, output: 2}}], stream: {hold: all}, retries: {attempts: 1}}
  down: {escalate: {on: [length, refusal]}, targets: [chat/short, messages/refuses, chat/fail-503], stream: {hold: all}, retries: {attempts: 1, total: 100}}
  once: {escalate: {max: 1}, targets: [chat/refuses, messages/refuses, chat/strong]}
  three: {escalate: {on: [refusal]}, targets: [chat/refuses, messages/refuses, chat/strong]}
`)
	for _, client := range llmtest.Clients() {
		for _, stream := range []bool{false, true} {
			for model, target := range map[string]string{"refused": "messages/refuses", "down": "messages/refuses"} {
				seen, r := h.askAs(t, client, model, stream)
				if seen.Ending() != llmtest.EndWhole || seen.Text != cascadeAnswers["refuses"].Text || r.Target != target || !r.Escalated.Passed {
					t.Errorf("%s, stream %t: %s is %s with %q from %s, %+v", client.Name, stream, model, seen.Ending(), seen.Text, r.Target, r.Escalated)
				}
				if r.Usage.Output == 0 || r.Status != 200 {
					t.Errorf("%s: usage %+v, status %d", model, r.Usage, r.Status)
				}
				h.health.Forget("chat")
			}
			if _, r := h.askAs(t, client, "kept", false); r.Cache != llm.CacheMiss || !r.Escalated.Passed {
				t.Errorf("%s: an answer that failed was kept: %s, %+v", client.Name, r.Cache, r.Escalated)
			}
			if seen, r := h.askAs(t, client, "once", false); seen.Text != cascadeAnswers["refuses"].Text || len(r.Attempts) != 2 || !r.Escalated.Passed || r.Attempts[1].Fault != "" {
				t.Errorf("%s, max 1: %q, %+v", client.Name, seen.Text, r.Attempts)
			}
			if seen, r := h.askAs(t, client, "three", false); seen.Text != cascadeAnswers["strong"].Text || len(r.Attempts) != 3 || r.Escalated.Passed {
				t.Errorf("%s, max left out: %q, %+v", client.Name, seen.Text, r.Attempts)
			}
		}
	}
}

// TestCascadeJSON asks for JSON in each client's way of asking.
func TestCascadeJSON(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(cascadeUpstream), strings.ReplaceAll(cascades(``), "/strong", "/fits"))
	const schema = `{"type":"object","required":["city","degrees"],"additionalProperties":false,"properties":{"city":{"type":"string"},"degrees":{"type":"integer"}}}`
	bodies := map[string]struct{ path, body string }{
		"chat":            {"/chat/completions", `{"model":"%s","messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"w","schema":` + schema + `}}}`},
		"messages":        {"/messages", `{"model":"%s","max_tokens":99,"messages":[{"role":"user","content":"hi"}],"output_config":{"format":{"type":"json_schema","schema":` + schema + `}}}`},
		"responses":       {"/responses", `{"model":"%s","input":"hi","text":{"format":{"type":"json_schema","name":"w","schema":` + schema + `}}}`},
		"generateContent": {"/models/%s:generateContent", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":` + schema + `}}`},
	}
	for client, ask := range bodies {
		for _, cheap := range llmtest.Clients() {
			for model, failed := range map[string]llm.Check{"prose": llm.CheckJSON, "other": llm.CheckJSON, "mistyped": llm.CheckJSON, "fits": ""} {
				name := strings.ToLower(cheap.Name) + "-" + model
				path, body := ask.path, ask.body
				if client == "generateContent" {
					path = fmt.Sprintf(path, name)
				} else {
					body = fmt.Sprintf(body, name)
				}
				resp, got := h.postTo(t, path, body)
				if resp.StatusCode != 200 || !strings.Contains(string(got), `degrees`) || strings.Contains(string(got), "town") || strings.Contains(string(got), `\"21\"`) {
					t.Errorf("%s to %s: %d %s", client, name, resp.StatusCode, got)
					continue
				}
				if r := h.record(t, resp); r.Attempts[0].Failed != failed {
					t.Errorf("%s to %s: failed %q (%s), want %q", client, name, r.Attempts[0].Failed, r.Attempts[0].Error, failed)
				}
			}
		}
	}
	// without asking for JSON, prose is fine
	if resp, got := h.post(t, `{"model":"chat-prose","messages":[{"role":"user","content":"hi"}]}`); !strings.Contains(string(got), "Sure!") || !json.Valid(got) || resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
}
