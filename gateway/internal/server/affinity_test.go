package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// grower is a client whose conversation grows by a message each turn.
type grower struct {
	path   func(stream bool) string
	begin  string // up to the first message's text, which follows in quotes
	end    string // from behind the last message
	answer string // around a text, as the assistant's
	ask    string // around a text, as the user's
	stream string // the member that asks for a stream
}

const rules = "You are a careful assistant for a shop and answer in one paragraph. "

func growers() map[string]grower {
	always := func(path string) func(bool) string { return func(bool) string { return path } }
	system := strings.Repeat(rules, 80)
	return map[string]grower{
		"chat": {always("/chat/completions"), `"model":"m","messages":[{"role":"system","content":"` + system + `"},{"role":"user","content":`, `]`,
			`},{"role":"assistant","content":%s`, `},{"role":"user","content":%s`, `"stream":true`},
		"messages": {always("/messages"), `"model":"m","max_tokens":99,"system":[{"type":"text","text":"` + system + `","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":`, `]`,
			`},{"role":"assistant","content":%s`, `},{"role":"user","content":%s`, `"stream":true`},
		"responses": {always("/responses"), `"model":"m","instructions":"` + system + `","input":[{"role":"user","content":`, `]`,
			`},{"role":"assistant","content":%s`, `},{"role":"user","content":%s`, `"stream":true`},
		"generateContent": {func(stream bool) string {
			if stream {
				return "/models/m:streamGenerateContent?alt=sse"
			}
			return "/models/m:generateContent"
		}, `"systemInstruction":{"parts":[{"text":"` + system + `"}]},"contents":[{"role":"user","parts":[{"text":`, `]`,
			`}]},{"role":"model","parts":[{"text":%s`, `}]},{"role":"user","parts":[{"text":%s`, ""},
	}
}

// body is the request of a turn, from 1.
func (g grower) body(first string, turn int, stream bool) string {
	b := "{" + g.begin + fmt.Sprintf("%q", first)
	for n := 1; n < turn; n++ {
		b += fmt.Sprintf(g.answer, fmt.Sprintf("%q", "answer "+strings.Repeat("x ", 40)))
		b += fmt.Sprintf(g.ask, fmt.Sprintf("%q", fmt.Sprintf("question %d %s", n, strings.Repeat("y ", 40))))
	}
	if b += "}"; g.path(true) != g.path(false) {
		b += "]}"
	}
	if b += g.end; stream && g.stream != "" {
		b += "," + g.stream
	}
	return b + "}"
}

// counting answers chat completions at the paths /a and /b with a usage in proportion to the
// request, and with 429 at the one that is limited.
type counting struct {
	mu      sync.Mutex
	limited string
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	limited := c.limited != "" && strings.HasPrefix(r.URL.Path, c.limited)
	c.mu.Unlock()
	x := &llmtest.Exchange{W: w, R: r}
	chat := llmtest.Chat{Usage: llm.Usage{Input: int64(len(body) / 4), Output: 5}}
	switch {
	case limited:
		llmtest.Steps(llmtest.Header("Retry-After", "60"), llmtest.JSON(429, llmtest.OpenAIError("requests", "rate_limit_exceeded", "slow down")))(x)
	case strings.Contains(string(body), `"stream":true`):
		llmtest.Frames(chat.OpenAIChunks(true)...)(x)
	default:
		llmtest.JSON(200, chat.OpenAI())(x)
	}
}

func (c *counting) limit(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limited = path
}

// TestConversationsStayWithoutASession has the clients of every format hold a conversation
// whose session nobody names: it stays with one target, leaves it when that is limited, and
// then stays where its prompt has been cached last, also when the first target is back.
func TestConversationsStayWithoutASession(t *testing.T) {
	up := &counting{}
	h := openTestServer(t, up, `
keys: off
providers:
  a: {base_url: $UPSTREAM/a, allow_private: true}
  b: {base_url: $UPSTREAM/b, allow_private: true}
  c: {base_url: $UPSTREAM/c, allow_private: true}
models: {m: {router: weighted, targets: [a/m, b/m, c/m]}}
ledger: sqlite://penstock.db
`)
	for name, g := range growers() {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stream %t", name, stream), func(t *testing.T) {
				h.holdConversation(t, up, func(first string, turn int) string {
					resp, got := h.postTo(t, g.path(stream), g.body(first, turn, stream))
					if resp.StatusCode != 200 {
						t.Fatalf("turn %d: %d %s", turn, resp.StatusCode, got)
					}
					return resp.Header.Get("X-Penstock-Target")
				})
			})
		}
	}
	if text := h.log.String(); strings.Contains(text, "prefix:") {
		t.Error("the log has the name of an affinity")
	}
}

