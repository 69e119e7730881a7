package dialects

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestResponses normalises testdata/response/*.in.json.
func TestResponses(t *testing.T) {
	for _, path := range inputs(t, "testdata/response/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := respond(t, 200, nil, string(in))
			readCompletion(t, got)
			golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", indent(t, got))
		})
	}
}

// TestStreams plays testdata/stream/*.in.txt, a name and its data on each line. The
// wanted file shows what every event gave.
func TestStreams(t *testing.T) {
	for _, path := range inputs(t, "testdata/stream/*.in.txt") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.txt"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p := &player{t: t}
			p.feed(eventStart, streamStart)
			var shown strings.Builder
			show := func(name string) {
				shown.WriteString("# " + name + "\n")
				for _, line := range p.lines {
					shown.WriteString(line + "\n")
				}
				p.lines = nil
			}
			for line := range strings.Lines(string(in)) {
				name, data, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
				p.feed(name, data)
				show(name)
			}
			p.feed(eventEnd, "")
			show(eventEnd)
			golden(t, strings.TrimSuffix(path, ".in.txt")+".want.txt", []byte(shown.String()))
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
		got := readError(t, respond(t, tt.status, nil, tt.body))
		if got.Error.Type != tt.wantType || !strings.Contains(got.Error.Message, tt.wantSaid) || got.Status != tt.wantStatus {
			t.Errorf("%d %s gave %+v, want %s, %q, %d", tt.status, tt.body, got, tt.wantType, tt.wantSaid, tt.wantStatus)
		}
	}
}

// TestStateIsChecked feeds states that no call returned.
func TestStateIsChecked(t *testing.T) {
	for _, state := range []string{"", "x", "\x09", strings.Repeat("\xff", 40)} {
		in := append([]byte{byte(len(state)), 0, 0, 0}, state+"message_stop\n{}"...)
		if _, err := new(translator).normaliseEvent(nil, in); err == nil {
			t.Errorf("state %q was taken", state)
		}
	}
}

// TestRunes counts characters in JSON strings as Python and JavaScript's code
// points do.
func TestRunes(t *testing.T) {
	for raw, want := range map[string]int64{``: 0, `abc`: 3, `é`: 1, `\u00e9`: 1, `😀`: 1, `\ud83d\ude00`: 1,
		`\uD83D\uDE00!`: 2, `\n\"\\`: 3, `\u12`: 3, `\`: 1} {
		if got := runes([]byte(raw)); got != want {
			t.Errorf("runes(%s) = %d, want %d", raw, got, want)
		}
	}
}

// withOpenBlocks is in the middle of a stream whose blocks are nobody's business.
func withOpenBlocks() *translator {
	t := new(translator)
	t.stream.phase = opened
	for i := range int64(maxOpen) {
		t.stream.begin(openBlock{index: i})
	}
	return t
}

// TestQuickDelta plays every recorded stream twice, once with a space before each
// event's data, which keeps it from the quick way.
func TestQuickDelta(t *testing.T) {
	quick := 0
	for _, rec := range recordings(t, "anthropic", "messages") {
		if !rec.Stream || rec.Status != 200 {
			continue
		}
		events := parseSSE(rec.Response)
		want := play(t, events)
		for i := range events {
			if withOpenBlocks().quickDelta([]byte(events[i].data)) {
				quick++
			}
			events[i].data = " " + events[i].data
		}
		if diff := cmp.Diff(play(t, events), want); diff != "" {
			t.Errorf("%s (-long way +quick way):\n%s", filepath.Base(rec.path), diff)
		}
	}
	if quick < 300 {
		t.Errorf("only %d events went the quick way", quick)
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
		if withOpenBlocks().quickDelta([]byte(odd)) {
			t.Errorf("%q went the quick way", odd)
		}
	}
}
