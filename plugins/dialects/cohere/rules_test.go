package cohere_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// cohereRequest is a request as the rules below look at it.
type cohereRequest struct {
	Model    string
	Messages []struct {
		Role    string
		Content json.RawMessage
		Plan    string       `json:"tool_plan"`
		Calls   []cohereCall `json:"tool_calls"`
		CallID  string       `json:"tool_call_id"`
	}
	Tools []struct {
		Type     string
		Function struct {
			Name       string
			Parameters struct{ Type string }
		}
	}
	ToolChoice  *string `json:"tool_choice"`
	StrictTools bool    `json:"strict_tools"`
	Documents   []json.RawMessage
	Format      *struct {
		Type   string
		Schema json.RawMessage `json:"json_schema"`
	} `json:"response_format"`
	Thinking *struct {
		Type   string
		Budget int64 `json:"token_budget"`
	}
	MaxTokens   int64    `json:"max_tokens"`
	Stop        []string `json:"stop_sequences"`
	Temperature *float64
	P           *float64
	K           *float64
	Frequency   *float64 `json:"frequency_penalty"`
	Presence    *float64 `json:"presence_penalty"`
}

// known are the members that Cohere accepts at the top level.
var known = map[string]bool{"model": true, "stream": true, "messages": true, "tools": true, "strict_tools": true,
	"tool_choice": true, "documents": true, "citation_options": true, "response_format": true, "safety_mode": true,
	"max_tokens": true, "stop_sequences": true, "temperature": true, "seed": true, "frequency_penalty": true,
	"presence_penalty": true, "k": true, "p": true, "logprobs": true, "thinking": true, "priority": true}

// checkRules checks that a request has nothing that Cohere refuses.
func checkRules(t testing.TB, body []byte) cohereRequest {
	t.Helper()
	var members map[string]json.RawMessage
	var r cohereRequest
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for name := range members {
		if !known[name] {
			t.Errorf("the request has the member %s", name)
		}
	}
	if r.Model == "" || len(r.Messages) == 0 {
		t.Error("the request lacks a model or messages")
	}
	checkMessages(t, &r)
	checkTools(t, &r)
	for name, x := range map[string]*float64{"temperature": r.Temperature, "frequency_penalty": r.Frequency, "presence_penalty": r.Presence} {
		if x != nil && (*x < 0 || *x > 1) {
			t.Errorf("%s = %v", name, *x)
		}
	}
	if r.P != nil && (*r.P < 0.01 || *r.P > 0.99) || r.K != nil && (*r.K < 0 || *r.K > 500) || len(r.Stop) > 5 {
		t.Errorf("p, k or the stop sequences are out of range: %s", body)
	}
	if r.Thinking != nil && r.MaxTokens > 0 && r.Thinking.Budget >= r.MaxTokens {
		t.Errorf("a budget of %d tokens leaves nothing of %d", r.Thinking.Budget, r.MaxTokens)
	}
	if r.Format != nil {
		if r.Format.Type != "json_object" || len(r.Tools) > 0 || len(r.Documents) > 0 {
			t.Errorf("response_format is %s beside %d tools and %d documents", r.Format.Type, len(r.Tools), len(r.Documents))
		}
		checkSchema(t, r.Format.Schema)
	}
	return r
}

func checkMessages(t testing.TB, r *cohereRequest) {
	t.Helper()
	calls := map[string]bool{}
	for i, m := range r.Messages {
		switch m.Role {
		case "system", "user", "tool", "assistant":
		default:
			t.Errorf("message %d has the role %q", i, m.Role)
		}
		if len(m.Content) == 0 && len(m.Calls) == 0 || string(m.Content) == "[]" && m.Role != "tool" {
			t.Errorf("message %d is empty", i)
		}
		for _, c := range m.Calls {
			var arguments map[string]any
			if err := json.Unmarshal([]byte(c.Function.Arguments), &arguments); err != nil || calls[c.ID] || c.ID == "" {
				t.Errorf("message %d calls %+v", i, c)
			}
			calls[c.ID] = true
		}
		var parts []map[string]any
		if json.Unmarshal(m.Content, &parts) != nil {
			continue
		}
		for _, p := range parts {
			allowed := p["type"] == "text" || p["type"] == "image_url" && m.Role == "user" ||
				p["type"] == "thinking" && m.Role == "assistant" || p["type"] == "document" && m.Role == "tool"
			if text, ok := p["text"].(string); !allowed || ok && text == "" {
				t.Errorf("message %d of %s has the part %v", i, m.Role, p)
			}
		}
	}
}

func checkTools(t testing.TB, r *cohereRequest) {
	t.Helper()
	for i, tool := range r.Tools {
		if tool.Type != "function" || tool.Function.Name == "" {
			t.Errorf("tool %d is %+v", i, tool)
		}
	}
	if r.ToolChoice != nil && (len(r.Tools) == 0 || *r.ToolChoice != "NONE" && *r.ToolChoice != "REQUIRED") {
		t.Errorf("tool_choice = %s beside %d tools", *r.ToolChoice, len(r.Tools))
	}
}

// checkSchema checks that a schema is in Cohere's subset.
func checkSchema(t testing.TB, raw json.RawMessage) {
	t.Helper()
	if raw == nil {
		return
	}
	var root map[string]any
	if err := json.Unmarshal(raw, &root); err != nil || root["type"] != "object" {
		t.Fatalf("schema %s: %v", raw, err)
	}
	var walk func(v map[string]any)
	walk = func(v map[string]any) {
		for key := range v {
			switch key {
			case "type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf", "title", "description", "format", "pattern":
			default:
				t.Errorf("schema has %s: %s", key, raw)
			}
		}
		if required, _ := v["required"].([]any); v["type"] == "object" && len(required) == 0 {
			t.Errorf("an object requires nothing: %s", raw)
		}
		if p, _ := v["pattern"].(string); strings.ContainsAny(p, "^$") {
			t.Errorf("schema has the pattern %s", p)
		}
		properties, _ := v["properties"].(map[string]any)
		for _, p := range properties {
			walk(p.(map[string]any))
		}
		choices, _ := v["anyOf"].([]any)
		for _, c := range choices {
			walk(c.(map[string]any))
		}
		if items, ok := v["items"].(map[string]any); ok {
			walk(items)
		}
	}
	walk(root)
}
