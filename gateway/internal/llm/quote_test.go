package llm

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"gpt-5":              `"gpt-5"`,
		"a b":                `"a b"`,
		`a"b\c`:              `"a\"b\\c"`,
		"ünï 日本 😀":           `"ünï 日本 😀"`,
		"a\nb\tc":            `"a\nb\tc"`,
		"\x1b]0;x\a":         `"\u001b]0;x\u0007"`,
		"\u009b31m\u202e":    `"\u009b31m\u202e"`,
		"m\U000E0067":        `"m\udb40\udc67"`,
		"\u200b\u2066\ufeff": `"\u200b\u2066\ufeff"`,
		"\xff":               `"` + "\ufffd" + `"`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// FuzzQuote checks that what is quoted is a JSON string of the same text, and visible.
func FuzzQuote(f *testing.F) {
	f.Add("a\x1b\u009b\U000E0067\"\\")
	f.Fuzz(func(t *testing.T, in string) {
		quoted := Quote(in)
		var back string
		if err := json.Unmarshal([]byte(quoted), &back); err != nil {
			t.Fatalf("Quote(%q) = %s: %v", in, quoted, err)
		}
		if utf8.ValidString(in) && back != in {
			t.Errorf("Quote(%q) is read as %q", in, back)
		}
		if strings.ContainsFunc(quoted, Invisible) {
			t.Errorf("Quote(%q) = %q shows what can't be seen", in, quoted)
		}
	})
}
