package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

const observability = "../../../examples/observability"

// expressions returns the PromQL of the dashboard and the alert rules by their titles, with what
// Grafana replaces.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(observability, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if err := json.Unmarshal(read("dashboard.json"), &d); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, p := range d.Panels {
		for i, target := range p.Targets {
			all[fmt.Sprintf("%s[%d]", p.Title, i)] = strings.NewReplacer("$__rate_interval", "1m", "$route", ".*", "$target", ".*").Replace(target.Expr)
		}
	}
	rule := regexp.MustCompile(`(?m)^ +- alert: (\w+)\n +expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)`)
	for _, m := range rule.FindAllStringSubmatch(string(read("alerts.yml")), -1) {
		all[m[1]] = strings.Join(strings.Fields(m[2]+m[3]), " ")
	}
	if len(all) < 60 {
		t.Fatalf("only %d expressions were found", len(all))
	}
	return all
}

// busyServer is a server that has had every kind of traffic that its metrics are about.
func busyServer(t *testing.T) (h *testServer, metrics *httptest.Server) {
	t.Helper()
	up := llmtest.NewServer(t, llmtest.Answers(func(model string) llmtest.Chat { return llmtest.Chat{Model: model, Text: llmtest.ModelText} }))
	h = openTestServer(t, http.NotFoundHandler(), strings.ReplaceAll(`
keys: off
decision_log: decisions.log
providers: {p: {base_url: $UPSTREAM/v1, allow_private: true}}
models:
  m: {targets: [{target: p/m, price: {input: 1, output: 2}}], cache: {ttl: 1h}}
  down: {targets: [p/fail-503, p/m]}
`, "$UPSTREAM", up.URL))
	for _, body := range []string{`{"model":"m",` + hello + `}`, `{"model":"m",` + hello + `}`, `{"model":"m","stream":true,` + hello + `}`, `{"model":"down",` + hello + `}`} {
		h.post(t, body)
	}
	for seed := range 20 { // so many that there are quantiles
		h.post(t, fmt.Sprintf(`{"model":"m","stream":true,"seed":%d,%s}`, seed, hello))
	}
	h.telemetry.Observe(&llm.Record{Status: 503, Route: "m", Cache: llm.CacheMiss, Queued: 1,
		Attempts: []llm.Attempt{{Target: "p/m", Fault: llm.FaultServer}}, Exceeded: &llm.Exceeded{Limit: llm.Limit{Unit: llm.UnitUSD}, Why: llm.UsedUp}})
	h.telemetry.Refused("bad")
	h.telemetry.Overload("queue_full", llm.PriorityLow)
	metrics = httptest.NewServer(h.AdminHandler())
	t.Cleanup(metrics.Close)
	return h, metrics
}

var (
	metricName = regexp.MustCompile(`\b(?:penstock|gen_ai_(?:client|server)|go|process)_\w+`)
	matcher    = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"`)
	grouping   = regexp.MustCompile(`\bby \(([^)]*)\)`)
	sample     = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? `)
)

// TestObservabilityExamples compares each name and label in the dashboard and the alerts with what
// a gateway shows.
func TestObservabilityExamples(t *testing.T) {
	t.Parallel()
	h, _ := busyServer(t)
	w := httptest.NewRecorder()
	h.telemetry.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	labels := map[string][]string{}
	for line := range strings.Lines(w.Body.String()) {
		m := sample.FindStringSubmatch(line)
		if m == nil || line[0] == '#' {
			continue
		}
		labels[m[1]] = append(labels[m[1]], "job", "instance") // which Prometheus adds
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			labels[m[1]] = append(labels[m[1]], l[1])
		}
	}
	for title, expr := range expressions(t) {
		var of []string // the labels of the metrics in it
		names := metricName.FindAllStringIndex(expr, -1)
		for _, at := range names {
			name := expr[at[0]:at[1]]
			has, ok := labels[name]
			if !ok {
				t.Errorf("%s: there is no metric %s", title, name)
			}
			of = append(of, has...)
			if selector, ok := strings.CutPrefix(expr[at[1]:], "{"); ok {
				selector, _, _ = strings.Cut(selector, "}")
				for _, l := range matcher.FindAllStringSubmatch(selector, -1) {
					if !slices.Contains(has, l[1]) {
						t.Errorf("%s: %s has no label %s", title, name, l[1])
					}
				}
			}
		}
		if len(names) == 0 && title != "PenstockDown" {
			t.Errorf("%s: no metric in %s", title, expr)
		}
		for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
			for label := range strings.SplitSeq(by[1], ",") {
				if !slices.Contains(of, strings.TrimSpace(label)) {
					t.Errorf("%s: no metric in it has the label %s", title, label)
				}
			}
		}
	}
}

// TestPrometheusScrapes has a real Prometheus scrape a gateway, and evaluate every expression of
// the dashboard and every rule.
func TestPrometheusScrapes(t *testing.T) {
	t.Parallel()
	h, metrics := busyServer(t)
	rules, err := filepath.Abs(filepath.Join(observability, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs: [{job_name: penstock, static_configs: [{targets: [%q]}]}]\n",
		rules, strings.TrimPrefix(metrics.URL, "http://"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := llmtest.StartPrometheus(t, file)
	var targets struct {
		ActiveTargets []struct{ Health, LastError string }
	}
	p.Get("/api/v1/targets", nil, &targets, func() bool { return len(targets.ActiveTargets) == 1 && targets.ActiveTargets[0].Health == "up" })
	h.post(t, `{"model":"m","stream":true,"seed":99,`+hello+`}`)
	type result struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	var got result
	p.Get("/api/v1/query", url.Values{"query": {`sum(penstock_requests_total{route="m",status="2xx"})`}}, &got, func() bool { return len(got.Result) == 1 && got.Result[0].Value[1] == "24" })
	for title, expr := range expressions(t) {
		p.Get("/api/v1/query", url.Values{"query": {expr}}, &result{}, func() bool { return true })
		if t.Failed() {
			t.Fatalf("%s: %s", title, expr)
		}
	}
	var loaded struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	p.Get("/api/v1/rules", nil, &loaded, func() bool {
		return len(loaded.Groups) == 1 && len(loaded.Groups[0].Rules) > 0 && !slices.ContainsFunc(loaded.Groups[0].Rules, func(r struct{ Name, Health, LastError string }) bool { return r.Health != "ok" })
	})
}

// TestPromtool has Prometheus' own tool check the examples.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool: install prometheus, or run make deps")
	}
	for _, args := range [][]string{{"check", "rules", observability + "/alerts.yml"}, {"check", "config", observability + "/prometheus.yml"}} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
