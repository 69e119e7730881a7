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

// TestErrors classifies errors that nobody has recorded.
func TestErrors(t *testing.T) {
	fault := func(kind, message string) string {
		return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"},"request_id":"r"}`
	}
	tests := []struct {
		status           int
		body             string
		wantType, wantCd string
		wantStatus       int
	}{
		{400, fault("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"), "invalid_request_error", "context_length_exceeded", 400},
		{400, fault("invalid_request_error", "Output blocked by content filtering policy"), "invalid_request_error", "content_policy_violation", 400},
		{400, fault("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), "insufficient_quota", "insufficient_quota", 429},
		{402, fault("billing_error", "Pay."), "insufficient_quota", "insufficient_quota", 429},
		{403, fault("permission_error", "No."), "permission_error", "permission_error", 403},
		{404, fault("not_found_error", "Not Found"), "not_found_error", "not_found_error", 404},
		{413, fault("request_too_large", "Too large."), "invalid_request_error", "request_too_large", 413},
		{429, fault("rate_limit_error", "Slow down."), "rate_limit_error", "rate_limit_exceeded", 429},
		{500, fault("api_error", "Oops."), "server_error", "api_error", 500},
		{504, fault("timeout_error", "Late."), "server_error", "timeout_error", 504},
		{529, fault("overloaded_error", "Overloaded"), "server_error", "overloaded", 503},
		{418, fault("teapot_error", "Tea."), "invalid_request_error", "invalid_request_error", 418},
		{500, fault("api_error", ""), "server_error", "api_error", 500},
		{200, fault("overloaded_error", "Overloaded"), "server_error", "overloaded", 503},
		{200, `{"hello":"world"}`, "server_error", "upstream_error", 502},
		{200, `<html>hello</html>`, "server_error", "upstream_error", 502},
		{200, ``, "server_error", "upstream_error", 502},
		{200, `[1]`, "server_error", "upstream_error", 502},
		{401, `{"error":"nope"}`, "authentication_error", "invalid_api_key", 401},
		{429, `slow down`, "rate_limit_error", "rate_limit_exceeded", 429},
		{503, `<html>503</html>`, "server_error", "upstream_error", 503},
		{522, `<html>cloudflare</html>`, "server_error", "upstream_error", 502},
		{529, ``, "server_error", "overloaded", 503},
	}
	for _, tt := range tests {
		got := readError(t, respond(t, tt.status, map[string]string{"retry-after": "1.5"}, tt.body))
		if got.Error.Type != tt.wantType || got.Error.Code != tt.wantCd || got.Status != tt.wantStatus || got.RetryAfter != 1500 {
			t.Errorf("%d %s gave %+v, want %s, %s, %d", tt.status, tt.body, got, tt.wantType, tt.wantCd, tt.wantStatus)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]int64{"": 0, "7": 7000, "0.0011": 2, "-1": 0, "NaN": 0, "Inf": 0,
		"Wed, 21 Oct 2015 07:28:00 GMT": 0, "1e99": 0} {
		if got := retryAfter(value(header)); got != want {
			t.Errorf("retryAfter(%q) = %d, want %d", header, got, want)
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
