package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// obliging is a policy whose obligation a request names in its tag case.
const obliging = `package penstock

wanted := input.request.tags.case

obligations["max_output_tokens"] := 20 if wanted == "clamp"

obligations["max_output_tokens"] := 7 if wanted == "short"

obligations["allow_targets"] := ["*/allowed", "*/other"] if wanted == "allow"

obligations["deny_targets"] := ["*/denied"] if wanted in {"deny", "stored-deny"}

obligations["data_classes"] := ["secret"] if wanted == "classes"

obligations["regions"] := ["eu"] if wanted == "regions"

obligations["model"] := sprintf("other-%s", [input.request.model]) if {
	wanted == "model"
	not startswith(input.request.model, "other-")
}

obligations["tags"] := {"tier": "gold"} if wanted == "tags"

obligations["log"] := wanted if wanted in {"none", "full"}

obligations["cache"] := {"mode": "force", "ttl_s": 60, "scope": wanted} if wanted == "stored"

obligations["cache"] := {"mode": "force", "scope": "stored"} if wanted == "stored-deny"

obligations["headers"] := {"x-team-note": "hello"}

warnings contains "mind the budget"

deny contains {"code": "closed", "message": "Not at night."} if wanted == "refused"
`

// asker is a client of one format.
type asker struct {
	path, body string
	// upstreams are the providers that it reaches.
	upstreams []string
}

var everyUpstream = []string{"chat", "messages", "responses", "generatecontent"}

// askers ask a model, whose name stands for %[1]s; %[2]t says whether for a stream.
var askers = map[string]asker{
	"chat":                 {"/chat/completions", `{"model":"%[1]s","stream":%[2]t,"messages":[{"role":"user","content":"hi"}]}`, everyUpstream},
	"chat with a maximum":  {"/chat/completions", `{"model":"%[1]s","stream":%[2]t,"max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`, everyUpstream},
	"chat with the newer":  {"/chat/completions", `{"model":"%[1]s","stream":%[2]t,"max_completion_tokens":900,"reasoning_effort":"high","messages":[{"role":"user","content":"hi"}]}`, everyUpstream},
	"responses":            {"/responses", `{"model":"%[1]s","stream":%[2]t,"input":"hi"}`, everyUpstream},
	"responses, bounded":   {"/responses", `{"model":"%[1]s","stream":%[2]t,"max_output_tokens":900,"reasoning":{"effort":"high"},"input":"hi"}`, everyUpstream},
	"completions":          {"/completions", `{"model":"%[1]s","stream":%[2]t,"prompt":"hi"}`, []string{"chat"}},
	"messages":             {"/messages", `{"model":"%[1]s","stream":%[2]t,"max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`, everyUpstream},
	"messages, thinking":   {"/messages", `{"model":"%[1]s","stream":%[2]t,"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[{"role":"user","content":"hi"}]}`, everyUpstream},
	"gemini":               {"gemini", geminiBody, everyUpstream},
	"gemini with thinking": {"gemini", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":900,"thinkingConfig":{"thinkingBudget":500}}}`, everyUpstream},
	"embeddings":           {"/embeddings", `{"model":"%[1]s","input":["hi","ho"]}`, []string{"chat", "generatecontent"}},
}

// ask sends a request with a tag and reads the whole reply.
func (a asker) ask(t *testing.T, h *testServer, model, wanted string, stream bool) (*http.Response, string) {
	t.Helper()
	tag := []string{"X-Penstock-Tags", "case=" + wanted}
	if a.path != "gemini" {
		resp, got := h.postTo(t, a.path, fmt.Sprintf(a.body, model, stream), tag...)
		return resp, string(got)
	}
	verb := map[bool]string{false: "generateContent", true: "streamGenerateContent?alt=sse"}[stream]
	of := *h
	of.URL = strings.TrimSuffix(h.URL, "/v1") + "/v1beta"
	resp, got := of.postTo(t, "/models/"+model+":"+verb, a.body, tag...)
	return resp, string(got)
}

// openObliging opens a server with that policy. Each model has a target that is better not used
// first, behind one that fails on the models named fb-….
func openObliging(t *testing.T) (*testServer, *llmtest.Server) {
	t.Helper()
	up := llmtest.NewServer(t, llmtest.Model())
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.rego"), []byte(obliging), 0o600); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(providersOfEach, "$UPSTREAM", up.URL) + "policies: .\nretry_budget: {share: 10, burst: 1000}\nledger: \"sqlite://:memory:\"\nmodels:\n")
	for _, u := range everyUpstream {
		targets := fmt.Sprintf("{target: %[1]s/denied, price: {input: 1, output: 1}}, {target: %[1]s/allowed, region: eu, data: [secret], price: {input: 1, output: 1}}", u)
		fmt.Fprintf(&b, "  %[1]s: {router: ordered, targets: [%[2]s]}\n  fb-%[1]s: {router: ordered, retries: {attempts: 2, backoff: 1ms..1ms}, targets: [{target: %[1]s/fail-503, region: eu, data: [secret]}, %[2]s]}\n", u, targets)
		fmt.Fprintf(&b, "  other-%[1]s: {targets: [{target: %[1]s/other, price: {input: 5, output: 5}}]}\n  other-fb-%[1]s: {targets: [%[1]s/other]}\n", u)
	}
	return openTestServerIn(t, dir, http.NotFoundHandler(), b.String()), up
}

