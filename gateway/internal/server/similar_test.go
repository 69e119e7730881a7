package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// openSimilar opens a server with a similarity cache, in front of a model that speaks a wire
// format.
func openSimilar(t *testing.T, dialect, similar string) (*testServer, *llmtest.Server) {
	t.Helper()
	up := llmtest.NewServer(t, llmtest.Model())
	return openTestServer(t, http.NotFoundHandler(), fmt.Sprintf(`
keys: off
providers: {up: {dialect: %s, base_url: %s, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/model], cache: {ttl: 1h, similar: %s}}, vectors: {targets: [up/embedder]}}
ledger: "sqlite://:memory:"
`, dialect, up.URL, similar)), up
}

// other returns a client's request in other words.
func (c cachingClient) other(words string) cachingClient {
	c.body = strings.Replace(c.body, "Say something nice.", words, 1)
	return c
}

// similarOf returns what the record of a reply says of the similarity cache.
func similarOf(t *testing.T, h *testServer, resp *http.Response) *llm.SimilarLookup {
	t.Helper()
	r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Similar == nil {
		t.Fatalf("the record says nothing of the similarity cache: %+v", r)
	}
	return r.Similar
}

// TestSimilarInAllFormats has a client of each format ask what another one has asked in other
// words, as a stream and whole.
func TestSimilarInAllFormats(t *testing.T) {
	for _, dialect := range []string{"openai", "anthropic"} {
		h, up := openSimilar(t, dialect, "on")
		for _, first := range cachingClients {
			for i, c := range cachingClients {
				namespace := []string{"X-Portkey-Cache-Namespace", dialect + first.name + c.name}
				resp, body := first.ask(t, h, i%2 == 0, namespace...)
				if got := resp.Header.Get("X-Penstock-Cache"); got != "miss" {
					t.Fatalf("%s: %d %s %s", first.name, resp.StatusCode, got, body)
				}
				firstID, sent := resp.Header.Get("X-Penstock-Request-Id"), len(up.Requests())
				for _, stream := range []bool{false, true} {
					resp, body = c.other("Hi, could you please say something nice?").ask(t, h, stream, namespace...)
					if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Cache") != "similar" || len(up.Requests()) != sent {
						t.Fatalf("%s after %s at %s: %d %s, %+v: %s", c.name, first.name, dialect, resp.StatusCode, resp.Header.Get("X-Penstock-Cache"), similarOf(t, h, resp), body)
					}
					if id := resp.Header.Get("X-Penstock-Cache-Id"); resp.Header.Get("X-Penstock-Similarity") != "1.0000" || len(id) != 16 || similarOf(t, h, resp).Source != firstID {
						t.Errorf("similarity %q, id %q, record %+v", resp.Header.Get("X-Penstock-Similarity"), id, similarOf(t, h, resp))
					}
					if !strings.Contains(strings.Join(strings.Fields(gistText(body)), " "), llmtest.ModelText) {
						t.Errorf("%s after %s: %s", c.name, first.name, body)
					}
				}
			}
		}
	}
}

// TestSimilarKeepsApart asks for something else in ways in which requests may differ.
func TestSimilarKeepsApart(t *testing.T) {
	h, _ := openSimilar(t, "openai", "on")
	chat := func(system, user, more string) string {
		return fmt.Sprintf(`{"model":"m","messages":[{"role":"system","content":%q},{"role":"user","content":%q}]%s}`, system, user, more)
	}
	if resp, _ := h.postTo(t, "/chat/completions", chat("Be brief.", "Plan 3 days in Rome", "")); resp.Header.Get("X-Penstock-Cache") != "miss" {
		t.Fatal("the first request hits")
	}
	tests := []struct{ name, body, refused, skipped string }{
		{"another number", chat("Be brief.", "Plan 4 days in Rome", ""), "", ""},
		{"another system prompt", chat("Be long.", "Plan three days in Rome", ""), "", ""},
		{"another parameter", chat("Be brief.", "Plan three days in Rome", `,"max_tokens":7`), "", ""},
		{"a negation", chat("Be brief.", "Don't plan 3 days in Rome", ""), "negation", ""},
		{"another order", chat("Be brief.", "in Rome plan 3 days", ""), "order", ""},
		{"tools", chat("Be brief.", "Plan three days in Rome", `,"tools":[{"type":"function","function":{"name":"f"}}]`), "", "it has tools or tool calls"},
		{"choices", chat("Be brief.", "Plan three days in Rome", `,"n":2`), "", "it asks for several choices"},
		{"several turns", `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"Plan three days in Rome"}]}`, "", "it has several user turns"},
		{"a long text", chat("Be brief.", strings.Repeat("Plan three days in Rome ", 30), ""), "", "its text is too long"},
	}
	for _, tt := range tests {
		resp, body := h.postTo(t, "/chat/completions", tt.body, "Cache-Control", "no-store")
		l := similarOf(t, h, resp)
		if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Cache") != "miss" || l.Refused != tt.refused || l.Skipped != tt.skipped {
			t.Errorf("%s: %d %s, %+v; %s", tt.name, resp.StatusCode, resp.Header.Get("X-Penstock-Cache"), l, body)
		}
	}
	resp, _ := h.postTo(t, "/chat/completions", chat("Be brief.", "Please plan three days in Rome!", ""))
	if resp.Header.Get("X-Penstock-Cache") != "similar" {
		t.Errorf("other words: %s, %+v", resp.Header.Get("X-Penstock-Cache"), similarOf(t, h, resp))
	}
}

