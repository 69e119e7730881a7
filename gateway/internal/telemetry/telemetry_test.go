package telemetry_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scrape returns the sample lines by name and labels.
func scrape(t testing.TB, m *telemetry.Metrics) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scrape: %d %v", w.Code, err)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(body)) {
		if name, value, ok := cutLast(strings.TrimSpace(line)); ok && line[0] != '#' {
			got[name] = value
		}
	}
	return got
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// record is a request as the pipeline would settle it, with canaries where nothing
// may leak into labels.
func record() *llm.Record {
	return &llm.Record{
		ID: "req_canary", KeyID: "canary", KeyName: "canary", User: "canary", Team: "canary",
		Tags: map[string]string{"canary": "canary"}, Error: "canary", Model: "canary",
		Route: "smart", Target: "openai/gpt-5", Provider: "openai", Status: 200, Cache: "miss",
		Usage: llm.Usage{Input: 100, Output: 20}, Price: llm.Price{Known: true}, Cost: llm.USD / 4,
		Duration: llm.Millis(2 * time.Second), Upstream: llm.Millis(1999 * time.Millisecond), FirstByte: llm.Millis(300 * time.Millisecond),
		Decision: &llm.Decision{Allow: true, Memoised: true},
		Ranking:  &llm.Ranking{Router: "balanced", Fuel: 500},
		Stages:   llm.Stages{Admit: llm.Stage{Start: 1, Duration: llm.Millis(40 * time.Microsecond)}, Rank: llm.Stage{Start: 1, Duration: llm.Millis(60 * time.Microsecond)}},
		Stream:   true,
		Attempts: []llm.Attempt{
			{Target: "anthropic/x", Fault: llm.FaultServer},
			{Target: "openai/gpt-5", Reserve: llm.Millis(200 * time.Microsecond)},
		},
	}
}

// TestStages counts the gateway's own steps, and what limits refuse.
func TestStages(t *testing.T) {
	m := telemetry.New(telemetry.Options{Meters: func() int64 { return 7 }, Ledger: func() telemetry.Ledger { return telemetry.Ledger{Lag: 1500 * time.Millisecond, Lost: 3} }, Outlets: func() telemetry.Outlets { return telemetry.Outlets{1, 2, 3, 4, 5} }})
	m.Observe(record())
	m.Observe(&llm.Record{Status: 429, Exceeded: &llm.Exceeded{Limit: llm.Limit{Name: "canary", Scope: "canary", Unit: llm.UnitUSD}, Why: llm.UsedUp}})
	got := scrape(t, m)
	for name, want := range map[string]string{
		`penstock_stage_seconds_bucket{stage="policy",le="5e-05"}`:                               "1",
		`penstock_stage_seconds_bucket{stage="route",le="5e-05"}`:                                "0",
		`penstock_stage_seconds_bucket{stage="route",le="0.0001"}`:                               "1",
		`penstock_stage_seconds_count{stage="cache"}`:                                            "0",
		`penstock_stage_seconds_count{stage="reserve"}`:                                          "2",
		`penstock_stage_seconds_bucket{stage="reserve",le="5e-05"}`:                              "1",
		`penstock_budget_refused_total{reason="used_up",unit="usd"}`:                             "1",
		`penstock_meter_counters`:                                                                "7",
		`penstock_ledger_lost_records_total`:                                                     "3",
		`penstock_ledger_lag_seconds`:                                                            "1.5",
		`penstock_traces_total{result="sent"}`:                                                   "1",
		`penstock_traces_total{result="dropped"}`:                                                "2",
		`penstock_webhook_events_total{result="dropped"}`:                                        "4",
		`penstock_log_dropped_total`:                                                             "5",
		`gen_ai_server_time_per_output_token_seconds_count{route="smart",target="openai/gpt-5"}`: "1",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %s", name, got[name], want)
		}
	}
}

