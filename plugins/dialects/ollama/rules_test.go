package ollama_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"
)

// ollamaRequest is a request with the types that Ollama's server reads it with.
type ollamaRequest struct {
	Model    string
	Stream   *bool
	Messages []struct {
		Role, Content, Thinking string
		Images                  []string
		Calls                   []struct {
			ID       string
			Function struct {
				Name      string
				Arguments map[string]any
			}
		} `json:"tool_calls"`
		ToolName string `json:"tool_name"`
		CallID   string `json:"tool_call_id"`
	}
	Tools []struct {
		Type     string
		Function struct {
			Name, Description string
			Parameters        struct {
				Type       string
				Properties map[string]map[string]any
				Required   []string
			}
		}
	}
	Options map[string]any
	Format  json.RawMessage
	Think   any
}

// known are the members that Ollama knows at the top level.
var known = map[string]bool{"model": true, "stream": true, "messages": true, "tools": true, "options": true, "format": true,
	"think": true, "keep_alive": true, "logprobs": true, "top_logprobs": true}

// checkRules checks that a request has nothing that Ollama refuses.
func checkRules(t testing.TB, body []byte) (r ollamaRequest) {
	t.Helper()
	var members map[string]json.RawMessage
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
	if r.Stream == nil || r.Model == "" || len(r.Messages) == 0 {
		t.Error("the request lacks a model, messages or stream")
	}
	for i, m := range r.Messages {
		switch m.Role {
		case "system", "user", "assistant", "tool":
		default:
			t.Errorf("message %d has the role %q", i, m.Role)
		}
		for _, image := range m.Images {
			if _, err := base64.StdEncoding.DecodeString(image); err != nil {
				t.Errorf("message %d has an image that is not base64: %v", i, err)
			}
		}
		if m.Role == "tool" && m.CallID == "" {
			t.Errorf("message %d is a result of no call", i)
		}
	}
	for i, tool := range r.Tools {
		if tool.Type != "function" || tool.Function.Name == "" {
			t.Errorf("tool %d is %+v", i, tool)
		}
	}
	for name, v := range r.Options {
		if _, isNumber := v.(float64); !isNumber && name != "stop" {
			t.Errorf("option %s is %v", name, v)
		}
	}
	switch r.Think {
	case nil, true, false, "low", "medium", "high":
	default:
		t.Errorf("think is %v", r.Think)
	}
	return r
}