// TestSimilarPurge removes one reply by its id.
func TestSimilarPurge(t *testing.T) {
	h, _ := openSimilar(t, "openai", "on")
	chat := cachingClients[0]
	chat.ask(t, h, false)
	polite := chat.other("Please say something nice")
	resp, _ := polite.ask(t, h, false)
	id := resp.Header.Get("X-Penstock-Cache-Id")
	if err := h.purge(t.Context(), admin.Purge{What: admin.PurgeID, Name: id}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []cachingClient{polite, chat} {
		if resp, _ := c.ask(t, h, false, "Cache-Control", "no-store"); resp.Header.Get("X-Penstock-Cache") != "miss" {
			t.Errorf("after the purge: %s", resp.Header.Get("X-Penstock-Cache"))
		}
	}
	if err := h.purge(t.Context(), admin.Purge{What: admin.PurgeID, Name: id}); err == nil {
		t.Error("an id that is gone is no error")
	}
	chat.ask(t, h, false)
	if err := h.purge(t.Context(), admin.Purge{What: admin.PurgeModel, Name: "m"}); err != nil {
		t.Fatal(err)
	}
	if resp, _ := polite.ask(t, h, false); resp.Header.Get("X-Penstock-Cache") != "miss" {
		t.Errorf("after the purge of the model: %s", resp.Header.Get("X-Penstock-Cache"))
	}
}

// TestSimilarShadow asks the target in shadow mode, and where a sample of the hits is compared,
// and notes how similar both replies are.
func TestSimilarShadow(t *testing.T) {
	for _, setting := range []string{"shadow", "{mode: on, sample: 1}"} {
		var replies atomic.Int32
		texts := []string{"Rome is a fine city.", "Rome is a fine city.", "I don't know that, sorry."}
		h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, llmtest.Chat{Text: texts[replies.Add(1)-1]}.OpenAI())
		}), fmt.Sprintf(`
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [up/model], cache: {ttl: 1h, similar: %s}}}
ledger: "sqlite://:memory:"
`, setting))
		chat := cachingClients[0]
		chat.ask(t, h, false)
		for i, words := range []string{"Please say something nice", "Kindly say something nice!"} {
			resp, body := chat.other(words).ask(t, h, false, "Cache-Control", "no-store")
			l := similarOf(t, h, resp)
			if resp.Header.Get("X-Penstock-Cache") != "miss" || l.ID == "" || l.Agreement == nil || l.Agreed != (i == 0) || !strings.Contains(string(body), texts[i+1]) {
				t.Errorf("%s: %s, %+v, %s", setting, resp.Header.Get("X-Penstock-Cache"), l, body)
			}
		}
	}
}

// TestSimilarEmbedder asks a target for vectors, which gives each text the same one but for its
// length, and one that is down.
func TestSimilarEmbedder(t *testing.T) {
	h, up := openSimilar(t, "openai", "{mode: on, embedder: vectors}")
	chat := cachingClients[0]
	chat.ask(t, h, false)
	resp, _ := chat.other("Say something friendly to my aunt.").ask(t, h, false)
	l := similarOf(t, h, resp)
	if resp.Header.Get("X-Penstock-Cache") != "miss" || l.ID == "" || l.Refused == "" {
		t.Errorf("%s, %+v", resp.Header.Get("X-Penstock-Cache"), l)
	}
	resp, _ = chat.other("Could you please say something nice?").ask(t, h, true)
	if l := similarOf(t, h, resp); resp.Header.Get("X-Penstock-Cache") != "similar" || l.Similarity < 0.95 {
		t.Errorf("%s, %+v", resp.Header.Get("X-Penstock-Cache"), l)
	}
	asked := 0
	for _, r := range up.Requests() {
		if strings.HasSuffix(r.Path, "/embeddings") {
			asked++
		}
	}
	if asked != 3 {
		t.Errorf("%d embeddings were asked for, want 3", asked)
	}
	r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id")+"-embed")
	if err != nil || r.Target != "up/embedder" || r.Status != 200 {
		t.Errorf("the record of the embedding: %+v, %v", r, err)
	}
}

func TestSimilarEmbedderDown(t *testing.T) {
	gone := make(chan struct{})
	defer close(gone)
	for name, vector := range map[string]http.HandlerFunc{
		"down": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":{"message":"down"}}`, http.StatusServiceUnavailable)
		},
		"slow":   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"zero":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[{"embedding":[0,0]}]}`) },
		"broken": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[]}`) },
	} {
		t.Run(name, func(t *testing.T) {
			h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var asked struct{ Input json.RawMessage }
				_ = json.NewDecoder(r.Body).Decode(&asked)
				w.Header().Set("Content-Type", "application/json")
				if asked.Input != nil {
					vector(w, r)
					return
				}
				fmt.Fprint(w, llmtest.Chat{Text: "hello"}.OpenAI())
			}), `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [up/model], cache: {ttl: 1h, similar: {mode: on, embedder: vectors}}}, vectors: {targets: [up/embedder], retries: {attempts: 1}}}
ledger: "sqlite://:memory:"
`)
			for _, want := range []string{"miss", "hit"} {
				resp, body := cachingClients[0].ask(t, h, false)
				if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Cache") != want {
					t.Fatalf("%d %s, want %s: %s", resp.StatusCode, resp.Header.Get("X-Penstock-Cache"), want, body)
				}
				if want == "miss" {
					if l := similarOf(t, h, resp); !strings.HasPrefix(l.Skipped, "the embedder vectors gave no") {
						t.Errorf("%+v", l)
					}
				}
			}
		})
	}
}
