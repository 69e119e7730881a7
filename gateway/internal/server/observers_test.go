package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/webhook"
)

// calls keeps what a server was sent.
type calls struct {
	*httptest.Server
	mu     sync.Mutex
	bodies [][]byte
}

func newCalls(t *testing.T) *calls {
	c := &calls{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.bodies = append(c.bodies, body)
	}))
	t.Cleanup(c.Close)
	return c
}

// TestTraces has every client ask a target of every format, streamed and plain: all calls are in
// the caller's trace, and no key, prompt or answer is in what the collector gets.
func TestTraces(t *testing.T) {
	t.Parallel()
	collector := newCalls(t)
	up := llmtest.NewServer(t, labelling)
	var models strings.Builder
	for _, f := range llmtest.Clients() {
		fmt.Fprintf(&models, "  %[1]s: {targets: [%[1]s/live]}\n", strings.ToLower(f.Name))
	}
	h := openTestServer(t, http.NotFoundHandler(), strings.ReplaceAll(providersOfEach, "$UPSTREAM", up.URL)+
		"telemetry: {otlp: '"+collector.URL+"', sample: 0, headers: {authorization: env:TEST_KEY}}\nmodels:\n"+models.String())
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	n := 0
	for _, target := range llmtest.Clients() {
		for _, client := range llmtest.Clients() {
			for _, stream := range []bool{false, true} {
				seen, err := client.Ask(t.Context(), strings.TrimSuffix(h.URL, "/v1"), strings.ToLower(target.Name), "How many?", stream,
					"Traceparent", "00-"+id+"-00f067aa0ba902b7-01", "Tracestate", "vendor=1")
				if err != nil || seen.Status != 200 {
					t.Fatalf("%v, %s", err, seen.Body)
				}
				n++
			}
		}
	}
	h.post(t, `{"model":"chat",`+hello+`}`) // which is not sampled
	spans := map[string]bool{}
	for _, r := range up.Requests() {
		parent := r.Header.Get("Traceparent")
		if tr, ok := llm.ParseTraceParent(parent); !ok || spans[parent] || (tr.Sampled && (!strings.Contains(parent, id) || r.Header.Get("Tracestate") != "vendor=1")) {
			t.Errorf("a provider got traceparent %q, tracestate %q", parent, r.Header.Get("Tracestate"))
		}
		spans[parent] = true
	}
	if err := h.traces.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.traces.Exported() != uint64(n) || h.traces.Dropped() != 0 {
		t.Errorf("%d traces were sent and %d dropped, want %d", h.traces.Exported(), h.traces.Dropped(), n)
	}
	sent := string(slices.Concat(collector.bodies...))
	for _, never := range []string{"canary", "How many", llmtest.ModelText} {
		if strings.Contains(sent, never) {
			t.Errorf("the spans hold %q", never)
		}
	}
	for _, always := range []string{"gen_ai.request.model", "penstock.policy.allow", "policy", "cache", "route", "reserve", "generate_content"} {
		if !strings.Contains(sent, always) {
			t.Errorf("the spans lack %q", always)
		}
	}
}

