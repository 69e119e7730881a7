package dashboard

import (
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestRecord: the page of a record shows the gateway's steps, the rules, the prices, and a command
// that sends the request again, whatever its text has.
func TestRecord(t *testing.T) {
	ms := func(n int) llm.Millis { return llm.Millis(time.Duration(n) * time.Millisecond) }
	r := &llm.Record{ID: "req_1", Model: "m", Target: "p/m", Status: 200, Duration: ms(100), Upstream: ms(80),
		Stages:   llm.Stages{Admit: llm.Stage{Start: ms(1), Duration: ms(2)}, Cache: llm.Stage{Start: ms(3), Duration: ms(1)}, Rank: llm.Stage{Start: ms(4), Duration: ms(3)}},
		Attempts: []llm.Attempt{{Target: "p/m", Try: 1, Start: ms(10), Transform: ms(4), Reserve: ms(2), Duration: ms(80), FirstToken: ms(30)}},
		Price:    llm.Price{Known: true, Input: llm.USD, Output: 2 * llm.USD, CacheRead: llm.USD / 2, CacheWrite: llm.USD, Row: "p/m@1"},
		Limits:   []llm.LimitState{{Limit: llm.Limit{Name: "budget", Scope: "team:a", Unit: llm.UnitUSD, Window: "day", Max: int64(llm.USD)}}},
		Decision: &llm.Decision{Allow: true, Obligations: llm.Obligations{Log: "full"}, Warnings: []string{"careful"},
			Rules: []llm.RuleOf{{Part: llm.PartLimit, Name: "budget", Rule: "a.rego:1"}, {Part: llm.PartObligation, Name: "log", Rule: "b.rego:2"}, {Part: llm.PartWarning, Name: "careful", Rule: "c.rego:3"}}},
		RequestText: `{"messages":[{"content":"it's $(rm -rf /) \u0060x\u0060"}]}`}
	g := &fake{records: []*llm.Record{r}}
	x := newTestDashboard(t, g)
	x.signInByLink(t)
	_, page := x.get(t, "/requests/req_1?replay=1")
	text := html.UnescapeString(page)
	for _, want := range []string{"route, policy: 2.0 ms", "cache: 1.0 ms", "rank targets: 3.0 ms", "transform, reserve: 4.0 ms and 2.0 ms", "first token, p/m: 30 ms", "stream, p/m: 50 ms", "settle: 4.0 ms",
		"<code>a.rego:1</code>", "<code>b.rego:2</code>", "<code>c.rego:3</code>", "<dt>price, cached input</dt><dd>$0.50 a million</dd>", "p/m@1", "ranks otherwise today",
		`-d '{"messages":[{"content":"it'\''s $(rm -rf /) `} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Contains(text, "price, written") {
		t.Error("the page has a price that is that of the input")
	}
	r.TextCut, r.RequestText = true, strings.Repeat("x", llm.MaxText)
	if _, page := x.get(t, "/requests/req_1"); !strings.Contains(page, "There is no curl command") || strings.Contains(page, "rank then") {
		t.Error("the page has a command of a text that is cut, or a replay that was not asked for")
	}
}

// TestViewersGetNoCurl: what sends a request again is its text, which viewers do not see.
func TestViewersGetNoCurl(t *testing.T) {
	g := (&fake{records: []*llm.Record{{ID: "req_1", Model: "m", Status: 200, RequestText: `{"secret":1}`}}}).withKeys(t)
	x := newTestDashboard(t, g)
	x.keys["v"] = llm.Principal{KeyID: "v", Name: "v", Roles: []string{roleViewer}}
	if status, _ := x.post(t, "/sign-in", map[string][]string{"key": {"v"}, "next": {"/health"}}); status != http.StatusOK {
		t.Fatalf("signing in = %d", status)
	}
	if status, page := x.get(t, "/requests/req_1"); status != http.StatusOK || strings.Contains(page, "secret") {
		t.Errorf("GET /requests/req_1 = %d, or shows the text to a viewer", status)
	}
}

func TestSomeCallers(t *testing.T) {
	var all []Caller
	for i := range maxCallers + 10 {
		all = append(all, Caller{ID: string(rune('a' + i))})
	}
	if some, more := someCallers(all, all[3].ID); len(some) != maxCallers || more != 10 {
		t.Errorf("%d callers and %d more, want %d and 10", len(some), more, maxCallers)
	}
	if some, more := someCallers(all, all[maxCallers+5].ID); len(some) != maxCallers+1 || more != 9 || some[maxCallers] != all[maxCallers+5] {
		t.Errorf("%d callers and %d more, want the chosen one among them", len(some), more)
	}
}
