package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// gated is a provider whose replies wait for release. It counts the requests that each model
// has at once.
type gated struct {
	release chan struct{}

	mu      sync.Mutex
	now     map[string]int
	most    map[string]int
	entered chan string
}

func newGated() *gated {
	return &gated{release: make(chan struct{}), now: map[string]int{}, most: map[string]int{}, entered: make(chan string, 1000)}
}

func (g *gated) count(model string, by int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now[model] += by
	g.most[model] = max(g.most[model], g.now[model])
}

func (g *gated) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, rest, _ := strings.Cut(string(body), `"model":"`)
	model, _, _ := strings.Cut(rest, `"`)
	g.count(model, 1)
	g.entered <- model
	select {
	case <-g.release:
	case <-r.Context().Done():
	}
	g.count(model, -1)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, llmtest.Chat{Text: "hello"}.OpenAI())
}

// until polls a condition.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); runtime.Gosched() {
		if time.Since(start) > 20*time.Second {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func (h *testServer) waitingFor() (gateway, target int64) {
	for _, p := range llm.Priorities() {
		g, t := h.waiting(p)
		gateway, target = gateway+g, target+t
	}
	return gateway, target
}

// TestTargetsTakeNoMoreThanTheyMay sends twenty requests to targets that take two and one at
// once, at a provider that takes three, beside another model with one of them.
func TestTargetsTakeNoMoreThanTheyMay(t *testing.T) {
	up := newGated()
	h := openTestServer(t, up, `
keys: off
server: {queue: {size: 100, wait: 1m}}
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, max_inflight: 3}}
models:
  m: {targets: [{target: up/a, max_inflight: 2}, {target: up/b, max_inflight: 1}]}
  b: {targets: [{target: up/b, max_inflight: 1}]}
  c: {targets: [up/c]}
ledger: sqlite://penstock.db
`)
	const requests = 20
	ids := make(chan string, requests)
	var group sync.WaitGroup
	for i := range requests {
		model := "m"
		if i%5 == 4 {
			model = "b"
		} else if i%5 == 3 {
			model = "c"
		}
		group.Go(func() {
			resp, body := h.post(t, `{"model":"`+model+`",`+hello+`}`)
			if resp.StatusCode != 200 {
				t.Errorf("%s: %d %s", model, resp.StatusCode, body)
			}
			ids <- resp.Header.Get("X-Penstock-Request-Id")
		})
	}
	until(t, "the others wait", func() bool { _, target := h.waitingFor(); return target == requests-3 })
	resp, body := h.admin(t, "/readyz")
	if resp.StatusCode != 200 || !strings.Contains(body, `"inflight":20`) {
		t.Errorf("while the targets are full: %d %s", resp.StatusCode, body)
	}
	for range requests {
		up.release <- struct{}{}
	}
	group.Wait()
	close(ids)
	up.mu.Lock()
	if up.most["a"] > 2 || up.most["b"] > 1 || up.most["a"]+up.most["b"] < 2 {
		t.Errorf("at once there were %v, want at most two at a and one at b", up.most)
	}
	up.mu.Unlock()
	waited := 0
	for id := range ids {
		r, err := h.ledger.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Queued > 0 {
			waited++
		}
		if r.Queued > r.Duration {
			t.Errorf("waited %v of %v", r.Queued, r.Duration)
		}
	}
	if waited < requests-3 {
		t.Errorf("%d records have queued_ms, want %d", waited, requests-3)
	}
	if _, metrics := h.admin(t, "/metrics"); !strings.Contains(metrics, `penstock_queue_wait_seconds_count{priority="normal"} `+strconv.Itoa(waited)) {
		t.Errorf("no waits in the metrics:\n%s", metrics)
	}
}

// admin gets a page of the admin API.
func (h *testServer) admin(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	s := httptest.NewServer(h.AdminHandler())
	defer s.Close()
	resp, err := s.Client().Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestFullTarget expects the next target at once where there is one, and 503 in the caller's
// own format where there is none.
func TestFullTarget(t *testing.T) {
	up := newGated()
	h := openTestServer(t, up, `
keys: off
server: {queue: {size: 0, wait: 1s}}
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models:
  m: {targets: [{target: up/a, max_inflight: 1}], fallback: [demo/demo-fast]}
  "*": {targets: [{target: up/a, max_inflight: 1}]}
ledger: sqlite://penstock.db
`)
	first := make(chan int)
	go func() {
		resp, _ := h.post(t, `{"model":"m",`+hello+`}`)
		first <- resp.StatusCode
	}()
	<-up.entered
	if resp, body := h.post(t, `{"model":"m",`+hello+`}`); resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Target") != "demo/demo-fast" || resp.Header.Get("X-Penstock-Attempts") != "1" {
		t.Errorf("%d %v %s, want the fallback at the first attempt", resp.StatusCode, resp.Header, body)
	}
	for client, want := range map[string]string{"chat": `"code":"overloaded"`, "messages": `"type":"overloaded_error"`, "responses": `"code":"overloaded"`} {
		for _, body := range []string{clientDialects[client].plain, clientDialects[client].stream} {
			resp, got := h.postTo(t, clientDialects[client].path, fmt.Sprintf(body, "alone"))
			if resp.StatusCode != 503 && resp.StatusCode != 529 || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(got), want) || !strings.Contains(string(got), "as many requests in flight as it may") {
				t.Errorf("%s: %d %v %s, want %s", client, resp.StatusCode, resp.Header, got, want)
			}
		}
	}
	up.release <- struct{}{}
	if got := <-first; got != 200 {
		t.Errorf("status %d", got)
	}
	if _, metrics := h.admin(t, "/metrics"); !strings.Contains(metrics, `penstock_overload_refused_total{priority="normal",reason="target_full"} 6`) {
		t.Errorf("want six refusals in the metrics:\n%s", metrics)
	}
}

