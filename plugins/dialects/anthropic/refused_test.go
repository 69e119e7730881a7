package anthropic_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	penstock "github.com/penstock/penstock/sdk/go"
)

// summary is a request's messages in short: a letter for the side, then its blocks.
func summary(r anthropicRequest) string {
	var b strings.Builder
	for i, m := range r.Messages {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(m.Role[:1] + ":")
		for k, x := range m.Content {
			if k > 0 {
				b.WriteByte('+')
			}
			switch x.Type {
			case "text":
				b.WriteString(x.Text)
			default:
				b.WriteString(x.Type)
			}
		}
	}
	return b.String()
}

// asks translates a list of messages with further members.
func asks(t *testing.T, model, messages, members string) (sent, error) {
	t.Helper()
	return transform(t, model, false, `{"messages":`+messages+members+`}`)
}

// TestTrailingInstruction sends system messages behind the assistant's last message: as part
// of the system prompt they would leave the assistant last, which asks for a continuation.
func TestTrailingInstruction(t *testing.T) {
	for messages, want := range map[string]string{
		`[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"developer","content":"c"}]`:                                                          "u:a a:b u:c",
		`[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"c"}]`:                             "u:a a:b u:c",
		`[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"c"},{"role":"developer","content":[{"type":"text","text":"d"}]}]`: "u:a a:b u:c+d",
		`[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"c"},{"role":"user","content":"d"}]`:                               "u:a a:b u:d",
		`[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"developer","content":"c"},{"role":"user","content":"\u00a0"}]`:                       "u:a a:b u:c",
		`[{"role":"user","content":""},{"role":"system","content":"c"}]`:                                                                                                 "u:c",
		`[{"role":"user","content":"a"},{"role":"system","content":"c"}]`:                                                                                                "u:a",
		`[{"role":"system","content":"a"},{"role":"developer","content":"c"}]`:                                                                                           "u:a+c",
		`[{"role":"assistant","content":"a"},{"role":"system","content":"c"}]`:                                                                                           "u:(The conversation so far.) a:a u:c",
	} {
		for _, model := range []string{"claude-opus-4-8", "claude-sonnet-4-5", "glm-5"} {
			s, err := asks(t, model, messages, "")
			if err != nil {
				t.Errorf("%s: %v", messages, err)
				continue
			}
			if got := summary(checkRules(t, s.Body)); got != want {
				t.Errorf("%s became %q, want %q", messages, got, want)
			}
		}
	}
}

// TestPrefill asks models of several generations to continue a message.
func TestPrefill(t *testing.T) {
	for _, messages := range []string{
		`[{"role":"user","content":"a"},{"role":"assistant","content":"b "}]`,
		`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b\u00a0"}]}]`,
		`[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":" "}]`,
	} {
		s, err := asks(t, "claude-sonnet-4-5", messages, `,"reasoning_effort":"high","max_tokens":8000`)
		if err != nil {
			t.Fatal(err)
		}
		if got := summary(checkRules(t, s.Body)); got != "u:a a:b" || strings.Contains(string(s.Body), "thinking") {
			t.Errorf("%s became %q: %s", messages, got, s.Body)
		}
		if diff := cmp.Diff([]string{"reasoning_effort"}, s.Dropped); diff != "" {
			t.Errorf("%s: dropped (-want +got):\n%s", messages, diff)
		}
		for _, model := range []string{"claude-sonnet-4-6", "claude-opus-4-8", "claude-opus-5", "claude-next"} {
			_, err := asks(t, model, messages, "")
			wantRejection(t, messages, err, "messages[1]: ")
		}
	}
	s, err := asks(t, "claude-sonnet-4-5", `[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]`, `,"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":8000`)
	if err != nil || strings.Contains(string(s.Body), "budget") || cmp.Diff([]string{"thinking"}, s.Dropped) != "" {
		t.Errorf("thinking and a prefill gave %s, dropped %v, %v", s.Body, s.Dropped, err)
	}
	// An assistant message without content asks for nothing.
	for _, empty := range []string{`""`, `null`, `"\u00a0\n"`, `[]`, `[{"type":"text","text":" "}]`} {
		if _, err := asks(t, "claude-opus-4-8", `[{"role":"user","content":"a"},{"role":"assistant","content":`+empty+`}]`, ""); err != nil {
			t.Errorf("an assistant message of %s: %v", empty, err)
		}
	}
}

