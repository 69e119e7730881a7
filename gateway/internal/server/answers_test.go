package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// limiting is a policy whose limits a request names in its tag case; each case and format has
// meters of its own, by the tag who.
const limiting = `package penstock

scope := sprintf("tag:who=%s", [input.request.tags.who])

wanted := input.request.tags.case

limits contains {"name": "daily money", "scope": scope, "unit": "usd", "window": "day", "max": 5} if wanted == "roomy"

limits contains {"name": "wide", "scope": scope, "unit": "requests", "window": "month", "max": 5000} if wanted == "roomy"

limits contains {"name": "rate", "scope": scope, "unit": "requests", "window": "day", "max": 100} if wanted == "roomy"

limits contains {"name": sprintf("of %s", [unit]), "scope": scope, "unit": unit, "window": "day", "max": 1000000} if {
	wanted == "roomy"
	some unit in ["tokens", "input_tokens", "output_tokens"]
}

limits contains {"name": "at once", "scope": scope, "unit": "concurrent", "max": 9} if wanted == "roomy"

limits contains {"name": "once a day", "scope": scope, "unit": "requests", "window": "day", "max": 1} if wanted == "spent"

limits contains {"name": "tiny", "scope": scope, "unit": "usd", "window": "month", "max": 0.000000001} if wanted == "tiny"

limits contains {"name": "none at once", "scope": scope, "unit": "concurrent", "max": 0} if wanted == "closed"

warnings contains "mind the budget"

obligations["headers"] := {"x-team-note": "hello"}

obligations["cache"] := {"mode": "force", "scope": input.request.tags.who} if wanted == "roomy"
`

func openLimiting(t *testing.T) *testServer {
	t.Helper()
	up := llmtest.NewServer(t, llmtest.Model())
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.rego"), []byte(limiting), 0o600); err != nil {
		t.Fatal(err)
	}
	configuration := strings.ReplaceAll(providersOfEach, "$UPSTREAM", up.URL) + `
policies: .
models:
  chat: {targets: [{target: chat/m, context: 100000, max_output: 100, price: {input: 1, output: 2}}]}
`
	return openTestServerIn(t, dir, http.NotFoundHandler(), configuration)
}

// askAs is ask with a tag for the caller as well.
func (a asker) askAs(t *testing.T, h *testServer, who, wanted string, stream bool) (*http.Response, string) {
	t.Helper()
	return a.ask(t, h, "chat", wanted+",who="+who, stream)
}

// TestRepliesSayWhatIsLeft has every format, plain and as a stream, tell its caller what is left of
// the tightest limit of each unit, also of a reply from the cache.
func TestRepliesSayWhatIsLeft(t *testing.T) {
	h := openLimiting(t)
	for name, a := range askers {
		for _, stream := range []bool{false, true} {
			if stream && a.path == "/embeddings" {
				continue
			}
			who := strings.Map(letters, name) + fmt.Sprint(stream)
			for n, cached := range []string{"miss", "hit"} {
				resp, got := a.askAs(t, h, who, "roomy", stream)
				where := fmt.Sprintf("%s, stream %t, %s", name, stream, cached)
				if resp.StatusCode != 200 || resp.Header.Get("X-Penstock-Cache") != cached {
					t.Fatalf("%s: %d %s %s", where, resp.StatusCode, resp.Header.Get("X-Penstock-Cache"), got)
				}
				checkBudgetHeaders(t, where, resp.Header, n+1)
				for _, h := range []string{"Anthropic-Ratelimit-Requests-Limit", "Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Input-Tokens-Reset", "Anthropic-Ratelimit-Output-Tokens-Limit"} {
					if has := resp.Header.Get(h) != ""; has != (a.path == "/messages") {
						t.Errorf("%s: %s is there: %t", where, h, has)
					}
				}
			}
		}
	}
}

// letters keeps the letters of a text.
func letters(r rune) rune {
	if r < 'a' || r > 'z' {
		return -1
	}
	return r
}