// bounds returns every bound on output tokens in a body.
func bounds(t *testing.T, body []byte) (found []float64) {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	var walk func(any)
	walk = func(v any) {
		m, _ := v.(map[string]any)
		for name, member := range m {
			if n, ok := member.(float64); ok && slices.Contains([]string{"max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"}, name) {
				found = append(found, n)
			}
			walk(member)
		}
	}
	walk(v)
	return found
}

// TestObligationsHoldInEveryFormat asks every upstream in every format, plain and as a stream,
// directly and after a target has failed, under each obligation.
func TestObligationsHoldInEveryFormat(t *testing.T) {
	skipRaced(t)
	h, up := openObliging(t)
	for name, a := range askers {
		for _, u := range a.upstreams {
			for _, stream := range []bool{false, true} {
				if stream && a.path == "/embeddings" {
					continue
				}
				for _, prefix := range []string{"", "fb-"} {
					t.Run(fmt.Sprintf("%s at %s%s, stream %t", name, prefix, u, stream), func(t *testing.T) {
						for _, wanted := range []string{"nothing", "clamp", "allow", "deny", "classes", "regions", "model", "tags", "none", "full", "refused"} {
							checkObligation(t, h, up, a, prefix+u, wanted, stream)
						}
					})
				}
			}
		}
	}
}

func checkObligation(t *testing.T, h *testServer, up *llmtest.Server, a asker, model, wanted string, stream bool) {
	t.Helper()
	for _, u := range everyUpstream {
		h.health.Forget(u)
	}
	before := len(up.Requests())
	resp, got := a.ask(t, h, model, wanted, stream)
	sent := up.Requests()[before:]
	if resp.Header.Get("X-Team-Note") != "hello" || resp.Header.Get("X-Penstock-Warning") != "mind the budget" {
		t.Errorf("%s: %d with headers %v", wanted, resp.StatusCode, resp.Header)
	}
	if wanted == "refused" {
		if resp.StatusCode != 403 || !strings.Contains(got, "Not at night.") || len(sent) != 0 || resp.Header.Get("X-Should-Retry") != "false" {
			t.Errorf("refused: %d %s", resp.StatusCode, got)
		}
		return
	}
	if resp.StatusCode != 200 || len(sent) == 0 {
		t.Fatalf("%s: %d %s", wanted, resp.StatusCode, got)
	}
	target := map[string]string{"allow": "allowed", "deny": "allowed", "classes": "allowed", "regions": "allowed", "model": "other"}[wanted]
	if target == "" {
		target = "denied"
	}
	r := h.record(t, resp)
	provider := strings.TrimPrefix(model, "fb-")
	if r.Target != provider+"/"+target {
		t.Errorf("%s: answered by %s, want %s", wanted, r.Target, target)
	}
	for _, s := range sent {
		if b := bounds(t, s.Body); wanted == "clamp" && a.path != "/embeddings" && (len(b) == 0 || slices.Max(b) > 20) {
			t.Errorf("a target got no bound of 20: %s", s.Body)
		}
		if target != "denied" && (strings.Contains(string(s.Body), `"denied"`) || strings.Contains(s.Path, "/denied:")) {
			t.Errorf("%s: a target was asked that may not be: %s", wanted, s.Body)
		}
	}
	checkRecorded(t, h, resp, wanted)
}

