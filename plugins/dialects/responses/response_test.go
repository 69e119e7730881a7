package responses_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
	"github.com/penstock/penstock/plugins/dialects/responses"
)

// TestResponses translates testdata/response/*.in.json.
func TestResponses(t *testing.T) {
	schema := dialecttest.OpenAPI(t, "CreateChatCompletionResponse")
	for _, path := range dialecttest.Inputs(t, "testdata/response/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := host.Response(t, 200, nil, string(in))
			schema.Check(t, got)
			dialecttest.ReadCompletion(t, got)
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, got))
		})
	}
}

// TestStreams plays testdata/stream/*.in.txt, a name and its data on each line. The wanted file
// holds what every event gave.
func TestStreams(t *testing.T) {
	schema := dialecttest.OpenAPI(t, "CreateChatCompletionStreamResponse")
	for _, path := range dialecttest.Inputs(t, "testdata/stream/*.in.txt") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.txt"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p := host.Start(t, nil)
			var given strings.Builder
			take := func(name string) {
				given.WriteString("# " + name + "\n")
				for _, line := range p.Lines {
					given.WriteString(line + "\n")
					if strings.HasPrefix(line, `{"id"`) && !dialecttest.IsNote(line) && !strings.Contains(line, `"type":"custom"`) {
						schema.Check(t, []byte(line))
					}
				}
				p.Lines = nil
			}
			for line := range strings.Lines(string(in)) {
				name, data, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
				p.Feed(name, data)
				take(name)
			}
			p.End()
			take("penstock.end")
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.txt")+".want.txt", []byte(given.String()))
		})
	}
}

// TestErrors checks that errors pass as they are: what they mean is decided by the host.
func TestErrors(t *testing.T) {
	tests := []struct {
		status                int
		body                  string
		wantType, wantMessage string
		wantStatus            int
	}{
		{429, `{"error":{"message":"Slow down","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, "tokens", "Slow down", 429},
		{200, `{"object":"response","status":"failed","output":[],"error":{"code":"server_error","message":"Oops"}}`, "server_error", "Oops", 0},
		{200, `{"object":"response","status":"cancelled","output":[],"error":null}`, "server_error", "The provider gave no message.", 0},
		{200, `{"object":"response","status":"in_progress","output":[],"error":null}`, "server_error", "its status is in_progress", 502},
		{200, `{"object":"response.input_tokens","input_tokens":5}`, "server_error", "not in OpenAI's format", 502},
		{200, `<html>hello</html>`, "server_error", "not in OpenAI's format", 502},
		{200, ``, "server_error", "an empty body", 502},
		{503, `[1]`, "server_error", "not in OpenAI's format", 503},
		{400, `{"code":"invalid-argument","error":"Incorrect API key"}`, "server_error", "not in OpenAI's format", 400},
	}
	for _, tt := range tests {
		got := dialecttest.ReadError(t, host.Response(t, tt.status, nil, tt.body))
		if got.Error.Type != tt.wantType || !strings.Contains(got.Error.Message, tt.wantMessage) || got.Status != tt.wantStatus {
			t.Errorf("%d %s gave %+v, want %s, %q, %d", tt.status, tt.body, got, tt.wantType, tt.wantMessage, tt.wantStatus)
		}
	}
}

// TestQuickDelta plays every recorded stream twice, once with a space before each event's
// data, which keeps it from the quick way.
func TestQuickDelta(t *testing.T) {
	quick := 0
	for _, rec := range recordedStreams(t) {
		events := dialecttest.ParseSSE(rec.Response)
		want := play(t, events)
		for i := range events {
			if responses.QuickDelta([]byte(events[i].Data)) {
				quick++
			}
			events[i].Data = " " + events[i].Data
		}
		if diff := cmp.Diff(play(t, events), want); diff != "" {
			t.Errorf("%s (-long way +quick way):\n%s", filepath.Base(rec.Path), diff)
		}
	}
	if quick < 50 { // those of OpenAI, Azure and DeepSeek as they are in 2026
		t.Errorf("only %d events went the quick way", quick)
	}
	const good = `{"type":"response.output_text.delta","content_index":0,"delta":"a","item_id":"m","logprobs":[],"obfuscation":"xy","output_index":1,"sequence_number":6}`
	if !responses.QuickDelta([]byte(good)) {
		t.Errorf("%s did not go the quick way", good)
	}
	for _, replace := range [][2]string{{`"a"`, "\"a\nb\""}, {`"a"`, `"\x"`}, {`"a"`, `"a`}, {`[]`, `[{"token":"a"}]`}, {`:6}`, `:6}}`}, {`:6}`, `:06}`},
		{`:6}`, `:6`}, {`:6}`, `:}`}, {`:1,`, `:01,`}, {`:1,`, `:700,`}, {`"m"`, `7`}, {`"xy"`, `"x\"`}, {`_index":0`, `_index":-1`}} {
		odd := strings.Replace(good, replace[0], replace[1], 1)
		if responses.QuickDelta([]byte(odd)) {
			t.Errorf("%q went the quick way", odd)
		}
	}
}
