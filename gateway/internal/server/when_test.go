package server

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// asks are requests for the model m to every path, by what they are; plain and streamed where
// there are both.
var asks = map[string]struct{ path, body string }{
	"chat":              {"/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`},
	"chat stream":       {"/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`},
	"messages":          {"/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`},
	"messages stream":   {"/messages", `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`},
	"responses":         {"/responses", `{"model":"m","input":"hi"}`},
	"responses stream":  {"/responses", `{"model":"m","stream":true,"input":"hi"}`},
	"gemini":            {"/models/m:generateContent", geminiBody},
	"gemini stream":     {"/models/m:streamGenerateContent?alt=sse", geminiBody},
	"completions":       {"/completions", `{"model":"m","prompt":"hi"}`},
	"embeddings":        {"/embeddings", `{"model":"m","input":"hi"}`},
	"gemini embeddings": {"/models/m:embedContent", `{"content":{"parts":[{"text":"hi"}]}}`},
	"count tokens":      {"/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`},
}

// TestConditionsHoldAtEveryPath sends each request with a tag and without, and has both
// explained: the tag leads to another model at every path, also out of a dry run. A cache that
// both routes have never mixes them.
func TestConditionsHoldAtEveryPath(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(llmtest.Model()), `
keys: off
providers: {up: {base_url: $UPSTREAM/v1, also: [openai-completions], allow_private: true}}
models:
  m:
    when: [{if: {tags: {usecase: [support, faq]}}, use: cheap}]
    targets: [up/own]
    cache: {ttl: 1h}
  cheap: {targets: [up/cheap], cache: {ttl: 1h}}
ledger: sqlite://penstock.db
`)
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct{ usecase, route, cache string }{{"other", "m", "miss"}, {"faq", "cheap", "miss"}, {"faq", "cheap", "hit"}, {"other", "m", "hit"}} {
				resp, got := h.postTo(t, ask.path, ask.body, "X-Penstock-Tags", "usecase="+c.usecase, "X-Portkey-Cache-Namespace", name)
				if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Route") != c.route || resp.Header.Get("X-Penstock-Model") != "m" || resp.Header.Get("X-Penstock-Cache") != c.cache {
					t.Fatalf("usecase %s: %d, headers %v, %s, want route %s and cache %s", c.usecase, resp.StatusCode, resp.Header, got, c.route, c.cache)
				}
				record, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
				if err != nil {
					t.Fatal(err)
				}
				checkChosen(t, record, c.route == "cheap")
				dry, err := h.Explain(t.Context(), []byte(ask.body), admin.Asker{Endpoint: "/v1" + strings.TrimSuffix(ask.path, "?alt=sse"), Tags: map[string]string{"usecase": c.usecase}})
				if err != nil || dry.Error != "" {
					t.Fatalf("explain: %v, %s", err, dry.Error)
				}
				checkChosen(t, dry, c.route == "cheap")
				if dry.Endpoint != record.Endpoint || dry.Dialect != record.Dialect || dry.Route != record.Route || len(dry.Candidates) != 1 {
					t.Errorf("the dry run is of %s %s on %s with %v, the request was of %s %s on %s", dry.Endpoint, dry.Dialect, dry.Route, dry.Candidates, record.Endpoint, record.Dialect, record.Route)
				}
			}
		})
	}
}

// checkChosen wants the condition in a record, with its line, or nothing.
func checkChosen(t *testing.T, r *llm.Record, chosen bool) {
	t.Helper()
	want := "[]"
	if chosen {
		want = "[{m cheap when[0] 6 tag usecase is support or faq}]"
	}
	if got := fmt.Sprint(r.Chosen); got != want {
		t.Errorf("%s: chosen by %s, want %s", r.Route, got, want)
	}
}

// TestDryRunsRefuseUnknownPaths explains what is sent to no path of the API.
func TestDryRunsRefuseUnknownPaths(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), "keys: off\nmodels: {m: {targets: [demo/demo]}}\nledger: sqlite://penstock.db")
	if _, err := h.Explain(t.Context(), []byte(`{}`), admin.Asker{Endpoint: "/v1/nowhere"}); err == nil || !strings.Contains(err.Error(), `can't be sent to "/v1/nowhere"`) {
		t.Errorf("explain: %v", err)
	}
}

