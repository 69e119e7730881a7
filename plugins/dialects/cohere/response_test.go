package cohere_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestResponses normalises testdata/response/*.in.json.
func TestResponses(t *testing.T) {
	for _, path := range dialecttest.Inputs(t, "testdata/response/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := host.Response(t, 200, nil, string(in))
			dialecttest.ReadCompletion(t, got)
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, got))
		})
	}
}

// TestStreams plays testdata/stream/*.in.txt, a name and its data on each line. The wanted
// file shows what every event gave.
func TestStreams(t *testing.T) {
	for _, path := range dialecttest.Inputs(t, "testdata/stream/*.in.txt") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.txt"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p := host.Start(t, nil)
			var shown strings.Builder
			show := func(name string) {
				shown.WriteString("# " + name + "\n")
				for _, line := range p.Lines {
					shown.WriteString(line + "\n")
				}
				p.Lines = nil
			}
			for line := range strings.Lines(string(in)) {
				name, data, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
				p.Feed(name, data)
				show(name)
			}
			p.End()
			show("penstock.end")
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.txt")+".want.txt", []byte(shown.String()))
		})
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		status     int
		body       string
		wantText   string
		wantStatus int
	}{
		{429, `{"id":"x","message":"You are using a Trial key"}`, "You are using a Trial key", 429},
		{500, `{"data":"x"}`, "not in Cohere's format", 500},
		{200, `{"message":"internal server error"}`, "internal server error", 502},
		{200, `{"hello":"world"}`, "not in Cohere's format", 502},
		{200, `{"text":"a reply of version 1","finish_reason":"COMPLETE"}`, "not in Cohere's format", 502},
		{200, `<html>hello</html>`, "not in Cohere's format", 502},
		{200, ``, "an empty body", 502},
		{200, `{"message":{"role":"assistant","content":[{"type":"text","text":"x"}]},"finish_reason":"TIMEOUT"}`, "Cohere broke the reply off with the reason TIMEOUT.", 502},
		{503, `[1]`, "not in Cohere's format", 503},
	}
	for _, tt := range tests {
		got := dialecttest.ReadError(t, host.Response(t, tt.status, nil, tt.body))
		if !strings.Contains(got.Error.Message, tt.wantText) || got.Status != tt.wantStatus {
			t.Errorf("%d %s gave %+v, want %q, %d", tt.status, tt.body, got, tt.wantText, tt.wantStatus)
		}
	}
}

// TestCallsInterleaved sends the pieces of two calls by turns.
func TestCallsInterleaved(t *testing.T) {
	start := func(i, name string) dialecttest.Event {
		return dialecttest.Event{Name: "tool-call-start", Data: `{"type":"tool-call-start","index":` + i + `,"delta":{"message":{"tool_calls":{"id":"` + name + `_1","type":"function","function":{"name":"` + name + `","arguments":""}}}}}`}
	}
	piece := func(i, raw string) dialecttest.Event {
		return dialecttest.Event{Name: "tool-call-delta", Data: `{"type":"tool-call-delta","index":` + i + `,"delta":{"message":{"tool_calls":{"function":{"arguments":"` + raw + `"}}}}}`}
	}
	lines := host.Play(t, nil, []dialecttest.Event{start("0", "f"), start("1", "g"), start("2", "h"), piece("1", `{\"b\":`), piece("0", `{\"a\":`), piece("0", `1}`), piece("1", `2}`),
		{Name: "tool-call-end", Data: `{"type":"tool-call-end","index":0}`},
		{Name: "message-end", Data: `{"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"tokens":{"input_tokens":1,"output_tokens":1}}}}`}})
	want := []call{{ID: "f_1", Name: "f", Arguments: `{"a":1}`}, {ID: "g_1", Name: "g", Arguments: `{"b":2}`}, {ID: "h_1", Name: "h", Arguments: `{}`}}
	if diff := cmp.Diff(want, dialecttest.ReadStream(t, lines).Calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
