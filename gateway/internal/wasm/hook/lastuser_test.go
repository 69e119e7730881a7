package hook

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendLastUser(t *testing.T) {
	for body, want := range map[string]string{
		`{"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"two"},{"role":"user","content":"th\u0072ee\n"}]}`:    "three\n",
		`{"messages":[{"content":"one","role":"user"},{"role":"tool","content":"two"},{"role":"system","content":"three"}]}`:              "one",
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}},{"text":"b"}]}]}`: "a\nb",
		// Tool results are the user's in Anthropic's format, but no text of theirs.
		`{"messages":[{"role":"user","content":"q"},{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"x"}]}]}]}`: "q",
		`{"messages":[{"role":"user","content":"q"},{"role":"user","content":""},{"role":"user","content":null},{"role":"user"}]}`:               "q",
		`{"messages":[{"role":"user","content":[7,null,{"text":null},{"text":""},{"text":"\ud83d\ude00"}]}, 5, []]}`:                             "😀",
		`{"model":"m","messages":"none"}`: "",
		`{"input":"x"}`:                   "",
		`[]`:                              "",
		``:                                "",
		`{"messages":[{"role":"user","content":"cut`:                "",
		"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}": "\ufffd",
	} {
		if got := string(AppendLastUser([]byte("> "), []byte(body))); got != "> "+want {
			t.Errorf("AppendLastUser(%s) = %q, want %q", body, got[2:], want)
		}
	}
}

// TestTheLastUserTextIsBounded has texts, plain and escaped, that are longer than the bound.
func TestTheLastUserTextIsBounded(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain":             {strings.Repeat("x", maxLastUser+1), strings.Repeat("x", maxLastUser)},
		"a character cut":   {strings.Repeat("x", maxLastUser-1) + "é", strings.Repeat("x", maxLastUser-1)},
		"escapes":           {strings.Repeat(`\u0041`, 3*maxLastUser), strings.Repeat("A", maxLastUser)},
		"surrogate pairs":   {strings.Repeat(`\ud83d\ude00`, 3*maxLastUser), strings.Repeat("😀", maxLastUser/4)},
		"exactly the bound": {strings.Repeat(`\n`, maxLastUser), strings.Repeat("\n", maxLastUser)},
	} {
		body := `{"messages":[{"role":"user","content":"` + c.text + `"}]}`
		if got := string(AppendLastUser(nil, []byte(body))); got != c.want {
			t.Errorf("%s: %d bytes, %.20q…, want %d bytes", name, len(got), got, len(c.want))
		}
		parts := `{"messages":[{"role":"user","content":[{"text":"` + c.text + `"},{"text":"` + c.text + `"}]}]}`
		if got := AppendLastUser(nil, []byte(parts)); len(got) > maxLastUser || !utf8.Valid(got) {
			t.Errorf("%s in parts: %d bytes, want at most %d", name, len(got), maxLastUser)
		}
	}
}

// FuzzAppendLastUser holds it against encoding/json, for bodies with one message of text.
func FuzzAppendLastUser(f *testing.F) {
	f.Add(`why?`, []byte(`{"messages":[{"role":"user","content":[{"text":"x"}]}]}`))
	f.Fuzz(func(t *testing.T, text string, body []byte) {
		if got := AppendLastUser(nil, body); len(got) > maxLastUser || !utf8.Valid(got) {
			t.Errorf("AppendLastUser(%q) = %q", body, got)
		}
		message, err := json.Marshal(map[string]any{"messages": []any{map[string]any{"role": "user", "content": text}}})
		if err != nil {
			t.Fatal(err)
		}
		got, want := string(AppendLastUser(nil, message)), strings.ToValidUTF8(text, "\ufffd")
		if len(want) > maxLastUser {
			want = want[:clip([]byte(want), maxLastUser)]
		}
		if got != want && utf8.ValidString(text) {
			t.Errorf("AppendLastUser of %q = %q", text, got)
		}
	})
}