// TestPlacementIsRefusedBeforeRanking demands regions and data classes in all ways, of models
// whose targets, fallback and chains differ in what they meet.
func TestPlacementIsRefusedBeforeRanking(t *testing.T) {
	dir := t.TempDir()
	h := openTestServerIn(t, dir, llmtest.Handler(llmtest.Model()), `
keys: off
policies: rules
providers:
  eu: {base_url: $UPSTREAM/v1, allow_private: true, region: eu, data: [public, confidential]}
  us: {base_url: $UPSTREAM/v1, allow_private: true, region: us, data: [public]}
  far: {base_url: $UPSTREAM/v1, allow_private: true}
models:
  m: {targets: [far/m, us/m, {target: eu/fail-503, data: [public]}], fallback: [eu/m], retries: {attempts: 1}}
  abroad: {targets: [far/m, us/m]}
  long: {targets: [{target: us/m, context: 20}, {target: eu/small, context: 20}], fallback_on: {context_length: [us/n, eu/m]}}
  home: {regions: [eu], targets: [far/m, us/m, eu/m]}
  by-class: {when: [{if: {data_class: confidential}, use: home}], targets: [far/m]}
ledger: sqlite://penstock.db
`, func() {
		rules := filepath.Join(dir, "rules")
		if err := os.Mkdir(rules, 0o700); err != nil {
			t.Fatal(err)
		}
		const rego = `package penstock
obligations["regions"] := ["eu"] if input.request.tags.stay == "home"
obligations["data_classes"] := ["confidential"] if input.request.tags.found == "secrets"
deny contains {"code": "no_secrets", "message": "No secrets."} if "top-secret" in input.request.data_classes
`
		if err := os.WriteFile(filepath.Join(rules, "place.rego"), []byte(rego), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	long := strings.Repeat("many words ", 40)
	for _, c := range []struct{ model, tags, text, want string }{
		{"m", "", "hi", "far/m"},
		{"m", "region=us", "hi", "us/m"},
		{"m", "region=eu", "hi", "eu/m"}, // after eu/fail-503
		{"m", "data_class=public", "hi", "us/m"},
		{"m", "data_class=Confidential", "hi", "eu/m"},
		{"m", "found=secrets", "hi", "eu/m"},
		{"m", "stay=home", "hi", "eu/m"},
		{"m", "stay=home,region=us", "hi", "400 us/m: is in us, the request must stay in eu"},
		{"m", "data_class=top-secret", "hi", "403 No secrets."},
		{"abroad", "data_class=confidential", "hi", "400 far/m: may not get data of class confidential; us/m: may not get data of class confidential"},
		{"abroad", "region=eu", "hi", "400 far/m: is in no known region, the request must stay in eu; us/m: is in us, the request must stay in eu"},
		{"long", "", long, "us/n"},
		{"long", "region=eu", long, "eu/m"},
		{"home", "", "hi", "eu/m"},
		{"home", "region=us", "hi", "400 eu/m: is in eu, the request must stay in us"},
		{"by-class", "", "hi", "far/m"},
		{"by-class", "data_class=confidential", "hi", "eu/m"},
	} {
		for _, client := range llmtest.Clients() {
			for _, stream := range []bool{false, true} {
				seen, err := client.Ask(t.Context(), strings.TrimSuffix(h.URL, "/v1"), c.model, c.text, stream, "X-Penstock-Tags", c.tags)
				if err != nil {
					t.Fatal(err)
				}
				got := seen.Header.Get("X-Penstock-Target")
				if seen.Status != 200 {
					got = fmt.Sprint(seen.Status, " ", seen.Errors)
				}
				if code, why, refused := strings.Cut(c.want, " "); refused && strings.HasPrefix(got, code) && strings.Contains(got, why) {
					continue
				}
				if got != c.want {
					t.Errorf("%s, stream %t: model %s with tags %q is answered by %s, want %s", client.Name, stream, c.model, c.tags, got, c.want)
				}
			}
		}
	}
}