// wantRejection checks that the request is refused for the member that begins the message.
func wantRejection(t *testing.T, what string, err error, want string) {
	t.Helper()
	var e *penstock.Error
	if !errors.As(err, &e) || e.Code != 400 || !strings.HasPrefix(e.Message, want) {
		t.Errorf("%s gave %v, want a rejection that begins with %q", what, err, want)
	}
}

// TestForeignReasoning sends back what other providers' models have thought: Anthropic
// refuses it, as it can't check its signatures.
func TestForeignReasoning(t *testing.T) {
	loop := func(details string) string {
		return `[{"role":"user","content":"a"},{"role":"assistant","content":null,"reasoning_details":` + details + `,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"t","content":"r"}]`
	}
	for details, want := range map[string]string{
		`[{"type":"reasoning.encrypted","format":"openai-responses-v1","data":"x","id":"rs_1"}]`:                                          "u:a a:tool_use u:tool_result",
		`[{"type":"reasoning.text","format":"google-gemini-v1","text":"x","signature":"s"}]`:                                              "u:a a:tool_use u:tool_result",
		`[{"type":"reasoning.text","format":"xai-responses-v1","text":"x","signature":"s"}]`:                                              "u:a a:tool_use u:tool_result",
		`[{"type":"reasoning.text","format":"unknown","text":"x","signature":"s"}]`:                                                       "u:a a:tool_use u:tool_result",
		`[{"type":"reasoning.text","format":"anthropic-claude-v1","text":"x","signature":"s"}]`:                                           "u:a a:thinking+tool_use u:tool_result",
		`[{"type":"reasoning.text","format":null,"text":"x","signature":"s"},{"type":"reasoning.encrypted","data":"y"}]`:                  "u:a a:thinking+redacted_thinking+tool_use u:tool_result",
		`[{"type":"reasoning.encrypted","format":"openai-responses-v1","data":"x"},{"type":"reasoning.text","text":"x","signature":"s"}]`: "u:a a:thinking+tool_use u:tool_result",
	} {
		s, err := asks(t, "claude-sonnet-4-5", loop(details), `,"tools":[{"type":"function","function":{"name":"f"}}],"max_tokens":8000,"reasoning_effort":"low"`)
		if err != nil {
			t.Fatal(err)
		}
		if got := summary(checkRules(t, s.Body)); got != want {
			t.Errorf("%s became %q, want %q", details, got, want)
		}
		if thinks := strings.Contains(string(s.Body), `"budget_tokens"`); thinks != strings.Contains(want, "thinking") {
			t.Errorf("%s: thinking is asked for: %v", details, thinks)
		}
	}
}

// TestCacheControlOfMessage puts a message's marker on its last block.
func TestCacheControlOfMessage(t *testing.T) {
	marked := func(name string) string {
		return `"name":"` + name + `","input":{},"cache_control":{"type":"ephemeral"}}`
	}
	call := `{"id":"` + "t1" + `","type":"function","function":{"name":"f","arguments":"{}"}}`
	for messages, want := range map[string]string{
		`[{"role":"user","content":"a"},{"role":"assistant","content":"b","cache_control":{"type":"ephemeral"},"tool_calls":[` + call + `]},{"role":"tool","tool_call_id":"t1","content":"r"}]`:                       marked("f"),
		`[{"role":"user","content":"a"},{"role":"assistant","content":null,"cache_control":{"type":"ephemeral"},"tool_calls":[` + call + `]},{"role":"tool","tool_call_id":"t1","content":"r"}]`:                      marked("f"),
		`[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}],"cache_control":{"type":"ephemeral"}}]`:                                                               `"text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]`,
		`[{"role":"user","content":[{"type":"search_result","cache_control":{"type":"ephemeral","ttl":"1h"}}],"cache_control":{"type":"ephemeral"}}]`:                                                                 `[{"type":"search_result","cache_control":{"type":"ephemeral","ttl":"1h"}}]`,
		`[{"role":"user","content":"a"},{"role":"assistant","content":"","thinking_blocks":[{"type":"thinking","thinking":"x","signature":"s"}],"cache_control":{"type":"ephemeral"}},{"role":"user","content":"b"}]`: `"signature":"s"}]`,
	} {
		s, err := asks(t, "claude-sonnet-4-5", messages, "")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(s.Body), want) || strings.Count(string(s.Body), "cache_control") > 1 {
			t.Errorf("%s became %s, want %s", messages, s.Body, want)
		}
	}
}

