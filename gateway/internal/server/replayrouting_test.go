package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/pipeline"
	"github.com/penstock/penstock/gateway/internal/replay"
)

// oneRoute is a route under every name.
type oneRoute struct{ *llm.Route }

func (r oneRoute) Find(*llm.Request) (*llm.Route, []llm.Choice, error) { return r.Route, nil, nil }

// someHealth and somePrompts have figures of their own.
type someHealth struct {
	pipeline.Health
	stats map[string]llm.Stats
}

func (h someHealth) Stats(target string) llm.Stats { return h.stats[target] }

func (h someHealth) Cooling(string) (string, time.Time) { return "", time.Time{} }

type somePrompts struct {
	pipeline.Prompts
	cached map[string]int64
}

func (p somePrompts) Cached(_, _, target string) int64 { return p.cached[target] }

// anyStats draws figures as package upstream gives them.
func anyStats(t *rapid.T, now time.Time) llm.Stats {
	millis := func(name string) llm.Millis {
		return llm.RecordedMillis(time.Duration(rapid.Int64Range(0, 1e11).Draw(t, name)))
	}
	s := llm.Stats{Inflight: rapid.Int64Range(0, 50).Draw(t, "in flight"), TTFT: millis("ttft"), TTFTP50: millis("p50"), TTFTP95: millis("p95"),
		TPS: rapid.Float64Range(0, 1e4).Draw(t, "tps"), ErrorRate: rapid.Float64Range(0, 1).Draw(t, "errors"), Samples: rapid.Float64Range(0, 100).Draw(t, "samples"),
		RemainingRequests: rapid.Int64Range(-1, 9).Draw(t, "requests"), RemainingTokens: rapid.Int64Range(-1, 1e6).Draw(t, "tokens"),
		RequestsLeft: rapid.Float64Range(-1, 1).Draw(t, "requests left"), TokensLeft: rapid.Float64Range(-1, 1).Draw(t, "tokens left")}
	if rapid.IntRange(0, 4).Draw(t, "cooling") == 0 {
		s.CoolingFor, s.CoolingUntil = "server", now.Add(time.Duration(rapid.Int64Range(-1e6, 1e10).Draw(t, "until")))
	}
	return s
}

func anyTarget(t *rapid.T, i int) *llm.Target {
	target := &llm.Target{ID: fmt.Sprintf("p/%d", i), Provider: "p", Model: fmt.Sprint(i), Dialect: llm.OpenAI,
		Quality: rapid.OneOf(rapid.Just(-1.0), rapid.Float64Range(0, 1)).Draw(t, "quality"), Weight: rapid.Float64Range(0, 10).Draw(t, "weight"),
		Order: rapid.IntRange(-2, 2).Draw(t, "order"), Fallback: rapid.Bool().Draw(t, "fallback"), MaxInflight: rapid.IntRange(0, 9).Draw(t, "max in flight"),
		Context: rapid.SampledFrom([]int64{0, 20, 100_000}).Draw(t, "context")}
	if rapid.IntRange(0, 3).Draw(t, "priced") > 0 {
		usd := func(name string) llm.NanoUSD { return llm.NanoUSD(rapid.Int64Range(0, 1e11).Draw(t, name)) }
		target.Price = llm.Price{Known: true, Input: usd("input"), Output: usd("output"), CacheRead: usd("cached"), Row: target.ID + "@test"}
	}
	return target
}

