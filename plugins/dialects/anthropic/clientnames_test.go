package anthropic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestLongNamesOfTools declares tools whose names only Anthropic takes. They are shorter in
// the canonical form, the same everywhere, and the client's own in replies.
func TestLongNamesOfTools(t *testing.T) {
	long := strings.Repeat("mcp__server__tool_", 6)
	one, other := long+"a", long+"b"
	body, context, err := host.AcceptWithContext(t, nil, ask(`{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"`+one+`","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}`,
		`,"tools":[{"name":"`+one+`","input_schema":{}},{"name":"`+other+`","input_schema":{}},{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"`+one+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Tools    []struct{ Function struct{ Name string } }
		Choice   struct{ Function struct{ Name string } } `json:"tool_choice"`
		Messages []struct {
			Calls []struct{ Function struct{ Name string } } `json:"tool_calls"`
		}
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	short := r.Tools[0].Function.Name
	if len(short) > 64 || short == r.Tools[1].Function.Name || r.Tools[2].Function.Name != "f" || r.Choice.Function.Name != short || r.Messages[1].Calls[0].Function.Name != short {
		t.Fatalf("the canonical form is %s", body)
	}
	reply := `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"` + short + `","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`
	plain := dialecttest.ReadMessage(t, host.RenderWithContext(t, 200, context, reply))
	streamed, _ := dialecttest.ReadMessageStream(t, host.RenderStreamWithContext(t, context, dialecttest.ChunksOf(t, reply)))
	for _, m := range []message{plain, streamed} {
		if m.Blocks[0].Name != one || m.Blocks[1].Name != "f" {
			t.Errorf("the client gets calls of %s and %s", m.Blocks[0].Name, m.Blocks[1].Name)
		}
	}
}

// TestTooManyLongNames refuses what a reply could not be told to know again.
func TestTooManyLongNames(t *testing.T) {
	var tools []string
	for i := range 300 {
		tools = append(tools, `{"name":"`+strings.Repeat("x", 100)+strings.Repeat("y", i%20)+`","input_schema":{}}`)
	}
	if _, err := host.Accept(t, nil, ask(`{"role":"user","content":"hi"}`, `,"tools":[`+strings.Join(tools, ",")+`]`)); err == nil || !strings.HasPrefix(err.Error(), "tools: ") {
		t.Errorf("Accept gave %v", err)
	}
}
