package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// cutUpstream answers with the beginning of a recording and ends the reply as if that were
// the whole.
type cutUpstream struct {
	rec *llmtest.Recorded
	cut atomic.Int64
}

func (c *cutUpstream) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", c.rec.ContentType())
	_, _ = w.Write(c.rec.Body[:c.cut.Load()])
}

// checkCuts has a dialect's recorded stream end at every byte, of which long ones are
// sampled. What the client gets is the whole reply or a stream that is not complete.
func checkCuts(t *testing.T, dialect string, rec *llmtest.Recorded) {
	t.Helper()
	up := &cutUpstream{rec: rec}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: `+dialect+`, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	ask := func(n int) string {
		up.cut.Store(int64(n))
		h.health.Forget("up")
		_, got := h.post(t, `{"model":"m",`+hello+`,"stream":true,"stream_options":{"include_usage":true}}`)
		return string(got)
	}
	whole := gatewayContent(t, true, []byte(ask(len(rec.Body))))
	complete := 0
	for n := 0; n < len(rec.Body); n += max(len(rec.Body)/150, 1) {
		got := ask(n)
		if strings.HasSuffix(got, "data: [DONE]\n\n") {
			complete++
			if diff := cmp.Diff(whole, gatewayContent(t, true, []byte(got))); diff != "" {
				t.Errorf("cut at byte %d of %d (-whole +cut):\n%s", n, len(rec.Body), diff)
			}
		} else if !strings.Contains(got, `"error":{`) {
			t.Errorf("cut at byte %d of %d: neither complete nor an error: %s", n, len(rec.Body), got)
		}
	}
	t.Logf("%d cuts after the reply's end", complete)
}

var cohereFinish = map[string]string{"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}

type cohereMessage struct {
	Plan    string `json:"tool_plan"`
	Content json.RawMessage
	Calls   json.RawMessage `json:"tool_calls"`
}

type cohereUsage struct {
	Tokens struct {
		In     int64 `json:"input_tokens"`
		Out    int64 `json:"output_tokens"`
		Images int64 `json:"image_tokens"`
	}
	Billed struct {
		In  int64 `json:"input_tokens"`
		Out int64 `json:"output_tokens"`
	} `json:"billed_units"`
	Cached int64 `json:"cached_tokens"`
}

type cohereCall struct {
	ID       string
	Function struct{ Name, Arguments string }
}

// cohereContent is the content of a recording of Cohere's, and what it is charged for.
func cohereContent(t *testing.T, rec *llmtest.Recorded) (c content, u cohereUsage) {
	t.Helper()
	var reply struct {
		Message cohereMessage
		Finish  string `json:"finish_reason"`
		Usage   cohereUsage
	}
	var calls []cohereCall
	if rec.Stream {
		for _, data := range dataLines(string(rec.Body)) {
			var e struct {
				Type  string
				Index int
				Delta struct {
					Message cohereMessage
					Finish  string `json:"finish_reason"`
					Usage   cohereUsage
				}
			}
			_ = json.Unmarshal([]byte(data), &e)
			var text struct{ Text string }
			var call cohereCall
			_ = json.Unmarshal(e.Delta.Message.Content, &text)
			_ = json.Unmarshal(e.Delta.Message.Calls, &call)
			c.Text += e.Delta.Message.Plan + text.Text
			switch e.Type {
			case "tool-call-start":
				calls = append(calls, call)
			case "tool-call-delta":
				calls[e.Index].Function.Arguments += call.Function.Arguments
			case "message-end":
				reply.Finish, reply.Usage = e.Delta.Finish, e.Delta.Usage
			}
		}
	} else {
		if err := json.Unmarshal(rec.Body, &reply); err != nil {
			t.Fatal(err)
		}
		var texts []struct{ Text string }
		_ = json.Unmarshal(reply.Message.Content, &texts)
		_ = json.Unmarshal(reply.Message.Calls, &calls)
		c.Text = reply.Message.Plan
		for _, one := range texts {
			c.Text += one.Text
		}
	}
	for _, call := range calls {
		c.Calls = append(c.Calls, contentCall{call.ID, call.Function.Name, parsed(t, call.Function.Arguments)})
	}
	u = reply.Usage
	c.Finish, c.In, c.Out, c.Cached = cohereFinish[reply.Finish], u.Tokens.In+u.Tokens.Images, u.Tokens.Out, min(u.Cached, u.Tokens.In+u.Tokens.Images)
	return c, u
}

// TestCohereRecordings asks in OpenAI's format and has the upstream answer with every
// recorded reply of Cohere's second version: text, tool calls, finish and usage must be those
// of the recording, and the cost that of the billed units.
func TestCohereRecordings(t *testing.T) {
	up := &replayer{}
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: cohere, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY, catalog: cohere}}
models: {m: {targets: [up/command-a-03-2025], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
	all, right := 0, 0
	for rec := range llmtest.Recordings(t, isCohere) {
		all++
		t.Run(rec.Path, func(t *testing.T) {
			up.current.Store(rec)
			h.health.Forget("up")
			resp, got := h.post(t, fmt.Sprintf(`{"model":"m",%s,"stream":%t,"stream_options":{"include_usage":true}}`, hello, rec.Stream))
			if rec.Status != http.StatusOK {
				checkProviderError(t, rec, resp, got)
			} else {
				want, usage := cohereContent(t, rec)
				if diff := cmp.Diff(want, gatewayContent(t, rec.Stream, got)); diff != "" {
					t.Errorf("answer (-Cohere's +ours):\n%s\nwhole: %s", diff, got)
				}
				// USD 2.50 and 10 for a million tokens.
				r, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Request-Id"))
				if err != nil || int64(r.Cost) != 2500*usage.Billed.In+10_000*usage.Billed.Out {
					t.Errorf("record %+v, %v; want the cost of %+v", r, err, usage.Billed)
				}
			}
			if !t.Failed() {
				right++
			}
		})
	}
	t.Logf("%d of %d Cohere chat recordings are answered right", right, all)
}

func isCohere(r *llmtest.Recorded) bool {
	return r.Provider == "cohere" && r.Endpoint == "cohere.chat" && r.URLPath == "/v2/chat"
}

// checkProviderError wants the provider's message in OpenAI's shape. A refused provider key
// is the operator's matter, so the caller sees 502.
func checkProviderError(t *testing.T, rec *llmtest.Recorded, resp *http.Response, got []byte) {
	t.Helper()
	var theirs struct{ Message string }
	var ours struct {
		Error struct{ Message, Type, Code string }
	}
	if err := json.Unmarshal(rec.Body, &theirs); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &ours); err != nil {
		t.Fatalf("reply %s: %v", got, err)
	}
	want := rec.Status
	if want == http.StatusUnauthorized {
		want = http.StatusBadGateway
	}
	if resp.StatusCode != want || !strings.Contains(ours.Error.Message, theirs.Message) || ours.Error.Code == "" {
		t.Errorf("status %d, %+v; want %d with %q", resp.StatusCode, ours.Error, want, theirs.Message)
	}
}