func checkRecorded(t *testing.T, h *testServer, resp *http.Response, wanted string) {
	t.Helper()
	r := h.record(t, resp)
	switch wanted {
	case "tags":
		if r.Tags["tier"] != "gold" {
			t.Errorf("recorded tags %v", r.Tags)
		}
	case "model":
		if !strings.HasPrefix(r.Route, "other-") || r.FirstDecision == nil {
			t.Errorf("recorded route %q, first decision %v", r.Route, r.FirstDecision)
		}
		if !strings.HasPrefix(r.Route, "other-fb-") && r.Price.Input != 5*llm.USD {
			t.Errorf("billed at %v, want the price of the model that it was sent on to", r.Price.Input)
		}
	case "none":
		if r.Attempts != nil || r.Tags["case"] != "" || r.RequestText != "" {
			t.Errorf("nothing was to be recorded: %+v", r)
		}
	case "full":
		if !strings.Contains(r.RequestText, "hi") || r.ReplyText == "" {
			t.Errorf("recorded texts %q and %q", r.RequestText, r.ReplyText)
		}
	}
}

// TestBoundsThatAnAPIRefusesAreNotRaised has the policy allow less than OpenAI's Responses API
// takes: its targets are left out, and others get the bound.
func TestBoundsThatAnAPIRefusesAreNotRaised(t *testing.T) {
	h, up := openObliging(t)
	for name, a := range askers {
		for _, u := range a.upstreams {
			before := len(up.Requests())
			resp, got := a.ask(t, h, u, "short", false)
			sent := up.Requests()[before:]
			switch {
			case u == "responses":
				if resp.StatusCode != 400 || len(sent) != 0 || !strings.Contains(got, "takes no bound on output below 16 tokens") {
					t.Errorf("%s at %s: %d %s", name, u, resp.StatusCode, got)
				}
			case resp.StatusCode != 200 || len(sent) != 1:
				t.Errorf("%s at %s: %d %s", name, u, resp.StatusCode, got)
			case a.path != "/embeddings" && !slices.Equal(slices.Compact(bounds(t, sent[0].Body)), []float64{7}):
				t.Errorf("%s at %s got %s", name, u, sent[0].Body)
			}
		}
	}
}

// TestObligationsHoldForStoredReplies has the policy store replies of a route that caches none, and
// share none that came from a target it denies to another caller.
func TestObligationsHoldForStoredReplies(t *testing.T) {
	h, _ := openObliging(t)
	for name, a := range askers {
		for _, stream := range []bool{false, true} {
			if stream && a.path == "/embeddings" || strings.Contains(name, "thinking") {
				continue
			}
			model := a.upstreams[0]
			if err := h.cache.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i, want := range []string{"miss", "hit"} {
				resp, got := a.ask(t, h, model, "stored", stream)
				if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Cache") != want || resp.Header.Get("X-Team-Note") != "hello" || resp.Header.Get("X-Penstock-Warning") == "" {
					t.Errorf("%s, stream %t, request %d: %d %v %s", name, stream, i, resp.StatusCode, resp.Header, got)
				}
			}
			resp, got := a.ask(t, h, model, "stored-deny", stream)
			if r := h.record(t, resp); resp.Header.Get("X-Penstock-Cache") == "hit" || r.Target != model+"/allowed" {
				t.Errorf("%s, stream %t: %s of %s: %s", name, stream, resp.Header.Get("X-Penstock-Cache"), r.Target, got)
			}
			if resp, _ = a.ask(t, h, model, "nothing", stream); resp.Header.Get("X-Penstock-Cache") != "off" {
				t.Errorf("%s, stream %t, without the obligation: %s", name, stream, resp.Header.Get("X-Penstock-Cache"))
			}
		}
	}
}
