package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// The settings of TestManyClientsRaceSettings: limits of all kinds at once, the tightest of
// which is everyone's 1 USD.
var raceSettings = map[string]string{
	"teams.yaml": `
defaults: {concurrent: 40}
teams:
  a: {budget: {day: 0.3}, models: [m, c, h, p]}
  b: {budget: {month: {hard: 0.9, on_exceed: cut}, week: {soft: 0.01}}}
`,
	"limits.yaml": `
everyone: {budget: {day: 1, rolling 24h: {hard: 1, on_exceed: cut}}}
keys: {defaults: {budget: {day: 0.35}}}
users: {by_name: {eve: {output_tokens: {day: 700}}}}
tags: {usecase: {by_value: {batch: {budget: {year: 0.2}}}}}
sessions: {defaults: {budget: 0.25, turns: 150}}
`,
}

// raisedTo is the team a's budget with the raise that is made meanwhile.
const raisedTo = 4 * llm.USD / 10

// TestManyClientsRaceSettings: 64 clients of several keys, teams, users, tags and sessions race
// the limits of settings, with streams, plain replies, callers who leave, retries, dearer
// fallbacks, hedges, a transform that makes requests longer, a cache whose misses are shared,
// and upstreams that fail, break off or are silent. A raise begins and ends meanwhile. No
// limit is passed; when all is over nothing is held, and meters, charges, records and the
// hourly sums agree.
func TestManyClientsRaceSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range raceSettings {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	transform, plugin := "", ""
	if path := filepath.Join("..", "..", "..", "sdk", "go", "build", "house-style.wasm"); exists(path) {
		at, _ := filepath.Abs(path)
		transform = ", transform: [longer]"
		plugin = fmt.Sprintf("plugins: {longer: {file: %s, with: {styles: {\"*\": %q}}}}", at, strings.Repeat("Be kind. ", 100))
	}
	h := openTestServerIn(t, dir, unsteady(), `
policies: .
server: {max_requests_per_caller: 2000}
providers:
  o: {dialect: openai, base_url: $UPSTREAM/o, allow_private: true, api_key: env:TEST_KEY}
  a: {dialect: anthropic, base_url: $UPSTREAM/a, allow_private: true, api_key: env:TEST_KEY}
models:
  m: &m
    targets: [{target: o/x, price: {input: 1, output: 1000}}, {target: a/x, price: {input: 2, output: 2000}}]
    retries: {attempts: 2, backoff: 1ms..1ms}
    timeout: {first_token: 200ms, idle: 200ms, total: 2s}
  c: {targets: [{target: o/y, price: {input: 1, output: 1000}}], retries: {attempts: 1}, timeout: {first_token: 200ms, idle: 200ms, total: 2s}, cache: {ttl: 1h}}
  h:
    targets: [{target: o/z, price: {input: 1, output: 1000}}, {target: a/z, price: {input: 2, output: 2000}}]
    hedge: {after: 2ms}
    retries: {attempts: 1}
    timeout: {first_token: 200ms, idle: 200ms, total: 2s}
  p: {targets: [{target: o/p, price: {input: 20, output: 1000}}], retries: {attempts: 2, backoff: 1ms..1ms}, timeout: {first_token: 200ms, idle: 200ms, total: 2s}`+transform+`}
`+plugin+`
ledger: sqlite://penstock.db
`)
	var tokens []string
	for _, s := range []keys.Spec{{Name: "k1", Team: "a", User: "eve"}, {Name: "k2", Team: "a"}, {Name: "k3", Team: "b", User: "eve", Tags: map[string]string{"usecase": "batch"}}, {Name: "k4", Team: "b"}, {Name: "k5", User: "bob"}, {Name: "k6", Team: "b", User: "bob"}} {
		tokens = append(tokens, h.keyFor(t, s))
	}
	front := httptest.NewServer(h.Handler())
	var clients sync.WaitGroup
	var served, asked atomic.Int64
	raised := make(chan string, 1)
	for i := range 64 {
		clients.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 15))
			for range 20 {
				switch asked.Add(1) {
				case 300:
					raised <- h.raiseBudget(t)
				case 900:
					if _, err := h.endRaise(t.Context(), <-raised); err != nil {
						t.Error(err)
					}
				}
				if raceSettingsOnce(t, front.URL, tokens[i%len(tokens)], rnd) {
					served.Add(1)
				}
			}
		})
	}
	clients.Wait()
	front.Close() // returns when the requests that were left have ended, too
	h.checkExact(t)
	t.Logf("%d of %d requests were served", served.Load(), asked.Load())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// raiseBudget raises the budget of the team a and returns the raise's id.
