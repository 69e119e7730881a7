package anthropic_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/anthropic"
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
			got := respond(t, 200, string(in))
			dialecttest.ReadCompletion(t, got)
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, got))
		})
	}
}

// TestStreams plays testdata/stream/*.in.txt, a name and its data on each line. The
// wanted file shows what every event gave.
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

// TestErrors passes errors on as they are: the host decides what they mean.
func TestErrors(t *testing.T) {
	tests := []struct {
		status             int
		body               string
		wantType, wantText string
		wantStatus         int
	}{
		{529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}`, "overloaded_error", "Overloaded", 529},
		{200, `{"type":"error","error":{"type":"api_error","message":""}}`, "api_error", "The provider gave no message.", 0},
		{200, `{"error":{}}`, "server_error", "The provider gave no message.", 0},
		{200, `{"hello":"world"}`, "server_error", "not in Anthropic's format", 502},
		{200, `<html>hello</html>`, "server_error", "not in Anthropic's format", 502},
		{200, ``, "server_error", "an empty body", 502},
		{200, `{"type":"message","content":5,"stop_reason":"end_turn"}`, "server_error", "not in Anthropic's format", 502},
		{200, `{"type":"message","content":{"type":"text","text":"x"}}`, "server_error", "not in Anthropic's format", 502},
		{200, `{"content":"text","stop_reason":"end_turn"}`, "server_error", "not in Anthropic's format", 502},
		{503, `[1]`, "server_error", "not in Anthropic's format", 503},
	}
	for _, tt := range tests {
		got := dialecttest.ReadError(t, respond(t, tt.status, tt.body))
		if got.Error.Type != tt.wantType || !strings.Contains(got.Error.Message, tt.wantText) || got.Status != tt.wantStatus {
			t.Errorf("%d %s gave %+v, want %s, %q, %d", tt.status, tt.body, got, tt.wantType, tt.wantText, tt.wantStatus)
		}
	}
}

// TestQuickDelta plays every recorded stream twice, once with a space before each
// event's data, which the quick path does not take.
func TestQuickDelta(t *testing.T) {
	quick := 0
	for _, rec := range dialecttest.Recordings(t, "anthropic", "messages") {
		if !rec.Stream || rec.Status != 200 {
			continue
		}
		events := dialecttest.ParseSSE(rec.Response)
		want := play(t, events)
		for i := range events {
			if anthropic.QuickDelta([]byte(events[i].Data)) {
				quick++
			}
			events[i].Data = " " + events[i].Data
		}
		if diff := cmp.Diff(play(t, events), want); diff != "" {
			t.Errorf("%s (-parsed +quick):\n%s", filepath.Base(rec.Path), diff)
		}
	}
	if quick < 300 {
		t.Errorf("only %d events took the quick path", quick)
	}
	for _, odd := range []string{
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a` + "\n" + `b"}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\x"}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\u12g4"}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a","more":1}}`,
		`{"type":"content_block_delta","index":01,"delta":{"type":"text_delta","text":"a"}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a`,
		`{"type":"content_block_delta","index":0`,
	} {
		if anthropic.QuickDelta([]byte(odd)) {
			t.Errorf("%q took the quick path", odd)
		}
	}
}
