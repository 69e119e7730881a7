package anthropic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/anthropic"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []string
		want string // prompt, completion and what differs from 0
	}{
		{"nothing at all", []string{`{}`}, "nothing"},
		{"nulls", []string{`{"input_tokens":null,"output_tokens":null}`}, "nothing"},
		{"no object", []string{`[1]`}, "nothing"},
		{"strings", []string{`{"input_tokens":"10","output_tokens":"5"}`}, "nothing"},
		{"negative", []string{`{"input_tokens":-10,"output_tokens":-5}`}, "nothing"},
		{"fractions", []string{`{"input_tokens":1.5,"output_tokens":5.0}`}, "nothing"},
		{"beyond reason", []string{`{"input_tokens":1e30,"output_tokens":1000000000000000000}`}, "nothing"},
		{"one side", []string{`{"input_tokens":10,"output_tokens":"many"}`}, `{"prompt_tokens":10,"completion_tokens":0,"total_tokens":10}`},
		{"OpenAI's spelling", []string{`{"prompt_tokens":10,"completion_tokens":5}`}, `{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}`},
		{"a later count replaces", []string{`{"input_tokens":10,"output_tokens":1}`, `{"output_tokens":50}`}, `{"prompt_tokens":10,"completion_tokens":50,"total_tokens":60}`},
		{"a later zero does not", []string{`{"input_tokens":10,"output_tokens":7}`, `{"input_tokens":0,"output_tokens":0}`}, `{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17}`},
		{"caches", []string{`{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_1h_input_tokens":90},"output_tokens":1}`},
			`{"prompt_tokens":140,"completion_tokens":1,"total_tokens":141,"prompt_tokens_details":{"cached_tokens":100,"cache_write_tokens":30,"cache_write_1h_tokens":30}}`},
		{"compaction", []string{`{"input_tokens":1,"output_tokens":2,"iterations":[{"type":"compaction","input_tokens":100,"output_tokens":20},{"type":"message","input_tokens":3,"output_tokens":4}]}`},
			`{"prompt_tokens":103,"completion_tokens":24,"total_tokens":127}`},
		{"an advisor is booked apart", []string{`{"input_tokens":5,"output_tokens":6,"iterations":[{"type":"message","input_tokens":2,"output_tokens":3},{"type":"advisor_message","input_tokens":2518,"output_tokens":22},{"type":"message","input_tokens":3,"output_tokens":3}]}`},
			`{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11,"advisor_tokens":2540}`},
		{"after a fallback the totals count", []string{`{"input_tokens":5,"output_tokens":6,"iterations":[{"type":"message","input_tokens":2,"output_tokens":3},{"type":"fallback_message","input_tokens":50,"output_tokens":60}]}`},
			`{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}`},
		{"searches", []string{`{"input_tokens":5,"output_tokens":6,"server_tool_use":{"web_search_requests":2}}`},
			`{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11,"server_tool_use":{"web_search_requests":2}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := anthropic.Counted(tt.in...)
			if tt.want == "nothing" || got == "nothing" {
				if got != tt.want {
					t.Errorf("usage = %s, want %s", got, tt.want)
				}
				return
			}
			var g, w map[string]any
			if err := json.Unmarshal([]byte(got), &g); err != nil {
				t.Fatal(err)
			}
			_ = json.Unmarshal([]byte(tt.want), &w)
			dropZeros(g)
			dropZeros(w)
			if diff := cmp.Diff(w, g); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
		})
	}
}

func dropZeros(m map[string]any) {
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			dropZeros(inner)
			if len(inner) == 0 {
				delete(m, k)
			}
		} else if v == 0.0 {
			delete(m, k)
		}
	}
}

// TestStreamsReportUsageEarly: the counts of message_start are reported at once, without the
// output, which is not made yet.
func TestStreamsReportUsageEarly(t *testing.T) {
	lines := play(t, []sseEvent{{Name: "message_start", Data: `{"type":"message_start","message":{"model":"claude","usage":{"input_tokens":10,"cache_read_input_tokens":100000,"output_tokens":4}}}`}})
	if len(lines) != 3 || !dialecttest.IsNote(lines[1]) || !strings.Contains(lines[1], `"prompt_tokens":100010,"completion_tokens":0`) {
		t.Errorf("message_start becomes %q, want its counts in a line of their own", lines)
	}
}