// checkBudgetHeaders wants the headers of the n-th of a caller's requests.
func checkBudgetHeaders(t *testing.T, where string, h http.Header, n int) {
	t.Helper()
	want := map[string]string{"X-Penstock-Budget-Usd-Name": "daily money", "X-Penstock-Budget-Usd-Limit": "5", "X-Penstock-Budget-Requests-Name": "rate",
		"X-Penstock-Budget-Requests-Limit": "100", "X-Penstock-Budget-Requests-Remaining": fmt.Sprint(100 - n), "X-Penstock-Budget-Tokens-Limit": "1000000",
		"X-Penstock-Budget-Concurrent-Limit": "9", "X-Ratelimit-Limit-Requests": "100", "X-Ratelimit-Remaining-Requests": fmt.Sprint(100 - n),
		"X-Ratelimit-Limit-Tokens": "1000000", "X-Team-Note": "hello", "X-Penstock-Warning": "mind the budget"}
	for name, v := range want {
		if h.Get(name) != v {
			t.Errorf("%s: %s: %q, want %q", where, name, h.Get(name), v)
		}
	}
	if left, err := strconv.ParseFloat(h.Get("X-Penstock-Budget-Usd-Remaining"), 64); err != nil || left <= 4 || left >= 5 {
		t.Errorf("%s: %q of 5 USD are left", where, h.Get("X-Penstock-Budget-Usd-Remaining"))
	}
	for _, name := range []string{"X-Penstock-Budget-Usd-Resets", "X-Penstock-Budget-Requests-Resets"} {
		if at, err := time.Parse(time.RFC3339, h.Get(name)); err != nil || !strings.HasSuffix(h.Get(name), "Z") || time.Until(at) > 25*time.Hour {
			t.Errorf("%s: %s: %q", where, name, h.Get(name))
		}
	}
	if d, err := time.ParseDuration(h.Get("X-Ratelimit-Reset-Requests")); err != nil || d > 25*time.Hour {
		t.Errorf("%s: requests reset in %q", where, h.Get("X-Ratelimit-Reset-Requests"))
	}
}

// TestRefusalsSayWhatToDo has limits refuse requests of every format: the error is in the client's
// form, and says whether to retry.
func TestRefusalsSayWhatToDo(t *testing.T) {
	h := openLimiting(t)
	for name, a := range askers {
		for _, stream := range []bool{false, true} {
			if stream && a.path == "/embeddings" {
				continue
			}
			where := fmt.Sprintf("%s, stream %t", name, stream)
			who := strings.Map(letters, name) + fmt.Sprint(stream)
			if resp, got := a.askAs(t, h, who+"spent", "spent", stream); resp.StatusCode != 200 {
				t.Fatalf("%s: %d %s", where, resp.StatusCode, got)
			}
			resp, got := a.askAs(t, h, who+"spent", "spent", stream)
			checkRefusal(t, where, resp, got, refusalWanted{429, "used_up", "once a day", "has used 1 of 1 requests today"})
			left, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
			if longer := left >= 60; left < 1 || (resp.Header.Get("X-Should-Retry") == "false") != longer {
				t.Errorf("%s: retry after %d s, x-should-retry %q", where, left, resp.Header.Get("X-Should-Retry"))
			}
			if resp.Header.Get("X-Ratelimit-Remaining-Requests") != "0" || resp.Header.Get("X-Penstock-Budget-Requests-Spent") != "1" {
				t.Errorf("%s: headers %v", where, resp.Header)
			}
			resp, got = a.askAs(t, h, who+"tiny", "tiny", stream)
			checkRefusal(t, where, resp, got, refusalWanted{403, "too_small", "tiny", "can never fit"})
			if resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-Should-Retry") != "false" {
				t.Errorf("%s: what never fits may be retried: %v", where, resp.Header)
			}
			resp, got = a.askAs(t, h, who+"closed", "closed", stream)
			checkRefusal(t, where, resp, got, refusalWanted{403, "too_small", "none at once", "may have 0 requests in flight"})
		}
	}
}

type refusalWanted struct {
	status               int
	reason, limit, words string
}

func checkRefusal(t *testing.T, where string, resp *http.Response, got string, want refusalWanted) {
	t.Helper()
	var body struct {
		Error struct {
			Message string
			Details json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(strings.Trim(got, "[]\n")), &body); err != nil {
		t.Fatalf("%s: %v in %s", where, err, got)
	}
	details := string(body.Error.Details)
	if resp.StatusCode != want.status || !strings.Contains(body.Error.Message, want.words) || !strings.Contains(body.Error.Message, "ask your gateway's operator") ||
		!strings.Contains(details, `"reason":"`+want.reason+`"`) || !strings.Contains(details, `"name":"`+want.limit+`"`) {
		t.Errorf("%s: %d %s, want %+v", where, resp.StatusCode, got, want)
	}
	if resp.Header.Get("X-Team-Note") != "hello" || resp.Header.Get("X-Penstock-Warning") != "mind the budget" {
		t.Errorf("%s: headers %v", where, resp.Header)
	}
}