func TestObserve(t *testing.T) {
	m := telemetry.New(telemetry.Options{Inflight: func() int64 { return 3 }, Following: func() int64 { return 2 }})
	m.Observe(record())
	m.Observe(record())
	unpriced := record()
	unpriced.Price = llm.Price{}
	m.Observe(unpriced)
	hit := record()
	hit.Cache, hit.Saved, hit.Cost, hit.Attempts, hit.Target = "hit", llm.USD/2, 0, nil, "openai/gpt-5"
	m.Observe(hit)
	dry := record()
	dry.Dry = true
	m.Observe(dry)
	denied := &llm.Record{Status: 403, Cache: "off", Decision: &llm.Decision{}}
	m.Observe(denied)

	got := scrape(t, m)
	for name, want := range map[string]string{
		`penstock_requests_total{cache="miss",route="smart",status="2xx",target="openai/gpt-5"}`:                    "3",
		`penstock_requests_total{cache="hit",route="smart",status="2xx",target="openai/gpt-5"}`:                     "1",
		`penstock_requests_total{cache="off",route="none",status="4xx",target="none"}`:                              "1",
		`penstock_tokens_total{gen_ai_token_type="input",route="smart",target="openai/gpt-5"}`:                      "300",
		`penstock_tokens_total{gen_ai_token_type="output",route="smart",target="openai/gpt-5"}`:                     "60",
		`penstock_cost_usd_total{route="smart",target="openai/gpt-5"}`:                                              "0.5",
		`penstock_cost_saved_usd_total{route="smart"}`:                                                              "0.5",
		`penstock_unpriced_requests_total`:                                                                          "1",
		`penstock_attempts_total{fault="server",target="anthropic/x"}`:                                              "3",
		`penstock_attempts_total{fault="none",target="openai/gpt-5"}`:                                               "3",
		`penstock_policy_decisions_total{memoised="true",result="allow"}`:                                           "4",
		`penstock_policy_decisions_total{memoised="false",result="deny"}`:                                           "1",
		`penstock_requests_in_flight`:                                                                               "3",
		`penstock_cache_followers`:                                                                                  "2",
		`penstock_overhead_seconds_bucket{route="smart",le="0.001"}`:                                                "4",
		`gen_ai_client_operation_duration_seconds_bucket{route="smart",target="openai/gpt-5",le="2.5"}`:             "4",
		`gen_ai_client_operation_time_to_first_chunk_seconds_bucket{route="smart",target="openai/gpt-5",le="0.25"}`: "0",
		`gen_ai_client_operation_time_to_first_chunk_seconds_bucket{route="smart",target="openai/gpt-5",le="0.5"}`:  "4",
		`gen_ai_client_token_usage_sum{gen_ai_token_type="input",target="openai/gpt-5"}`:                            "300",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %s", name, got[name], want)
		}
	}
	for name := range got {
		if strings.Contains(name, "canary") {
			t.Errorf("a label gives away whose request it was: %s", name)
		}
	}
	if _, ok := got["go_goroutines"]; !ok {
		t.Error("the Go collector is missing")
	}
}

func TestOverload(t *testing.T) {
	m := telemetry.New(telemetry.Options{Waiting: func(p llm.Priority) (int64, int64) { return 2 + int64(p), 7 }})
	m.Overload("queue_full", llm.PriorityLow)
	waited := record()
	waited.Queued, waited.Duration, waited.Upstream = llm.Millis(3*time.Second), llm.Millis(3*time.Second), 0
	m.Observe(waited)
	m.Observe(record())
	got := scrape(t, m)
	for name, want := range map[string]string{
		`penstock_requests_waiting{priority="high",queue="gateway"}`:          "3",
		`penstock_requests_waiting{priority="low",queue="gateway"}`:           "1",
		`penstock_requests_waiting{priority="low",queue="target"}`:            "7",
		`penstock_overload_refused_total{priority="low",reason="queue_full"}`: "1",
		`penstock_queue_wait_seconds_count{priority="normal"}`:                "1",
		`penstock_queue_wait_seconds_sum{priority="normal"}`:                  "3",
		`penstock_overhead_seconds_bucket{route="smart",le="0.001"}`:          "2",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %s", name, got[name], want)
		}
	}
}

func TestLabelsAreCapped(t *testing.T) {
	m := telemetry.New(telemetry.Options{MaxValues: 10})
	for i := range 500 {
		r := record()
		r.Route, r.Target = fmt.Sprint("route", i), fmt.Sprint("target", i)
		r.Attempts = []llm.Attempt{{Target: r.Target}}
		m.Observe(r)
	}
	got := scrape(t, m)
	for name, want := range map[string]string{
		`penstock_requests_total{cache="miss",route="route9",status="2xx",target="target9"}`: "1",
		`penstock_requests_total{cache="miss",route="other",status="2xx",target="other"}`:    "490",
		`penstock_attempts_total{fault="none",target="other"}`:                               "490",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %s", name, got[name], want)
		}
	}
}

