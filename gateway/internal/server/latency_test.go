package server

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// TestLatencyTreatsPlainRepliesAsStreams ranks two targets of equal speed, of which one has only
// given plain replies and the other one streams, and a third one that is slower: the first two get
// the same score and much the same share.
func TestLatencyTreatsPlainRepliesAsStreams(t *testing.T) {
	for _, output := range []int{20, 512, 8000} {
		h := openTestServer(t, llmtest.Handler(llmtest.Model()), fmt.Sprintf(`
keys: off
providers: {p: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {router: latency, with: {output_tokens: %d, explore: 0}, targets: [p/streamed, p/plain, p/slow]}}
ledger: sqlite://penstock.db
`, output))
		for i := range 60 {
			tokens := int64(20 + 40*(i%20))
			for id, slower := range map[string]time.Duration{"p/streamed": 1, "p/plain": 1, "p/slow": 4} {
				first := slower * 400 * time.Millisecond
				o := upstream.Outcome{FirstToken: first, Duration: first + slower*20*time.Millisecond*time.Duration(tokens), OutputTokens: tokens}
				if id != "p/streamed" {
					o.FirstToken = 0
				}
				f, ok := h.health.Begin(id, upstream.Asking{Request: fmt.Sprint(i)})
				if !ok {
					t.Fatalf("%s is cooling down", id)
				}
				f.Done(o)
			}
		}
		const asked = 300
		firsts, score := map[string]int{}, map[string]float64{}
		for i := range asked {
			r := dryRun(t, h, fmt.Sprint("req", i), `{"model":"m","messages":[{"role":"user","content":"hi"}]}`)
			firsts[r.Candidates[r.Ranking.Order[0]].Target]++
			for _, c := range r.Candidates {
				score[c.Target] = *c.Score
			}
		}
		if a, b := score["p/streamed"], score["p/plain"]; math.Abs(a/b-1) > 0.05 {
			t.Errorf("for %d tokens the scores are %v", output, score)
		}
		if ratio := score["p/slow"] / score["p/plain"]; ratio < 3.6 || ratio > 4.4 {
			t.Errorf("for %d tokens the slow target counts as %v times as slow", output, ratio)
		}
		if firsts["p/streamed"] < asked*35/100 || firsts["p/plain"] < asked*35/100 {
			t.Errorf("for %d tokens the first of %d requests are %v", output, asked, firsts)
		}
	}
}

// dryRun explains a chat request with an id, which is the router's seed.
func dryRun(t *testing.T, h *testServer, id, body string) *llm.Record {
	t.Helper()
	req, err := wire.AnyClient("", nil, id).Request(t.Context(), llm.Incoming{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	req.ID, req.Received = id, time.Now()
	return h.explain(t.Context(), req)
}