// TestFullGateway serves important keys first, and operators always.
func TestFullGateway(t *testing.T) {
	up := newGated()
	h := openTestServer(t, up, `
keys: optional
server: {max_requests: 1, queue: {size: 4, wait: 1m}}
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {"*": {targets: ["up/*"]}}
ledger: sqlite://penstock.db
`)
	_, vip, err := h.keys.Create(t.Context(), keys.Spec{Name: "vip", Tags: map[string]string{"priority": "high"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.keys.Create(t.Context(), keys.Spec{Name: "x", Tags: map[string]string{"priority": "urgent"}}); err == nil {
		t.Error("a key has a class that there is not")
	}
	var group sync.WaitGroup
	ask := func(model string, header ...string) {
		group.Go(func() {
			resp, body := h.post(t, `{"model":"`+model+`","metadata":{"priority":"high"},`+hello+`}`, header...)
			if resp.StatusCode != 200 {
				t.Errorf("%s: %d %s", model, resp.StatusCode, body)
			}
		})
	}
	ask("first")
	<-up.entered
	for i, who := range [][]string{{"low", "x-penstock-priority", "low"}, {"normal", "x-penstock-tags", "priority=high"}, {"high", "Authorization", "Bearer " + vip.Reveal()}} {
		ask(who[0], who[1:]...)
		until(t, "it waits", func() bool { n, _ := h.waitingFor(); return n == int64(i+1) })
	}
	// Those without a key all come from one address, of which half of the queue is taken.
	for _, c := range []struct{ path, body, want string }{
		{clientDialects["chat"].path, clientDialects["chat"].plain, `"code":"rate_limit_exceeded"`},
		{clientDialects["chat"].path, clientDialects["chat"].stream, `"code":"rate_limit_exceeded"`},
		{clientDialects["messages"].path, clientDialects["messages"].stream, `"type":"rate_limit_error"`},
		{clientDialects["responses"].path, clientDialects["responses"].stream, `"code":"rate_limit_exceeded"`},
		{"/models/m:generateContent", geminiBody, `"status":"RESOURCE_EXHAUSTED"`},
		{"/models/m:streamGenerateContent", geminiBody, `"status":"RESOURCE_EXHAUSTED"`},
		{"/embeddings", `{"model":"m","input":"x"}`, `"code":"rate_limit_exceeded"`},
	} {
		if resp, body := h.postTo(t, c.path, c.body); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %d %v %s, want %s", c.path, resp.StatusCode, resp.Header, body, c.want)
		}
	}
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": `"waiting":3`, "/metrics": `penstock_requests_waiting{priority="low",queue="gateway"} 1`} {
		if resp, body := h.admin(t, path); resp.StatusCode != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", path, resp.StatusCode, body, want)
		}
	}
	for _, want := range []string{"high", "normal", "low"} {
		up.release <- struct{}{}
		if got := <-up.entered; got != want {
			t.Errorf("%s was served, want %s", got, want)
		}
	}
	up.release <- struct{}{}
	group.Wait()
}

// TestOverloadedGatewayRecovers sends many more requests than fit for a while, and then finds
// nothing counted and every place free.
func TestOverloadedGatewayRecovers(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), `
keys: off
server: {max_requests: 4, queue: {size: 8, wait: 50ms}}
models: {m: {targets: [{target: demo/demo-fast, max_inflight: 2}]}}
ledger: sqlite://penstock.db
`)
	var group sync.WaitGroup
	var served, refused atomic.Int64
	for range 64 {
		group.Go(func() {
			for range 5 {
				switch resp, body := h.post(t, `{"model":"m",`+hello+`}`); {
				case resp.StatusCode == 200:
					served.Add(1)
				case (resp.StatusCode == 503 || resp.StatusCode == 429) && resp.Header.Get("Retry-After") != "":
					refused.Add(1)
				default:
					t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d served, %d refused", served.Load(), refused.Load())
	if served.Load() == 0 {
		t.Error("nobody was served")
	}
	until(t, "nothing is counted", func() bool {
		gateway, target := h.waitingFor()
		return h.inflight() == 0 && gateway+target == 0 && !h.capacity.Full(&llm.Target{ID: "demo/demo-fast", Provider: "demo", MaxInflight: 1}, llm.PriorityLow)
	})
	if resp, body := h.post(t, `{"model":"m",`+hello+`}`); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
