package wire

import (
	"fmt"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestThinkingFitsTheBound has the gateway bound the output of requests that ask for thinking.
func TestThinkingFitsTheBound(t *testing.T) {
	body := func(most, thinking string) string {
		return `{"model":"m","max_tokens":` + most + `,"thinking": ` + thinking + `,"messages":[{"role":"user","content":"\"thinking\": {\"budget_tokens\": 5}"}]}`
	}
	enabled := func(n int) string { return fmt.Sprintf(`{"type":"enabled", "budget_tokens": %d, "x":1}`, n) }
	for _, tt := range []struct {
		bound          int64
		thinking, want string
		dropped        bool
	}{
		{0, enabled(4000), enabled(4000), false},
		{4001, enabled(4000), enabled(4000), false},
		{4000, enabled(4000), enabled(2000), true},
		{1500, enabled(4000), enabled(1024), true},
		{1025, enabled(4000), enabled(1024), true},
		{1024, enabled(4000), `{"type":"disabled"}`, true},
		{7, enabled(4000), `{"type":"disabled"}`, true},
		{7, `{"type":"adaptive"}`, `{"type":"adaptive"}`, false},
		{7, `null`, `null`, false},
		{7, `{"type":"enabled","budget_tokens":"many"}`, `{"type":"enabled","budget_tokens":"many"}`, false},
	} {
		c, _ := ClientAt("/v1/messages", "req_1")
		in := body("9000", tt.thinking)
		req, err := c.Request(t.Context(), llm.Incoming{Path: "/v1/messages", Body: []byte(in)})
		if err != nil {
			t.Fatal(err)
		}
		x := &llm.Exchange{Request: req, Sent: req, Target: &llm.Target{Model: "m", Dialect: llm.Anthropic}, Route: &llm.Route{}, MaxOutput: tt.bound}
		call, err := callMessages(nil, x)
		most := "9000"
		if tt.bound > 0 {
			most = fmt.Sprint(tt.bound)
		}
		if want := body(most, tt.want); err != nil || string(call.Body) != want || (len(x.Dropped) > 0) != tt.dropped {
			t.Errorf("bound %d: %s, dropped %v, %v\nwant %s", tt.bound, call.Body, x.Dropped, err, want)
		}
	}
}