// Whatever the targets, their figures and the request: what the pipeline records is ranked the
// same again, to the last bit, by every strategy.
func TestRecordedRankingsAreReplayed(t *testing.T) {
	strategies := []string{"ordered", "weighted", "least-busy", "cost", "quality", "latency", "balanced"}
	configuration := "keys: off\nmodels:\n"
	for _, s := range strategies {
		configuration += fmt.Sprintf("  %s: {router: %s, targets: [demo/demo]}\n", s, s)
	}
	configuration += "  set: {router: balanced, with: {cost: 0.123456789, quality: 1e-7, latency: 3, errors: 0.1, output_tokens: 77}, targets: [demo/demo]}\n"
	h := openTestServer(t, http.NotFoundHandler(), configuration+"ledger: 'sqlite://:memory:'\n")
	sn := h.acquire()
	defer sn.release()
	ids := rand.Uint64()
	rapid.Check(t, func(t *rapid.T) {
		named, err := sn.routes.Named(rapid.SampledFrom(append(strategies, "set")).Draw(t, "model"))
		if err != nil {
			t.Fatal(err)
		}
		route, now := *named, time.Now()
		stages, stats, cached := sn.pipeline.Stages, map[string]llm.Stats{}, map[string]int64{}
		route.Targets = nil
		for i := range rapid.IntRange(1, 9).Draw(t, "targets") {
			target := anyTarget(t, i)
			route.Targets = append(route.Targets, target)
			stats[target.ID], cached[target.ID] = anyStats(t, now), rapid.Int64Range(0, 1000).Draw(t, "cached")
		}
		stages.Routes, stages.Health, stages.Prompts = oneRoute{&route}, someHealth{stages.Health, stats}, somePrompts{stages.Prompts, cached}
		body := `{"model":"m","max_tokens":40,"messages":[{"role":"user","content":"What is it?"}]}`
		req, format, err := h.requestAt(t.Context(), "/v1/chat/completions", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		defer format.Close()
		ids++
		req.ID, req.Received, req.Session = fmt.Sprint("req_", ids), now, rapid.SampledFrom([]string{"", "s"}).Draw(t, "session")
		r := pipeline.New(stages).Explain(t.Context(), req)
		if r.Ranking == nil {
			return // no target has room for the request
		}
		r.Dry = false
		if err := h.ledger.Write(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		got, err := h.Replay(t.Context(), h.ledger.Reader, req.ID)
		if err != nil || !got.Exact || !got.Same || len(got.Candidates) == 0 || r.Ranking.Fault != "" {
			text, _ := json.Marshal(r)
			t.Fatalf("Replay = %+v, %v\nof %s", got, err, text)
		}
	})
}

// operate calls the admin API.
func (h *testServer) operate(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, "http://127.0.0.1:8081"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1"
	h.AdminHandler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// replayed returns the result of POST /admin/v1/requests/{id}/replay, or its status and error.
func (h *testServer) replayed(t *testing.T, id string) (*replay.Result, string) {
	t.Helper()
	status, body := h.operate(t, http.MethodPost, "/admin/v1/requests/"+id+"/replay", "")
	if status != http.StatusOK {
		return nil, fmt.Sprint(status, " ", body)
	}
	result := new(replay.Result)
	if err := json.Unmarshal([]byte(body), result); err != nil {
		t.Fatal(err)
	}
	return result, ""
}

// Requests of every client, streamed and plain, are replayed exactly with plugins whose scores
// depend on every bit of their input, as long as the policy keeps the prompt; else the result
// says what follows.
func TestRoutersThatReadThePromptAreReplayed(t *testing.T) {
	for _, tag := range []string{"", "flat"} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "policies", "log.rego"), `package penstock

obligations["log"] := "full" if input.request.model == "full"

obligations["tags"] := {"tier": "gold", "app": "policy"}
`)
		h := openTestServerIn(t, dir, &speaker{text: "hello"}, fmt.Sprintf(`
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
policies: policies
models:
  full: &m
    router: digest
    with: {a: [1, {b: x}]}
    targets: [up/a, {target: up/b, price: {input: 1, output: 2}, context: 5000}, {target: up/c, weight: 0.1, quality: 0.3333333333333333}]
  little: *m
plugins: {digest: {file: %s, grants: ["read:messages"], with: {secret: s}}}
ledger: sqlite://penstock.db
`, goPlugin(t, filepath.Join("testdata", "digest"), tag)))
		h.replayClients(t, "full", func(r *replay.Result) bool { return r.Exact && r.Same })
		differs := 0
		h.replayClients(t, "little", func(r *replay.Result) bool {
			if !r.Same {
				differs++
			}
			return !r.Exact && strings.Contains(strings.Join(r.Notes, " "), "text is not kept")
		})
		h.compareClients(t)
		if differs < 2 { // in the JSON form only requests with messages have the prompt
			t.Errorf("%d rankings differ without the prompt", differs)
		}
	}
}