func TestCohereStreamsCut(t *testing.T) {
	skipRaced(t)
	n := 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return isCohere(r) && r.Stream && slices.Contains(r.Tags, "tools") }) {
		n++
		checkCuts(t, "cohere", rec)
	}
	if n == 0 {
		t.Error("no stream has been cut")
	}
}

// TestCohereFails has the provider fail inside replies that begin well.
func TestCohereFails(t *testing.T) {
	skipRaced(t)
	start := `event: message-start` + "\n" + `data: {"type":"message-start","delta":{"message":{"role":"assistant"}}}` + "\n\n"
	text := `event: content-delta` + "\n" + `data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"He"}}}}` + "\n\n"
	for name, tt := range map[string]struct {
		step llmtest.Step
		want string
	}{
		"a plain reply":  {llmtest.JSON(200, `{"message":{"role":"assistant","content":[]},"finish_reason":"ERROR"}`), "Cohere broke the reply off"},
		"a bare message": {llmtest.JSON(200, `{"id":"x","message":"internal server error"}`), "internal server error"},
		"the message's end": {llmtest.Steps(llmtest.EventStream(), llmtest.Write(start, text, `data: {"type":"message-end","delta":{"finish_reason":"TIMEOUT"}}`+"\n\n")),
			"with the reason TIMEOUT"},
		"an error event": {llmtest.Steps(llmtest.EventStream(), llmtest.Write(start, text, "event: error\n"+`data: {"message":"overloaded"}`+"\n\n")), "overloaded"},
		"too many":       {llmtest.JSON(429, `{"id":"x","message":"You are using a Trial key, which is limited to 20 API calls / minute."}`), "Trial key"},
	} {
		h := openTestServer(t, llmtest.Handler(tt.step), `
keys: off
providers: {up: {dialect: cohere, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`)
		_, got := h.post(t, `{"model":"m",`+hello+`,"stream":true}`)
		if !strings.Contains(string(got), tt.want) || !strings.Contains(string(got), `"error":{`) || strings.Contains(string(got), "[DONE]") {
			t.Errorf("%s: %s, want an error with %q", name, got, tt.want)
		}
	}
}
