package jsontext_test

import (
	"encoding/json"
	"testing"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

func TestAppendQuote(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "plain": `"plain"`, `a"b\c/d`: `"a\"b\\c/d"`, "\b\f\n\r\t": `"\b\f\n\r\t"`,
		"\x00\x1f\x7f": "\"\\u0000\\u001f\x7f\"", "é漢😀\u2028<&>": "\"é漢😀\u2028<&>\"", "a\xff\xc3": "\"a\uFFFD\uFFFD\"", "\xed\xa0\x80": "\"\uFFFD\uFFFD\uFFFD\"",
	} {
		if got := string(jsontext.AppendQuote(nil, in)); got != want {
			t.Errorf("AppendQuote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestAppendMap(t *testing.T) {
	for _, tt := range []struct {
		in   map[string]string
		want string
	}{
		{nil, `{}`},
		{map[string]string{"b": "2", "a": "1", "c\n": ""}, `{"a":"1","b":"2","c\n":""}`},
	} {
		if got := string(jsontext.AppendMap(nil, tt.in)); got != tt.want {
			t.Errorf("AppendMap(%v) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// FuzzQuote holds that what is quoted is what encoding/json means by it, and is read back.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "plain", "q\"b\\s", "\x00\b\n\t\x1f\x7f", "é\xff\xc3", "\u2028<&>", "\xed\xa0\x80", "äöü 漢字 🙂"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		raw := jsontext.AppendQuote(nil, in)
		want := string([]rune(in)) // U+FFFD for every byte that is no character
		var theirs string
		if err := json.Unmarshal(raw, &theirs); err != nil || theirs != want {
			t.Fatalf("AppendQuote(%q) = %s, which encoding/json reads as %q, %v", in, raw, theirs, err)
		}
		if got, ok := jsontext.Unquote(raw); !ok || got != want {
			t.Fatalf("Unquote(%s) = %q, %t, want %q", raw, got, ok, want)
		}
		if err := jsontext.Validate(raw, 0, jsontext.UTF8|jsontext.Pairs); err != nil {
			t.Fatalf("AppendQuote(%q) = %s: %v", in, raw, err)
		}
	})
}