// replayClients sends a request of every client, streamed and plain, and checks how each is
// replayed.
func (h *testServer) replayClients(t *testing.T, model string, want func(*replay.Result) bool) {
	t.Helper()
	paths := map[string]string{"/v1beta/models/" + model + ":generateContent": geminiBody, "/v1beta/models/" + model + ":streamGenerateContent": geminiBody}
	for _, c := range clientDialects {
		paths["/v1"+c.path] = fmt.Sprintf(c.plain, model)
		paths["/v1"+c.path+"?stream"] = fmt.Sprintf(c.stream, model)
	}
	root := &testServer{h.Server, strings.TrimSuffix(h.URL, "/v1"), h.log}
	for path, body := range paths {
		resp, text := root.postTo(t, path, body, "X-Penstock-Session", "s", "X-Penstock-Tags", "app=mine, x=y")
		got, fault := h.replayed(t, resp.Header.Get("X-Penstock-Request-Id"))
		if fault != "" || resp.StatusCode != 200 {
			t.Errorf("%s: %d %s, replayed: %s", path, resp.StatusCode, text, fault)
		} else if !want(got) {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// compareClients compares a router that reads the prompt with one that does not, over the
// requests of replayClients.
func (h *testServer) compareClients(t *testing.T) {
	t.Helper()
	ask := `{"routers":[{"router":"digest","with":{"a":2}},{"router":"cost"}],"model":%q}`
	var full, little replay.Report
	for model, into := range map[string]*replay.Report{"full": &full, "little": &little} {
		status, text := h.operate(t, http.MethodPost, "/admin/v1/routes/compare", fmt.Sprintf(ask, model))
		if err := json.Unmarshal([]byte(text), into); err != nil || status != 200 {
			t.Fatalf("%s: %d %s", model, status, text)
		}
	}
	const each = 8 // four clients, streamed and plain
	if full.Compared != each || full.B.Shares[0] != (replay.Share{Target: "up/a", Requests: each, Share: 1}) || full.A.Router != `digest {"a":2}` {
		t.Errorf("compared: %+v", full)
	}
	if little.Compared != 0 || len(little.Skipped) != 1 || little.Skipped[0].Records != each || !strings.Contains(little.Skipped[0].Why, "not kept") {
		t.Errorf("without texts: %+v", little)
	}
	h.comparing.Lock()
	defer h.comparing.Unlock()
	if status, text := h.operate(t, http.MethodPost, "/admin/v1/routes/compare", fmt.Sprintf(ask, "full")); status != 503 {
		t.Errorf("while another one runs: %d %s", status, text)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A request whose router the configuration no longer has cannot be replayed, and says so.
func TestReplayWithoutTheRouter(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), demoOnly+"ledger: 'sqlite://:memory:'\n")
	facts := llm.NewRouteFacts(&llm.Route{Router: "gone", Targets: []*llm.Target{{ID: "p/m"}}}, llm.RouterModule{})
	r := &llm.Record{ID: "req_1", Cache: llm.CacheOff, Candidates: []llm.Considered{{Target: "p/m"}},
		Ranking: &llm.Ranking{Order: []int{0}, Input: llm.RouterInput{Route: facts.Digest}, Facts: facts}}
	if err := h.ledger.Write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, fault := h.replayed(t, "req_1"); !strings.HasPrefix(fault, "409") || !strings.Contains(fault, `its router \"gone\" can't be used any more: unknown strategy`) {
		t.Errorf("replayed: %s", fault)
	}
	if _, fault := h.replayed(t, "req_2"); !strings.HasPrefix(fault, "404") {
		t.Errorf("an unknown request: %s", fault)
	}
}
