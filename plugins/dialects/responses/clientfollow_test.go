package responses_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// follow reads a stream as official clients do, and returns the response at its end, which
// has to be what the events before have built.
func follow(t *testing.T, frames string) []byte {
	t.Helper()
	schema := dialecttest.OpenAPI(t, "ResponseStreamEvent")
	f := follower{t: t}
	for i, e := range dialecttest.ParseSSE(frames) {
		var v map[string]any
		if err := json.Unmarshal([]byte(e.Data), &v); err != nil {
			t.Fatalf("%q: %v", e.Data, err)
		}
		if v["type"] != e.Name || v["sequence_number"] != float64(i) {
			t.Errorf("event %d is called %s: %s", i, e.Name, e.Data)
		}
		schema.Check(t, []byte(e.Data))
		f.take(e.Name, v)
	}
	if f.end == nil {
		t.Fatalf("the stream has no end: %s", frames)
	}
	if diff := cmp.Diff(f.output, f.end["output"]); diff != "" && f.end["status"] != "failed" { // what is open stays so
		t.Errorf("the output (-built from events +at the end):\n%s", diff)
	}
	return dialecttest.Encode(t, f.end)
}

// follower is a response while its events come.
type follower struct {
	t       *testing.T
	created bool
	output  []any
	done    map[int]bool
	end     map[string]any
}

func (f *follower) take(name string, v map[string]any) {
	f.t.Helper()
	if f.end != nil || (name == "response.created") == f.created {
		f.t.Errorf("%s is not expected", name)
	}
	index := -1
	if n, ok := v["output_index"].(float64); ok {
		index = int(n)
	}
	switch name {
	case "response.created":
		f.created, f.done = true, map[int]bool{}
	case "response.in_progress":
	case "response.output_item.added":
		if index != len(f.output) {
			f.t.Errorf("item %d is added after %d", index, len(f.output))
		}
		f.output = append(f.output, v["item"])
	case "response.output_item.done":
		if built := f.built(index); built["status"] == "in_progress" {
			built["status"] = v["item"].(map[string]any)["status"]
		}
		if e, ok := v["item"].(map[string]any)["encrypted_content"]; ok {
			f.built(index)["encrypted_content"] = e
		}
		if diff := cmp.Diff(f.built(index), v["item"]); diff != "" {
			f.t.Errorf("item %d (-built +done):\n%s", index, diff)
		}
		f.done[index] = true
	case "response.completed", "response.incomplete", "response.failed":
		f.end = v["response"].(map[string]any)
		if f.output == nil {
			f.output = []any{}
		}
	default:
		f.part(name, index, v)
	}
}

func (f *follower) built(index int) map[string]any {
	f.t.Helper()
	if index < 0 || index >= len(f.output) || f.done[index] {
		f.t.Fatalf("an event is about item %d, of %d, done: %v", index, len(f.output), f.done)
	}
	return f.output[index].(map[string]any)
}

// part takes an event about a part of an item.
func (f *follower) part(name string, index int, v map[string]any) {
	f.t.Helper()
	item := f.built(index)
	if v["item_id"] != item["id"] {
		f.t.Errorf("%s is about %v, not %v", name, v["item_id"], item["id"])
	}
	list, at := "content", "content_index"
	if strings.Contains(name, "summary") {
		list, at = "summary", "summary_index"
	}
	var part map[string]any
	if n, ok := v[at].(float64); ok && !strings.HasSuffix(name, "part.added") {
		part = item[list].([]any)[int(n)].(map[string]any)
	}
	add := func(to map[string]any, member string) { to[member] = to[member].(string) + v["delta"].(string) }
	same := func(got any, member string) {
		if diff := cmp.Diff(got, v[member]); diff != "" {
			f.t.Errorf("%s (-built +repeated):\n%s", name, diff)
		}
	}
	switch name {
	case "response.content_part.added", "response.reasoning_summary_part.added":
		if int(v[at].(float64)) != len(item[list].([]any)) {
			f.t.Errorf("part %v is added after %d", v[at], len(item[list].([]any)))
		}
		item[list] = append(item[list].([]any), v["part"])
	case "response.content_part.done", "response.reasoning_summary_part.done":
		same(part, "part")
	case "response.output_text.delta", "response.reasoning_summary_text.delta":
		add(part, "text")
	case "response.output_text.done", "response.reasoning_summary_text.done":
		same(part["text"], "text")
	case "response.refusal.delta":
		add(part, "refusal")
	case "response.refusal.done":
		same(part["refusal"], "refusal")
	case "response.output_text.annotation.added":
		part["annotations"] = append(part["annotations"].([]any), v["annotation"])
	case "response.function_call_arguments.delta":
		add(item, "arguments")
	case "response.function_call_arguments.done":
		same(item["arguments"], "arguments")
	case "response.custom_tool_call_input.delta":
		add(item, "input")
	case "response.custom_tool_call_input.done":
		same(item["input"], "input")
	default:
		f.t.Errorf("%s is not known", name)
	}
}