// TestMadeUpTargetsTakeNoLabels floods the metrics with names that callers invent.
func TestMadeUpTargetsTakeNoLabels(t *testing.T) {
	m := telemetry.New(telemetry.Options{MaxValues: 10, Known: func(id string) bool { return id == "p/real" }})
	for i := range 500 {
		r := record()
		r.Route, r.Target = "p/*", fmt.Sprint("p/made-up-", i)
		if i == 499 {
			r.Target = "p/real"
		}
		r.Attempts = []llm.Attempt{{Target: r.Target}}
		m.Observe(r)
	}
	got := scrape(t, m)
	for name, want := range map[string]string{
		`penstock_requests_total{cache="miss",route="p/*",status="2xx",target="p/real"}`:  "1",
		`penstock_requests_total{cache="miss",route="p/*",status="2xx",target="p/other"}`: "499",
		`penstock_attempts_total{fault="none",target="p/real"}`:                           "1",
		`penstock_attempts_total{fault="none",target="p/other"}`:                          "499",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %s", name, got[name], want)
		}
	}
}

// TestOddRecords observes records with negative numbers: a Prometheus counter panics on
// them.
func TestOddRecords(t *testing.T) {
	m := telemetry.New(telemetry.Options{})
	m.Observe(&llm.Record{})
	m.Observe(&llm.Record{Status: -5, Cache: "made up", Duration: -1, Upstream: 5, FirstByte: -1, Saved: -1, Cost: -1,
		Price: llm.Price{Known: true}, Usage: llm.Usage{Input: -10, Output: 30}, Ranking: &llm.Ranking{Router: "r", Fault: "trap", Fuel: -1}})
	got := scrape(t, m)
	if n := got[`penstock_requests_total{cache="none",route="none",status="none",target="none"}`]; n != "2" {
		t.Errorf("odd records counted %s times, want 2", n)
	}
}

func TestModulesAreReadWhenAskedFor(t *testing.T) {
	m := telemetry.New(telemetry.Options{Modules: func() []telemetry.Module {
		return []telemetry.Module{{Name: "strategies", Calls: 10, Faults: 2, Rejections: 1, Fuel: 500, Busy: 250 * time.Millisecond,
			Instances: 3, Idle: 2, Memory: 4 << 20, Recycled: 7, Discarded: 2, Compile: time.Second, Reloads: 1, Cached: 2, Within: map[float64]uint64{.001: 9},
			Own: map[string]float64{"seen": 1.5}}, {Name: "dialects"}}
	}})
	got := scrape(t, m)
	for name, want := range map[string]string{
		`penstock_module_calls_total{module="strategies",result="ok"}`:        "7",
		`penstock_module_calls_total{module="strategies",result="fault"}`:     "2",
		`penstock_module_calls_total{module="strategies",result="rejection"}`: "1",
		`penstock_module_calls_total{module="dialects",result="ok"}`:          "0",
		`penstock_module_fuel_total{module="strategies"}`:                     "500",
		`penstock_module_call_seconds_sum{module="strategies"}`:               "0.25",
		`penstock_module_call_seconds_count{module="strategies"}`:             "10",
		`penstock_module_call_seconds_bucket{module="strategies",le="0.001"}`: "9",
		`penstock_module_compiles_total{cache="hit",module="strategies"}`:     "2",
		`penstock_module_compiles_total{cache="miss",module="strategies"}`:    "0",
		`penstock_module_compiles_total{cache="miss",module="dialects"}`:      "1",
		`penstock_module_instances{module="strategies"}`:                      "3",
		`penstock_module_instances_idle{module="strategies"}`:                 "2",
		`penstock_module_memory_bytes{module="strategies"}`:                   "4.194304e+06",
		`penstock_module_recycled_total{module="strategies"}`:                 "7",
		`penstock_module_discarded_total{module="strategies"}`:                "2",
		`penstock_module_compile_seconds{module="strategies"}`:                "1",
		`penstock_module_reloads_total{module="strategies"}`:                  "1",
		`penstock_plugin_metric_total{name="seen",plugin="strategies"}`:       "1.5",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %s", name, got[name], want)
		}
	}
}

func TestHammer(t *testing.T) {
	m := telemetry.New(telemetry.Options{MaxValues: 3})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				r := record()
				r.Target = fmt.Sprint((g + i) % 6)
				m.Observe(r)
			}
		})
	}
	scrape(t, m)
	wg.Wait()
	if got := scrape(t, m)[`penstock_policy_decisions_total{memoised="true",result="allow"}`]; got != "4000" {
		t.Errorf("%s decisions counted, want 4000", got)
	}
}

func BenchmarkObserve(b *testing.B) {
	m := telemetry.New(telemetry.Options{})
	r := record()
	r.Attempts = r.Attempts[1:]
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(r)
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	m := telemetry.New(telemetry.Options{})
	r := record()
	m.Observe(r)
	if n := testing.AllocsPerRun(100, func() { m.Observe(r) }); n > 0 {
		t.Errorf("Observe allocates %v times, want none", n)
	}
}