func (h *testServer) raiseBudget(t *testing.T) string {
	raise, err := h.raise(t.Context(), admin.RaiseSpec{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", By: "0.1", Until: "+1h"}, "test")
	if err != nil {
		t.Error(err)
	}
	return raise.ID
}

// raceSettingsOnce sends one request and reports whether it was served. Some clients leave.
func raceSettingsOnce(t *testing.T, base, token string, rnd *rand.Rand) bool {
	path, stream, model := "/v1/chat/completions", rnd.IntN(2) == 0, []string{"m", "m", "c", "h", "p"}[rnd.IntN(5)]
	if rnd.IntN(2) == 0 {
		path = "/v1/messages"
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	body := fmt.Sprintf(`{"model":%q,"stream":%t,"max_tokens":%d,"messages":[{"role":"user","content":"question %d"}]}`, model, stream, 1+rnd.IntN(30), rnd.IntN(20))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	if rnd.IntN(2) == 0 {
		req.Header.Set("X-Penstock-Session", fmt.Sprint("run-", rnd.IntN(3)))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return false
	}
	defer resp.Body.Close()
	if stream && rnd.IntN(4) == 0 {
		_, _ = resp.Body.Read(make([]byte, 100)) // and leaves
		return false
	}
	text, _ := io.ReadAll(resp.Body) // a stream may break off
	if strange := resp.StatusCode != 200 && resp.StatusCode != 429 && resp.StatusCode < 500; strange {
		t.Errorf("status %d: %s", resp.StatusCode, text)
	}
	return resp.StatusCode == http.StatusOK
}

// unsteady is a provider that heeds the bound on output, counts what it is sent, and fails in
// every way: with a 500 or 429, by silence, in the middle of a stream, or late.
func unsteady() http.Handler {
	var calls atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var asked struct {
			Stream     bool  `json:"stream"`
			Max        int64 `json:"max_tokens"`
			Completion int64 `json:"max_completion_tokens"`
		}
		if err := json.Unmarshal(body, &asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		n := calls.Add(1)
		switch {
		case n%11 == 0:
			http.Error(w, "overloaded", http.StatusInternalServerError)
			return
		case n%53 == 0 && asked.Stream:
			<-r.Context().Done() // silent until the gateway gives up
			return
		case n%3 == 0 && (strings.HasSuffix(r.URL.Path, "completions")):
			time.Sleep(4 * time.Millisecond) // so that the second target is asked too
		}
		tokens := min(max(asked.Max, asked.Completion), 1+n%30)
		chat := llmtest.Chat{Text: strings.TrimSpace(strings.Repeat("abc ", int(tokens))), Usage: llm.Usage{Input: int64(len(body)) / 12, Output: tokens}}
		frames, reply := chat.OpenAIChunks(true), chat.OpenAI()
		if strings.HasPrefix(r.URL.Path, "/a") {
			frames, reply = chat.AnthropicEvents(), chat.Anthropic()
		}
		if !asked.Stream {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, reply)
			return
		}
		if n%5 == 0 {
			frames = frames[:len(frames)/2+1]
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i, f := range frames {
			if n%47 == 0 && i == len(frames)/2 {
				<-r.Context().Done()
				return
			}
			_, _ = w.Write(f)
			_ = http.NewResponseController(w).Flush()
		}
	})
}

// window identifies what one meter counts.
type window struct {
	scope, window string
	unit          llm.Unit
}

// checkExact checks that no hard limit was passed, that nothing is held, and that meters,
// charges, records and hourly sums agree.
func (h *testServer) checkExact(t *testing.T) {
	t.Helper()
	charged := map[window]int64{}
	totals, err := h.ledger.Totals(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range totals {
		charged[window{c.Scope, c.Window, c.Unit}] += c.Amount
	}
	recorded, cost, kinds := h.recorded(t)
	for c := range h.meter.All() {
		w := window{c.Scope, c.Window, c.Unit}
		if c.Reserved != 0 {
			t.Errorf("%v: %d are still held", w, c.Reserved)
		}
		most := c.Max
		if c.Scope == "team:a" && c.Unit == llm.UnitUSD {
			most = int64(raisedTo)
		}
		if c.Max > 0 && c.Unit != llm.UnitConcurrent && c.Spent > most {
			t.Errorf("%v: %d of %d was spent", w, c.Spent, most)
		}
		if charged[w] != c.Spent || recorded[w] != c.Spent {
			t.Errorf("%v: the meter has %d, the charges are %d, those of the records %d", w, c.Spent, charged[w], recorded[w])
		}
		delete(charged, w)
	}
	if len(charged) != 0 {
		t.Errorf("charged, and not in the meters: %v", charged)
	}
	for _, by := range [][]string{nil, {"hour"}, {"session"}} {
		report, err := h.ledger.Spend(t.Context(), ledger.Query{By: by})
		if err != nil || report.Total.Cost != cost {
			t.Errorf("spend by %v is %v, %v, and the records cost %v", by, report.Total.Cost, err, cost)
		}
	}
	if spent := recorded[window{"everyone", "day", llm.UnitUSD}]; llm.NanoUSD(spent) != cost || cost < llm.USD*8/10 {
		t.Errorf("everyone has spent %v, and the records cost %v: want the same, and most of $1.00", llm.NanoUSD(spent), cost)
	}
	for kind, n := range kinds {
		if n == 0 {
			t.Errorf("the race had no %s", kind)
		}
	}
	t.Logf("%v was spent in %d windows: %v", cost, len(recorded), kinds)
}

// recorded sums up the charges and the cost of all records, and counts what happened.
func (h *testServer) recorded(t *testing.T) (sums map[window]int64, cost llm.NanoUSD, kinds map[string]int) {
	t.Helper()
	sums, kinds = map[window]int64{}, map[string]int{"refusal": 0, "cache hit": 0, "hedge": 0, "fallback": 0}
	for page := (ledger.Page{Limit: 1000}); ; {
		list, err := h.ledger.List(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			cost += r.Cost
			for _, c := range r.Charges {
				sums[window{c.Scope, c.Window, c.Unit}] += c.Amount
			}
			kinds[kindOf(r)]++
		}
		if len(list) < page.Limit {
			return sums, cost, kinds
		}
		page.Before = list[len(list)-1].ID
	}
}

// kindOf is what is special about a request.
func kindOf(r *llm.Record) string {
	switch {
	case r.Status == 429:
		return "refusal"
	case r.Cache == llm.CacheHit:
		return "cache hit"
	case r.Cache == llm.CacheCoalesced:
		return "shared reply"
	case r.Model == "h" && len(r.Attempts) > 1:
		return "hedge"
	case strings.HasPrefix(r.Target, "a/"):
		return "fallback"
	case r.Status == 499:
		return "abandoned"
	}
	return "other"
}
