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

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestManyClientsRaceABudget: 64 clients share 1 USD, through the whole gateway, with streams
// that some of them leave, upstreams that fail or break off, retries and dearer fallbacks. No
// limit is passed; when all is over nothing is held, and meters, charges and records agree.
func TestManyClientsRaceABudget(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policy := `package penstock

limits contains {"name": window, "scope": "all", "unit": "usd", "window": window, "max": 1, "on_exceed": action} if {
	some window, action in {"rolling 24h": "cut", "day in Asia/Kathmandu": "deny", "year from 04-06": "cut"}
}

limits contains {"name": "flight", "scope": "all", "unit": "concurrent", "max": 48}
`
	if err := os.WriteFile(filepath.Join(dir, "limits.rego"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openTestServerIn(t, dir, faltering(), `
keys: off
policies: .
providers:
  o: {dialect: openai, base_url: $UPSTREAM/o, allow_private: true, api_key: env:TEST_KEY}
  a: {dialect: anthropic, base_url: $UPSTREAM/a, allow_private: true, api_key: env:TEST_KEY}
models:
  m:
    targets: [{target: o/x, price: {input: 1, output: 1000}}, {target: a/x, price: {input: 2, output: 2000}}]
    retries: {attempts: 2, backoff: 1ms..1ms}
ledger: sqlite://penstock.db
`)
	front := httptest.NewServer(h.Handler())
	var clients sync.WaitGroup
	var served atomic.Int64
	for i := range 64 {
		clients.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 14))
			for range 20 {
				if raceOnce(t, front.URL, rnd) {
					served.Add(1)
				}
			}
		})
	}
	clients.Wait()
	front.Close() // returns when the requests that were left have ended, too
	h.checkAgreement(t, served.Load())
}

// raceOnce sends one request and reports whether it was served. Some clients leave.
func raceOnce(t *testing.T, base string, rnd *rand.Rand) bool {
	path, stream := "/v1/chat/completions", rnd.IntN(2) == 0
	if rnd.IntN(2) == 0 {
		path = "/v1/messages"
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	body := fmt.Sprintf(`{"model":"m","stream":%t,"max_tokens":%d,%s}`, stream, 1+rnd.IntN(30), hello)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	req.Header.Set("Content-Type", "application/json")
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
	_, _ = io.Copy(io.Discard, resp.Body) // a stream may break off
	return resp.StatusCode == http.StatusOK
}

// checkAgreement checks that the budget was used and not passed, and is the same everywhere.
func (h *testServer) checkAgreement(t *testing.T, served int64) {
	t.Helper()
	report, err := h.ledger.Spend(t.Context(), ledger.Query{})
	if err != nil {
		t.Fatal(err)
	}
	charges, err := h.ledger.Totals(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	charged := map[string]int64{}
	for _, c := range charges {
		charged[c.Window] += c.Amount
	}
	cost := report.Total.Cost
	for b := range h.meter.All() {
		if b.Reserved != 0 {
			t.Errorf("%s %s: %d are still held", b.Unit, b.Window, b.Reserved)
		}
		if b.Unit == llm.UnitUSD && (b.Spent != int64(cost) || charged[b.Window] != b.Spent) {
			t.Errorf("%s: the meter has %d, the charges are %d, the records cost %d", b.Window, b.Spent, charged[b.Window], cost)
		}
	}
	if cost > llm.USD || cost < llm.USD*9/10 || len(charged) != 3 {
		t.Errorf("%v of $1.00 was spent in %d windows", cost, len(charged))
	}
	t.Logf("%d of 1280 requests were served for %v", served, cost)
}

// faltering is a provider that heeds the bound on output and fails in every way: one call in
// seven with a 500, one stream in five in the middle.
func faltering() http.Handler {
	var calls atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Stream     bool  `json:"stream"`
			Max        int64 `json:"max_tokens"`
			Completion int64 `json:"max_completion_tokens"`
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		n := calls.Add(1)
		if n%7 == 0 {
			http.Error(w, "overloaded", http.StatusInternalServerError)
			return
		}
		tokens := min(max(asked.Max, asked.Completion), 1+n%30)
		chat := llmtest.Chat{Text: strings.TrimSpace(strings.Repeat("abc ", int(tokens))), Usage: llm.Usage{Input: 10, Output: tokens}}
		frames, body := chat.OpenAIChunks(true), chat.OpenAI()
		if strings.HasPrefix(r.URL.Path, "/a") {
			frames, body = chat.AnthropicEvents(), chat.Anthropic()
		}
		if !asked.Stream {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
			return
		}
		if n%5 == 0 {
			frames = frames[:len(frames)/2+1]
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, f := range frames {
			_, _ = w.Write(f)
			_ = http.NewResponseController(w).Flush()
		}
	})
}
