package gemini_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, respond(t, 200, string(in))))
		})
	}
}

// TestStreams plays testdata/stream/*.in.txt, a name, which Google leaves empty, and its data on
// each line. The wanted file shows what every event gave.
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

// TestErrors are passed on as they are: what they mean is the host's to tell.
func TestErrors(t *testing.T) {
	tests := []struct {
		status             int
		body               string
		wantType, wantSaid string
		wantStatus         int
	}{
		{429, `{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED"}}`, "RESOURCE_EXHAUSTED", "Quota", 429},
		{200, `{"error":{"code":500}}`, "server_error", "The provider gave no message.", 0},
		{200, `{"hello":"world"}`, "server_error", "not in Gemini's format", 502},
		{200, `{"candidates":[]}`, "server_error", "not in Gemini's format", 502},
		{200, `{"candidates":[{"finishReason":"OTHER"}]}`, "server_error", "ended without an answer: OTHER.", 502},
		{200, `{"candidates":[{"finishReason":"UNEXPECTED_TOOL_CALL","finishMessage":"No such tool."}]}`, "server_error", "UNEXPECTED_TOOL_CALL. No such tool.", 502},
		{200, `<html>hello</html>`, "server_error", "not in Gemini's format", 502},
		{200, ``, "server_error", "an empty body", 502},
		{503, `[1]`, "server_error", "not in Gemini's format", 503},
	}
	for _, tt := range tests {
		got := dialecttest.ReadError(t, respond(t, tt.status, tt.body))
		if got.Error.Type != tt.wantType || !strings.Contains(got.Error.Message, tt.wantSaid) || got.Status != tt.wantStatus {
			t.Errorf("%d %s gave %+v, want %s, %q, %d", tt.status, tt.body, got, tt.wantType, tt.wantSaid, tt.wantStatus)
		}
	}
}

// TestContext translates requests with tools that Gemini knows as something else, and hands
// what they leave to the reply: plain and streamed.
func TestContext(t *testing.T) {
	const reply = `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"get_weather","args":{"a":1}}},{"functionCall":{"name":"patch","args":{"input":"*** \"x\"\n"}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}`
	for _, tt := range []struct{ members, want string }{
		{`"tools":[{"type":"function","function":{"name":"get.weather"}},{"type":"custom","custom":{"name":"patch"}}]`,
			`"tool_calls":[{"id":"call_req_1_1","type":"function","function":{"name":"get.weather","arguments":"{\"a\":1}"}},{"id":"call_req_1_2","type":"custom","custom":{"name":"patch","input":"*** \"x\"\n"}}]`},
		{`"functions":[{"name":"get.weather"},{"name":"patch"}]`,
			`"function_call":{"name":"get.weather","arguments":"{\"a\":1}"},"tool_calls":[{"id":"call_req_1_2","type":"function","function":{"name":"patch","arguments":"{\"input\":\"*** \\\"x\\\"\\n\"}"}}]`},
	} {
		s, err := transform(t, "gemini-2.5-flash", false, `{"messages":[{"role":"user","content":"x"}],`+tt.members+`}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(respondIn(t, s.Context, reply)); !strings.Contains(got, tt.want) {
			t.Errorf("%s gave %s, want %s", tt.members, got, tt.want)
		}
		lines := strings.Join(host.Play(t, s.Context, []event{{Data: reply}}), "\n")
		for _, one := range []string{`get.weather`, `patch`, `"{\"a\":1}"`} {
			if !strings.Contains(lines, one) {
				t.Errorf("the stream lacks %s:\n%s", one, lines)
			}
		}
	}
}

// TestSignatures takes the reply to a client that brings all of it back: each signature arrives
// where it came from, byte for byte. What another provider has made does not.
func TestSignatures(t *testing.T) {
	const parts = `[{"text":"Hm.","thought":true},{"text":"I look."},{"text":"","thoughtSignature":"t+/=="},{"functionCall":{"name":"f","args":{}},"thoughtSignature":"c+/=="},{"functionCall":{"name":"f","args":{}}}]`
	body := respond(t, 200, `{"candidates":[{"content":{"parts":`+parts+`},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}`)
	var reply struct {
		Choices []struct{ Message json.RawMessage }
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		t.Fatal(err)
	}
	message := string(reply.Choices[0].Message)
	for _, tt := range []struct {
		name, message string
		want          []string
	}{
		{"as it came", message, []string{"t+/==", "c+/==", ""}},
		{"without details", strings.Replace(message, `"reasoning_details"`, `"x"`, 1), []string{"", "c+/==", ""}},
		{"without extra content", strings.Replace(message, `"extra_content"`, `"x"`, 1), []string{"t+/==", "c+/==", ""}},
		{"without either", strings.NewReplacer(`"extra_content"`, `"x"`, `"reasoning_details"`, `"x"`).Replace(message), []string{"", "skip_thought_signature_validator", ""}},
		{"of another provider", strings.NewReplacer(`"extra_content"`, `"x"`, `"provider":"gemini"`, `"provider":"vertex"`).Replace(message), []string{"", "skip_thought_signature_validator", ""}},
		{"of another model", strings.NewReplacer(`"extra_content"`, `"x"`, `"google-gemini-v1"`, `"openai-responses-v1"`).Replace(message), []string{"", "skip_thought_signature_validator", ""}},
	} {
		s, err := transform(t, "gemini-3-flash-preview", false, `{"messages":[{"role":"user","content":"x"},`+tt.message+
			`,{"role":"tool","tool_call_id":"call_req_1_1","content":"1"},{"role":"tool","tool_call_id":"call_req_1_2","content":"2"}]}`)
		if err != nil {
			t.Fatal(err)
		}
		r := checkRules(t, "gemini-3-flash-preview", s.Body)
		for k, want := range tt.want {
			if got := r.Contents[1].Parts[k].Signature; got != want {
				t.Errorf("%s: parts[%d] has the signature %q, want %q", tt.name, k, got, want)
			}
		}
	}
}
