package wire

import (
	"encoding/json"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

func scanned(t testing.TB, body string) *llm.Request {
	t.Helper()
	facts, _, err := intake.Scan([]byte(body), intake.Options{})
	if err != nil {
		t.Fatalf("Scan(%s): %v", body, err)
	}
	return &llm.Request{ID: "req_1", Body: []byte(body), Facts: facts}
}

func TestPatched(t *testing.T) {
	openai := &llm.Target{Provider: "openai", Model: "gpt-5", Dialect: llm.OpenAI, OutputNames: llm.NewName}
	both := &llm.Target{Provider: "openai", Model: "m", Dialect: llm.OpenAI, OutputNames: llm.BothNames}
	local := &llm.Target{Provider: "local", Model: "m", Dialect: llm.OpenAI}
	const messages = `"messages":[{"role":"user","content":"\u00e9 hi"}]`
	tests := []struct {
		name, body string
		target     *llm.Target
		max        int64
		want       string
	}{
		{"nothing to change", `{"model":"gpt-5",` + messages + `,"x":1.10}`, openai, 0,
			`{"model":"gpt-5",` + messages + `,"x":1.10}`},
		{"model, escaped or not", `{ "model" : "sm\u0061rt" , ` + messages + `}`, openai, 0,
			`{ "model" : "gpt-5" , ` + messages + `}`},
		{"a model's name that Go writes otherwise than JSON", `{"model":"smart",` + messages + `}`, &llm.Target{Model: "m\u00ad\U000e0001", Dialect: llm.OpenAI}, 0,
			"{\"model\":\"m\u00ad\U000e0001\"," + messages + `}`},
		{"usage is asked for", `{"model":"gpt-5","stream":true,` + messages + `}`, openai, 0,
			`{"model":"gpt-5","stream":true,` + messages + `,"stream_options":{"include_usage":true}}`},
		{"usage was refused", `{"stream_options":{"include_usage":false,"x":1},"model":"gpt-5","stream":true,` + messages + `}`, openai, 0,
			`{"stream_options":{"include_usage":true,"x":1},"model":"gpt-5","stream":true,` + messages + `}`},
		{"usage was refused, in escapes", `{"stream_options":{"x":1,"include\u005fusage" : null },"model":"gpt-5","stream":true,` + messages + `}`, openai, 0,
			`{"stream_options":{"x":1,"include\u005fusage" : true },"model":"gpt-5","stream":true,` + messages + `}`},
		{"usage is not named", `{"stream_options":{"x":{"include_usage":false} },"model":"gpt-5","stream":true,` + messages + `}`, openai, 0,
			`{"stream_options":{"x":{"include_usage":false} ,"include_usage":true},"model":"gpt-5","stream":true,` + messages + `}`},
		{"stream_options empty", `{"stream_options":{ },"model":"gpt-5","stream":true,` + messages + `}`, openai, 0,
			`{"stream_options":{ "include_usage":true},"model":"gpt-5","stream":true,` + messages + `}`},
		{"stream_options null", `{"stream_options":null,"model":"gpt-5","stream":true,` + messages + `}`, openai, 0,
			`{"stream_options":{"include_usage":true},"model":"gpt-5","stream":true,` + messages + `}`},
		{"maximum replaced where it stands", `{"max_tokens":900,"model":"m",` + messages + `}`, local, 50,
			`{"max_tokens":50,"model":"m",` + messages + `}`},
		{"maximum added, by the name that all know", `{"model":"m",` + messages + `}`, local, 50,
			`{"model":"m",` + messages + `,"max_tokens":50}`},
		{"maximum added, by the name that OpenAI wants", `{"model":"gpt-5",` + messages + `}`, openai, 50,
			`{"model":"gpt-5",` + messages + `,"max_completion_tokens":50}`},
		{"the old name, where it is refused", `{"max_tokens": 900 ,"model":"gpt-5",` + messages + `}`, openai, 0,
			`{"max_completion_tokens":900 ,"model":"gpt-5",` + messages + `}`},
		{"the old name, bounded", `{"m\u0061x_tokens" : 900,"model":"gpt-5",` + messages + `}`, openai, 50,
			`{"max_completion_tokens":50,"model":"gpt-5",` + messages + `}`},
		{"the new name, where it may be ignored and is counted on", `{"max_completion_tokens":900,"model":"m",` + messages + `}`, local, 900,
			`{"max_tokens":900,"model":"m",` + messages + `}`},
		{"the new name, where nothing depends on it", `{"max_completion_tokens":900,"model":"m",` + messages + `}`, local, 0,
			`{"max_completion_tokens":900,"model":"m",` + messages + `}`},
		{"either name, where both are known", `{"max_tokens":900,"model":"m",` + messages + `}`, both, 50,
			`{"max_tokens":50,"model":"m",` + messages + `}`},
		{"a name that stands elsewhere too", `{"max_completion_tokens":900,"model":"m","max_tokens":null,` + messages + `}`, local, 50,
			`{"max_completion_tokens":900,"model":"m","max_tokens":null,` + messages + `,"max_tokens":50}`},
		{"the gateway's own member goes", `{"model":"m",` + messages + `,"cache":{"no-store":true}}`, local, 0,
			`{"model":"m",` + messages + `}`},
		{"the gateway's own member goes, first", `{"cache":{"ttl":5},"model":"m",` + messages + `}`, local, 0,
			`{"model":"m",` + messages + `}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := scanned(t, tt.body)
			got := patched(&llm.Exchange{Sent: req, Target: tt.target, MaxOutput: tt.max})
			if string(got) != tt.want {
				t.Errorf("patched = %s\nwant      %s", got, tt.want)
			}
			if string(req.Body) != tt.body {
				t.Errorf("the client's body was written to: %s", req.Body)
			}
		})
	}
}

// TestModelNames sends a model's name that Go writes otherwise than JSON, in every format
// whose requests pass through with the model changed.
func TestModelNames(t *testing.T) {
	const name = "m\u00ad\U000e0001\x7f"
	for path, tt := range map[string]struct {
		spoken llm.Dialect
		body   string
	}{
		"/v1/chat/completions":      {llm.OpenAI, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`},
		"/v1/messages":              {llm.Anthropic, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`},
		"/v1/messages/count_tokens": {llm.Anthropic, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`},
		"/v1/responses":             {llm.Responses, `{"model":"m","input":"hi"}`},
		"/v1/embeddings":            {llm.OpenAI, `{"model":"m","input":"hi"}`},
	} {
		t.Run(path, func(t *testing.T) {
			c, ok := ClientAt(path, "req_1")
			if !ok {
				t.Fatalf("nothing is served at %s", path)
			}
			req, err := c.Request(t.Context(), llm.Incoming{Body: []byte(tt.body)})
			if err != nil {
				t.Fatal(err)
			}
			x := &llm.Exchange{Request: req, Route: &llm.Route{}, Target: &llm.Target{ID: "p/m", Provider: "p", Model: name, Dialect: tt.spoken}}
			d := dialects()
			if err := d.Prepare(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			call, err := d.Call(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			var sent struct{ Model string }
			if err := json.Unmarshal(call.Body, &sent); err != nil || sent.Model != name {
				t.Errorf("the model arrives as %q, %v, in %s", sent.Model, err, call.Body)
			}
		})
	}
}
