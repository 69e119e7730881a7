package responses_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// apiRequest is a request as the rules below look at it.
type apiRequest struct {
	Model, Instructions string
	Input               []requestItem
	Tools               []struct {
		Type, Name string
		Strict     *bool
		Parameters map[string]any
		Format     map[string]any
	}
	ToolChoice  json.RawMessage `json:"tool_choice"`
	Parallel    *bool           `json:"parallel_tool_calls"`
	MaxTokens   *int64          `json:"max_output_tokens"`
	Temperature *float64
	TopP        *float64 `json:"top_p"`
	TopLogprobs *int     `json:"top_logprobs"`
	Reasoning   *struct{ Effort, Summary string }
	Text        *struct {
		Verbosity string
		Format    *struct{ Type, Name string }
	}
	Include []string
	Store   *bool
}

type requestItem struct {
	Type, Role, Name, Arguments, Input, ID string
	CallID                                 string `json:"call_id"`
	Encrypted                              string `json:"encrypted_content"`
	Summary                                []struct{ Type, Text string }
	Content, Output                        json.RawMessage
}

var (
	wordRule = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	// own are the members of chat completions that this API does not know, and the schema
	// below permits.
	own = []string{"messages", "max_tokens", "max_completion_tokens", "response_format", "reasoning_effort", "verbosity", "stop", "n", "seed",
		"frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "functions", "function_call", "modalities", "audio", "prediction",
		"stream_options", "web_search_options"}
)

// rules checks that requests have nothing that OpenAI refuses, by its own description and by
// what that does not say.
type rules struct{ schema dialecttest.Schema }

func newRules(t testing.TB) rules {
	t.Helper()
	return rules{dialecttest.OpenAPI(t, "CreateResponse")}
}

func (c rules) check(t testing.TB, body []byte) apiRequest {
	t.Helper()
	c.schema.Check(t, body)
	var members map[string]json.RawMessage
	var r apiRequest
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, name := range own {
		if _, ok := members[name]; ok {
			t.Errorf("the API does not know %q", name)
		}
	}
	if r.Model == "" || len(r.Input) == 0 || r.Store == nil {
		t.Errorf("model, input or store are missing in %s", body)
	}
	if r.MaxTokens != nil && *r.MaxTokens < 16 {
		t.Errorf("max_output_tokens is %d", *r.MaxTokens)
	}
	for _, tool := range r.Tools {
		if tool.Type == "function" && (!wordRule.MatchString(tool.Name) || tool.Strict == nil || tool.Parameters == nil) {
			t.Errorf("the function is incomplete: %+v", tool)
		}
	}
	checkItems(t, r.Input)
	return r
}

// checkItems checks that every result has its call before it.
func checkItems(t testing.TB, items []requestItem) {
	t.Helper()
	calls := map[string]string{}
	for _, it := range items {
		switch it.Type {
		case "function_call", "custom_tool_call":
			if !wordRule.MatchString(it.CallID) || !wordRule.MatchString(it.Name) || calls[it.CallID] != "" {
				t.Errorf("the call is not one, or not alone: %+v", it)
			}
			calls[it.CallID] = it.Type
		case "function_call_output", "custom_tool_call_output":
			if calls[it.CallID]+"_output" != it.Type {
				t.Errorf("%s for %s, which is a %q", it.Type, it.CallID, calls[it.CallID])
			}
		}
	}
}