// holdConversation holds three conversations by ask, which returns the target of a turn.
func (h *testServer) holdConversation(t *testing.T, up *counting, ask func(first string, turn int) string) {
	t.Helper()
	homes := map[string]bool{}
	for n := range 12 {
		first := fmt.Sprintf("%s: Where is lamp %d?", t.Name(), n)
		home := ask(first, 1)
		homes[home] = true
		for turn := 2; turn <= 4; turn++ {
			if got := ask(first, turn); got != home {
				t.Fatalf("turn %d of conversation %d is at %s, the first was at %s", turn, n, got, home)
			}
		}
		if n > 0 {
			continue
		}
		up.limit("/" + home[:1])
		next := ask(first, 5)
		up.limit("")
		if next == home {
			t.Fatalf("the conversation stays at %s, which is limited", home)
		}
		if got := ask(first, 6); got != next {
			t.Fatalf("turn 6 is at %s, turn 5 was at %s", got, next)
		}
		if _, err := h.closeTarget(admin.Opening{ID: home}); err != nil {
			t.Fatal(err)
		}
		if got := ask(first, 7); got != next {
			t.Fatalf("turn 7 goes back to %s, with a longer prompt cached at %s", got, next)
		}
	}
	if len(homes) < 2 {
		t.Errorf("all conversations are at %v", homes)
	}
}

// TestAffinityIsNoSession wants no trace of an affinity that the gateway has made up in the
// record, whose ranking it explains in money all the same.
func TestAffinityIsNoSession(t *testing.T) {
	h := openTestServer(t, &counting{}, `
keys: off
providers:
  a: {base_url: $UPSTREAM/a, allow_private: true}
  b: {base_url: $UPSTREAM/b, allow_private: true}
models: {m: {router: weighted, targets: [{target: a/m, price: {input: 3, output: 9, cached: 0.3}}, {target: b/m, price: {input: 3, output: 9, cached: 0.3}}]}}
ledger: sqlite://penstock.db
`)
	g := growers()["chat"]
	for turn := 1; turn <= 2; turn++ {
		resp, _ := h.post(t, g.body("Where is it?", turn, false))
		record, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
		if err != nil {
			t.Fatal(err)
		}
		if record.Session != "" {
			t.Errorf("the record's session is %q", record.Session)
		}
		if stays := strings.Contains(record.Ranking.Reason, "the session stays on "+record.Target+": its cached prompt saves $0.00"); stays != (turn == 2) {
			t.Errorf("turn %d: the ranking says %q", turn, record.Ranking.Reason)
		}
	}
}

// TestSessionsOfAgents names a session in each way that agents do, in every format that has
// it: the record has it, and short conversations stay by it.
func TestSessionsOfAgents(t *testing.T) {
	h := openTestServer(t, &counting{}, `
keys: off
providers:
  a: {base_url: $UPSTREAM/a, allow_private: true}
  b: {base_url: $UPSTREAM/b, allow_private: true}
models: {m: {router: weighted, targets: [a/m, b/m]}}
ledger: sqlite://penstock.db
`)
	const gemini = "/models/m:generateContent"
	bodies := map[string]string{"/chat/completions": `{"model":"m","messages":[{"role":"user","content":"hi"}]%s}`, "/messages": `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]%s}`,
		"/responses": `{"model":"m","input":"hi"%s}`, gemini: `{"contents":[{"parts":[{"text":"hi"}]}]%s}`}
	type way struct{ path, member, header string }
	var ways []way
	for path := range bodies {
		for _, header := range []string{"X-Penstock-Session", "X-Claude-Code-Session-Id", "X-Session-Id", "X-Opencode-Session", "X-Session-Affinity", "Session-Id", "Session_id", "Conversation_id"} {
			ways = append(ways, way{path, "", header})
		}
	}
	ways = append(ways, way{"/chat/completions", `,"prompt_cache_key":%q`, ""}, way{"/responses", `,"prompt_cache_key":%q`, ""},
		way{"/chat/completions", `,"user":%q`, ""}, way{"/responses", `,"user":%q`, ""}, way{"/messages", `,"metadata":{"user_id":%q}`, ""})
	for i, w := range ways {
		session := fmt.Sprintf("session-%d", i)
		member := ""
		if w.member != "" {
			member = fmt.Sprintf(w.member, session)
		}
		home := ""
		for range 3 {
			var header []string
			if w.header != "" {
				header = []string{w.header, session}
			}
			resp, got := h.postTo(t, w.path, fmt.Sprintf(bodies[w.path], member), header...)
			target := resp.Header.Get("X-Penstock-Target")
			if home == "" {
				home = target
			}
			record, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
			if err != nil || record.Session != session || target != home || target == "" {
				t.Fatalf("%+v: target %q after %q, record %+v, %v, reply %s", w, target, home, record, err, got)
			}
		}
	}
}