// TestMedia sends images and files of all kinds.
func TestMedia(t *testing.T) {
	png := base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n012345"))
	jpeg := base64.StdEncoding.EncodeToString([]byte("\xff\xd8\xff\xe0012345"))
	image := func(url string) string { return `{"type":"image_url","image_url":{"url":"` + url + `"}}` }
	file := func(data string) string { return `{"type":"file","file":{"filename":"f","file_data":"` + data + `"}}` }
	text := func(media, s string) string {
		return "data:" + media + ";base64," + base64.StdEncoding.EncodeToString([]byte(s))
	}
	for part, want := range map[string]string{
		image("DATA:image/png;BASE64," + png):                                                  `"media_type":"image/png","data":"` + png,
		image("data:image/PNG;charset=x;base64," + png):                                        `"media_type":"image/png","data":"` + png,
		image("data:image/jpg;base64," + jpeg):                                                 `"media_type":"image/jpeg"`,
		image("data:image/png;base64," + jpeg):                                                 `"media_type":"image/jpeg"`,
		image("data:;base64," + png):                                                           `"media_type":"image/png"`,
		image("HTTPS://example.com/A.png"):                                                     `"url":"https://example.com/A.png"`,
		file("Data:application/pdf;base64,JVBERi0="):                                           `"media_type":"application/pdf","data":"JVBERi0="`,
		file("https://example.com/a.pdf"):                                                      `"type":"url","url":"https://example.com/a.pdf"`,
		file(text("text/csv", "a,b")):                                                          `"media_type":"text/plain","data":"a,b"`,
		file(text("application/json", "{}")):                                                   `"media_type":"text/plain","data":"{}"`,
		file(text("text/plain", "caf\xe9")):                                                    `"media_type":"text/plain","data":"caf�"`,
		file(text("text/plain", "\xef\xbb\xbfx")):                                              `"data":"x"`,
		file("data:IMAGE/png;base64," + png):                                                   `"type":"image","source":{"type":"base64","media_type":"image/png"`,
		`{"type":"image_url","image_url":"` + "data:image/webp;base64,UklGRgAAAABXRUJQ" + `"}`: `"media_type":"image/webp"`,
	} {
		s, err := asks(t, "claude-sonnet-4-5", `[{"role":"user","content":[`+part+`]}]`, "")
		if err != nil || !strings.Contains(string(s.Body), want) || !utf8.Valid(s.Body) {
			t.Errorf("%s became %s, %v, want %s", part, s.Body, err, want)
		}
	}
	for part, want := range map[string]string{
		image("http://example.com/a.png"):           "messages[0].content[0].image_url: ",
		image("HTTP://example.com/a.png"):           "messages[0].content[0].image_url: ",
		image("data:image/svg+xml;base64,PHN2Zz4="): "messages[0].content[0].image_url: ",
		image("data:image/bmp;base64,Qk0="):         "messages[0].content[0].image_url: ",
		image("data:text/plain;base64,Qk0="):        "messages[0].content[0].image_url: ",
		image("data:image/png," + png):              "messages[0].content[0].image_url: ",
		image(""):                                   "messages[0].content[0].image_url: ",
		file("data:image/svg+xml;base64,PHN2Zz4="):  "messages[0].content[0].file: ",
		file("data:application/zip;base64,UEs="):    "messages[0].content[0].file: ",
		file("data:text/plain;base64,!!!"):          "messages[0].content[0].file: ",
		file("data:text/plain;base64,"):             "messages[0].content[0].file: ",
		file("http://example.com/a.pdf"):            "messages[0].content[0].file: ",
	} {
		_, err := asks(t, "claude-sonnet-4-5", `[{"role":"user","content":[`+part+`]}]`, "")
		wantRejection(t, part, err, want)
	}
}

// TestBlankTexts sends texts that Anthropic calls blank.
func TestBlankTexts(t *testing.T) {
	for _, blank := range []string{`\u00a0`, "\u00a0", "\u2003\u3000", `\u2028\r\n\t \f\u000b`, "\u0085\u1680\u202f\u205f", `\u001c\u001d\u001e\u001f`, ``} {
		s, err := asks(t, "claude-opus-4-8", `[{"role":"system","content":"`+blank+`"},{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"`+blank+`"}]}]`, `,"stop":["`+blank+`"]`)
		if err != nil {
			t.Fatal(err)
		}
		if got := summary(checkRules(t, s.Body)); got != "u:a" || strings.Contains(string(s.Body), "system") || strings.Contains(string(s.Body), "stop") {
			t.Errorf("%q became %s", blank, s.Body)
		}
	}
}