// TestAccessLog has a line for every request, whatever became of it.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	up := llmtest.NewServer(t, labelling)
	h := openTestServer(t, http.NotFoundHandler(), strings.ReplaceAll(`
log: {format: json, level: error}
cors: {origins: ["https://page.example"]}
providers: {p: {base_url: $UPSTREAM/v1, allow_private: true, api_key: env:TEST_KEY}}
models:
  m: {targets: [{target: p/live, price: {input: 1000, output: 1000}}]}
`, "$UPSTREAM", up.URL))
	token := h.keyFor(t, keys.Spec{Name: "k"})
	as := []string{"Authorization", token}
	plain, body := h.post(t, `{"model":"m",`+hello+`}`, as...)
	stream, _ := h.post(t, `{"model":"m","stream":true,`+hello+`}`, as...)
	for _, request := range []struct {
		path, body string
		header     []string
	}{
		{"/chat/completions", `{"model":"m",` + hello + `}`, nil},
		{"/chat/completions", `{"model":"secret`, as},
		{"/chat/completions", `{"model":"unknown",` + hello + `}`, as},
		{"/messages", `{"model":"m"}`, as},
		{"/no/such\npath", "", as},
	} {
		h.postTo(t, strings.ReplaceAll(request.path, "\n", "%0a"), request.body, request.header...)
	}
	for _, path := range []string{"/healthz", "/models"} {
		resp, err := http.Get(strings.TrimSuffix(h.URL, "/v1") + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for _, origin := range []string{"https://page.example", "https://other.example"} { // a preflight, and what Echo answers
		r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, h.URL+"/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"GET"}}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 204 || resp.Header.Get("X-Penstock-Request-Id") == "" {
			t.Errorf("OPTIONS from %s: status %d, %v", origin, resp.StatusCode, resp.Header)
		}
	}
	h.accessLog.Close(t.Context())
	type line struct {
		Msg, Request, Method, Path, Model, Target, Key, Code, Cache string
		Status, Bytes                                               int
		CostUSD                                                     float64 `json:"cost_usd"`
		Ms                                                          float64
	}
	var got []string
	for text := range strings.Lines(h.log.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if l.Msg != "request" {
			continue
		}
		if l.Request == "" || l.Ms <= 0 || (l.Bytes == 0) != (l.Status == 204) || (l.Status == 200) != (l.CostUSD > 0) {
			t.Errorf("the line is %s", text)
		}
		if l.Request == plain.Header.Get("X-Penstock-Request-Id") && l.Bytes != len(body) || l.Request == stream.Header.Get("X-Penstock-Request-Id") && l.Code != "" {
			t.Errorf("the line is %s", text)
		}
		got = append(got, fmt.Sprint(l.Status, " ", l.Method, " ", l.Path, " ", l.Model, " ", l.Target, " ", l.Code, " ", l.Cache, " ", l.Key != ""))
	}
	want := []string{
		"200 POST /v1/chat/completions m p/live  off true", "200 POST /v1/chat/completions m p/live  off true", "401 POST /v1/chat/completions   invalid_api_key  false",
		"400 POST /v1/chat/completions   invalid_json  true", "404 POST /v1/chat/completions unknown  model_not_found off true",
		"400 POST /v1/messages   invalid_request  true", "404 POST /v1/no/such\npath   not_found  false", "401 GET /models   invalid_api_key  false",
		"204 OPTIONS /v1/models     false", "204 OPTIONS /v1/models     false",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, never := range []string{"canary", strings.TrimPrefix(token, "Bearer "), "secret", "How many"} {
		if strings.Contains(h.log.String(), never) {
			t.Errorf("the log holds %q", never)
		}
	}
}

// reader is a writer that waits until somebody reads.
type reader struct {
	reads chan struct{}
	testLog
}

func (r *reader) Write(p []byte) (int, error) {
	<-r.reads
	return r.testLog.Write(p)
}

// TestErrorsThatQuote has a provider whose errors quote the request. What of that is in the record
// and in the log is as the policy has it for texts.
func TestErrorsThatQuote(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := openTestServerIn(t, dir, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"message": "can't read " + string(body)}})
	}), `
keys: off
policies: policies
retry_budget: {burst: 0}
providers: {p: {base_url: $UPSTREAM/v1, allow_private: true}}
models: {none: {targets: [p/none]}, metadata: {targets: [p/metadata]}, redacted: {targets: [p/redacted]}, full: {targets: [p/full]}}
`, func() {
		if err := os.MkdirAll(filepath.Join(dir, "policies"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "policies", "log.rego"), []byte("package penstock\n\nobligations[\"log\"] := input.request.model if input.request.model in {\"none\", \"metadata\", \"redacted\", \"full\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	const quoted, address = "a text", "ada@example.com"
	for model, test := range map[string]struct{ record, log string }{
		"none": {"", ""}, "metadata": {quoted, quoted}, "redacted": {quoted, quoted}, "full": {quoted + address, quoted},
	} {
		resp, body := h.post(t, fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"%s of %s %s"}]}`, model, quoted, address, strings.Repeat("and more ", 1000)))
		if resp.StatusCode != 500 || !strings.Contains(string(body), address) {
			t.Errorf("%s: status %d: %s", model, resp.StatusCode, body)
		}
		id := resp.Header.Get("X-Penstock-Request-Id")
		r, err := h.ledger.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		texts := r.Error
		for _, a := range r.Attempts {
			texts += a.Error
		}
		line := ""
		for text := range strings.Lines(h.log.String()) {
			if strings.Contains(text, id) && strings.Contains(text, "ended in an error") {
				line += text
			}
		}
		for what, got := range map[string][2]string{"record": {texts, test.record}, "log": {line, test.log}} {
			for _, secret := range []string{quoted, address} {
				if has, want := strings.Contains(got[0], secret), strings.Contains(got[1], secret); has != want {
					t.Errorf("%s: the %s has %q: %t, want %t in %.200s", model, what, secret, has, want, got[0])
				}
			}
		}
		if model != "full" && len(texts) > 3000 || len(line) > 2000 || !strings.Contains(line, "upstream_error") {
			t.Errorf("%s: the record has %d bytes of the error, and the log says %.3000s", model, len(texts), line)
		}
	}
}

// TestStandardErrorThatHangs holds up neither requests that fail nor operators, and nothing is
// missing once somebody reads it.
func TestStandardErrorThatHangs(t *testing.T) {
	t.Parallel()
	stderr := &reader{reads: make(chan struct{}), testLog: testLog{t: t}}
	t.Run("while it hangs", func(t *testing.T) {
		s := runServer(t, t.TempDir(), `listen: 127.0.0.1:0
admin: {listen: 127.0.0.1:0}
server: {drain_delay: 0s}
log: {level: debug}
`+demoOnly, stderr)
		api, _ := s.Addrs()
		resp, err := http.Post("http://"+api+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"unknown",`+hello+`}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if _, err := s.openTarget(admin.Opening{ID: "demo/demo", By: "test"}); err != nil || resp.StatusCode != 404 {
			t.Errorf("status %d, %v", resp.StatusCode, err)
		}
		close(stderr.reads)
	})
	for _, line := range []string{"policy published", "request ended in an error", "an operator has opened a target", "msg=request"} {
		if !strings.Contains(stderr.String(), line) {
			t.Errorf("%q is missing in %s", line, stderr.String())
		}
	}
}

// TestLogLevel changes with a reload.
func TestLogLevel(t *testing.T) {
	t.Parallel()
	h := openTestServer(t, http.NotFoundHandler(), demoOnly+"log: {level: error}\n")
	reload := func(level string) string {
		h.writeConfig(t, demoOnly+"log: {level: "+level+"}\n")
		before := len(h.log.String())
		if err := h.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		return h.log.String()[before:]
	}
	if got := reload("info"); !strings.Contains(got, "msg=reloaded settings=log") {
		t.Errorf("at the level info, a reload logs %q", got)
	}
	if got := reload("warn"); got != "" {
		t.Errorf("at the level warn, a reload logs %q", got)
	}
}

// TestWebhooks tells a real receiver of everything, each once.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	receiver := newCalls(t)
	up := llmtest.NewServer(t, labelling)
	h := openTestServer(t, http.NotFoundHandler(), strings.ReplaceAll(`
webhooks:
  - {url: "`+receiver.URL+`/hook", secret: env:TEST_SECRET, thresholds: [50, 90, 100]}
  - {url: "`+receiver.URL+`/none", secret: env:TEST_SECRET, events: [plugin.disabled]}
providers: {p: {base_url: $UPSTREAM/v1, allow_private: true}}
models:
  m: {targets: [{target: p/live, price: {input: 1000, output: 1000}}]}
`, "$UPSTREAM", up.URL))
	_, body := h.post(t, `{"model":"m","max_tokens":5,`+hello+`}`, "Authorization", h.keyFor(t, keys.Spec{Name: "rich"}))
	var r struct {
		Usage struct {
			Total int64 `json:"total_tokens"`
		}
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	cost := llm.NanoUSD(r.Usage.Total * 1_000_000) // a dollar for a thousand tokens
	token := h.keyFor(t, keys.Spec{Name: "budgeted", Budget: llm.Budget{Max: cost * 14, Window: "month"}})
	for range 16 {
		h.post(t, `{"model":"m","max_tokens":5,`+hello+`}`, "Authorization", token)
	}
	if _, err := h.openTarget(admin.Opening{ID: "p/live", By: "test"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.closeTarget(admin.Opening{ID: "p/live", By: "test"}); err != nil {
		t.Fatal(err)
	}
	h.watchCircuits()
	h.o.Config = t.TempDir() + "/gone.yaml"
	if err := h.Reload(t.Context()); err == nil {
		t.Fatal("a file that is gone is no fault")
	}
	h.events.close(t.Context())
	var got []string
	ids := map[string]bool{}
	for _, body := range receiver.bodies {
		var e webhook.Event
		if err := json.Unmarshal(body, &e); err != nil || ids[e.ID] {
			t.Fatalf("%s: %v", body, err)
		}
		ids[e.ID] = true
		d := e.Data.(map[string]any)
		switch e.Type {
		case string(config.EventBudget):
			got = append(got, fmt.Sprint(e.Type, " ", d["unit"], " ", d["window"], " ", d["threshold"]))
		case string(config.EventCircuit):
			got = append(got, fmt.Sprint(e.Type, " ", d["target"], " ", d["from"], " to ", d["to"]))
		default:
			got = append(got, e.Type)
		}
	}
	want := []string{"budget.threshold usd month 50", "budget.threshold usd month 90", "budget.threshold usd month 100",
		"circuit.changed p/live closed to open", "circuit.changed p/live open to closed", "reload.refused"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestHalfOfTheTime is what receivers that hang may take at the end.
func TestHalfOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		began := time.Now()
		half, cancel := halfOf(all)
		defer cancel()
		<-half.Done()
		if took := time.Since(began); took != 2*time.Second || all.Err() != nil {
			t.Errorf("half of 4s ended after %v, when all was %v", took, all.Err())
		}
		endless, cancel := halfOf(t.Context())
		if _, ok := endless.Deadline(); ok {
			t.Error("half of an endless time ends")
		}
		cancel()
	})
}

// TestReceiversThatHang hold up no other outlet at the end.
func TestReceiversThatHang(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer receiver.Close()
	defer close(hang)
	ctx, cancel := context.WithCancel(t.Context())
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() })) // it gets the traces although the webhook hangs
	defer collector.Close()
	up := llmtest.NewServer(t, labelling)
	h := openTestServer(t, http.NotFoundHandler(), strings.NewReplacer("$UPSTREAM", up.URL, "$HOOK", receiver.URL, "$OTLP", collector.URL).Replace(`
keys: off
webhooks: [{url: "$HOOK/", secret: env:TEST_SECRET}]
telemetry: {otlp: "$OTLP", sample: 100%}
providers: {p: {base_url: $UPSTREAM/v1, allow_private: true}}
models: {m: {targets: [p/live]}}
`))
	h.post(t, `{"model":"m",`+hello+`}`)
	h.tellReload(errors.New("for the webhook"))
	if err := h.closeOutlets(ctx); err != nil {
		t.Errorf("closeOutlets = %v", err)
	}
	if n := h.outletMetrics().EventsDropped; ctx.Err() == nil || n != 1 {
		t.Errorf("the collector got nothing, or %d events were dropped", n)
	}
}

func TestBudgetLevels(t *testing.T) {
	var b budgetWatch
	l := watchedLimit{name: "a"}
	for _, step := range []struct {
		window        string
		percent, from int
	}{{"w1", 40, 0}, {"w1", 85, 40}, {"w1", 85, 85}, {"w1", 60, 85}, {"w1", 85, 85}, {"w2", 10, 0}, {"w2", 90, 10}, {"w3", 95, 0},
		{"", 50, 0}, {"", 85, 50}, {"", 79, 85}, {"", 86, 85}, {"", 70, 86}, {"", 85, 70}} {
		if got := b.reach(l, step.window, step.percent); got != step.from {
			t.Errorf("%+v: from %d", step, got)
		}
	}
	for n := range 2 * maxWatched {
		b.reach(watchedLimit{name: fmt.Sprint(n)}, "w", 1)
	}
	if len(b.levels) > maxWatched {
		t.Errorf("%d limits are remembered", len(b.levels))
	}
}

// TestPluginFaultsAreLoggedOnceAMinute counts those that are not.
func TestPluginFaultsAreLoggedOnceAMinute(t *testing.T) {
	var f pluginFaults
	now := time.Unix(1000, 0)
	for i, step := range []struct {
		plugin string
		after  time.Duration
		more   int
		ok     bool
	}{{"a", 0, 0, true}, {"a", 0, 0, false}, {"b", 0, 0, true}, {"a", 59 * time.Second, 0, false}, {"a", time.Second, 2, true}, {"a", time.Hour, 0, true}} {
		now = now.Add(step.after)
		if more, ok := f.note(step.plugin, now); more != step.more || ok != step.ok {
			t.Errorf("step %d: %d, %v", i, more, ok)
		}
	}
}

func TestPluginFaultsAreLogged(t *testing.T) {
	log := &testLog{t: t}
	s := newServer(Options{Stderr: log})
	for range 3 {
		s.notePluginFaults(&llm.Record{ID: "req_1", Route: "m", Ranking: &llm.Ranking{Router: "mine", Fault: "trap: ada@example.com"},
			Attempts: []llm.Attempt{{Transforms: []llm.Applied{{Plugin: "other", Hook: "request", Fault: "out of fuel"}}}}})
	}
	if got := log.String(); strings.Count(got, "a plugin failed") != 2 || !strings.Contains(got, "request=req_1") || strings.Contains(got, "ada@") {
		t.Errorf("the log is %s", got)
	}
}
