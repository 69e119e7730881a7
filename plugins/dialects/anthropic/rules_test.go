package anthropic_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// anthropicRequest is a request as the rules below look at it.
type anthropicRequest struct {
	Model     string `json:"model"`
	MaxTokens int64  `json:"max_tokens"`
	System    []struct {
		Type, Text string
	} `json:"system"`
	Messages []struct {
		Role    string
		Content []anthropicBlock
	} `json:"messages"`
	Tools []struct {
		Type, Name string
		Schema     *struct{ Type string } `json:"input_schema"`
	} `json:"tools"`
	ToolChoice *struct{ Type, Name string } `json:"tool_choice"`
	Thinking   *struct {
		Type   string
		Budget int64 `json:"budget_tokens"`
	} `json:"thinking"`
	Temperature *float64 `json:"temperature"`
	Stop        []string `json:"stop_sequences"`
}

type anthropicBlock struct {
	Type, Text, ID, Name string
	ToolUseID            string          `json:"tool_use_id"`
	Input                json.RawMessage `json:"input"`
	Content              json.RawMessage `json:"content"`
}

// known are the members that Anthropic accepts at the top level.
var known = map[string]bool{"model": true, "max_tokens": true, "system": true, "messages": true, "stream": true,
	"tools": true, "tool_choice": true, "thinking": true, "output_config": true, "temperature": true, "top_p": true,
	"top_k": true, "stop_sequences": true, "metadata": true, "service_tier": true, "cache_control": true,
	"container": true, "mcp_servers": true, "context_management": true}

var (
	idRule   = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	nameRule = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
)

// checkRules checks that a request has nothing that Anthropic refuses.
func checkRules(t testing.TB, body []byte) anthropicRequest {
	t.Helper()
	var members map[string]json.RawMessage
	var r anthropicRequest
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for name := range members {
		if !known[name] {
			t.Errorf("Anthropic does not know %q", name)
		}
	}
	if r.Model == "" || r.MaxTokens < 1 || len(r.Messages) == 0 {
		t.Errorf("model, max_tokens or messages are missing in %s", body)
	}
	if _, ok := members["system"]; ok && len(r.System) == 0 {
		t.Error("system is empty")
	}
	for _, b := range r.System {
		if strings.TrimSpace(b.Text) == "" {
			t.Error("a system block is blank")
		}
	}
	checkMessages(t, r)
	checkTools(t, r)
	checkSchemas(t, body)
	if r.Temperature != nil && (*r.Temperature < 0 || *r.Temperature > 1) {
		t.Errorf("temperature is %v", *r.Temperature)
	}
	for _, s := range r.Stop {
		if strings.TrimSpace(s) == "" {
			t.Errorf("stop sequence %q is blank", s)
		}
	}
	if th := r.Thinking; th != nil && th.Type == "enabled" && (th.Budget < 1024 || th.Budget >= r.MaxTokens) {
		t.Errorf("the thinking budget is %d of %d", th.Budget, r.MaxTokens)
	}
	return r
}

func checkMessages(t testing.TB, r anthropicRequest) {
	t.Helper()
	pending := map[string]bool{}
	for i, m := range r.Messages {
		if want := []string{"user", "assistant"}[i%2]; m.Role != want {
			t.Errorf("messages[%d] is the %s's, want the %s's", i, m.Role, want)
		}
		if len(m.Content) == 0 {
			t.Errorf("messages[%d] is empty", i)
		}
		others := false
		for k, b := range m.Content {
			switch b.Type {
			case "text":
				others = true
				if strings.TrimSpace(b.Text) == "" {
					t.Errorf("messages[%d].content[%d] is blank", i, k)
				}
			case "tool_result":
				if !pending[b.ToolUseID] || others {
					t.Errorf("messages[%d].content[%d] answers %q, which is not a call of the message before", i, k, b.ToolUseID)
				}
				delete(pending, b.ToolUseID)
			case "tool_use":
				var input map[string]any
				if !idRule.MatchString(b.ID) || !nameRule.MatchString(b.Name) || json.Unmarshal(b.Input, &input) != nil {
					t.Errorf("messages[%d].content[%d] is a broken call: %+v", i, k, b)
				}
			default:
				others = true
			}
		}
		if len(pending) > 0 {
			t.Errorf("messages[%d] leaves calls unanswered: %v", i, pending)
		}
		pending = map[string]bool{}
		for _, b := range m.Content {
			if b.Type == "tool_use" {
				pending[b.ID] = true
			}
		}
	}
}

func checkTools(t testing.TB, r anthropicRequest) {
	t.Helper()
	names := map[string]bool{}
	for i, tool := range r.Tools {
		names[tool.Name] = true
		if !nameRule.MatchString(tool.Name) || tool.Type == "" && (tool.Schema == nil || tool.Schema.Type != "object") {
			t.Errorf("tools[%d] is broken: %+v", i, tool)
		}
	}
	if c := r.ToolChoice; c != nil {
		if len(r.Tools) == 0 || c.Type == "tool" && !names[c.Name] {
			t.Errorf("tool_choice is %+v of %v", *c, names)
		}
		if th := r.Thinking; th != nil && th.Type == "enabled" && (c.Type == "any" || c.Type == "tool") {
			t.Error("a tool is forced although the model thinks")
		}
	}
	for _, m := range r.Messages {
		for _, b := range m.Content {
			if b.Type == "tool_use" && len(r.Tools) == 0 {
				t.Error("the history calls a tool, and none is declared")
			}
		}
	}
}
