package jsontext_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

func TestUnquote(t *testing.T) {
	for raw, want := range map[string]string{
		`""`: "", ` "a" `: "a", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t", `"\u0041\u00e9\u20AC"`: "Aé€",
		`"\ud83d\ude00"`: "😀", `"\ud83d"`: "\uFFFD", `"\ude00\ud83dx"`: "\uFFFD\uFFFDx", `"\ud83d\u0041"`: "\uFFFDA",
		"\"a\xff\xfeb\"": "a\uFFFD\uFFFDb", "\"\\n\xff\"": "\n\uFFFD",
	} {
		if got, ok := jsontext.Unquote([]byte(raw)); !ok || got != want {
			t.Errorf("Unquote(%s) = %q, %t, want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{"", "a", "1", "null", "[]", `{"a":"b"}`, `"a`, `"a" "b"`, `"\q"`} {
		if got, ok := jsontext.Unquote([]byte(raw)); ok || got != "" {
			t.Errorf("Unquote(%s) = %q, %t, want nothing", raw, got, ok)
		}
	}
}

func TestTextIs(t *testing.T) {
	for raw, want := range map[string]bool{`"model"`: true, `"m\u006fdel"`: true, `"Model"`: false, `"mod\n"`: false, `"models"`: false, `""`: false} {
		s := jsontext.New([]byte(raw), 0, jsontext.Grammar)
		if got := s.Text().Is("model"); got != want {
			t.Errorf("Is(%s) = %t, want %t", raw, got, want)
		}
	}
}

// TestTextOfAnything holds that a Text that no scanner has checked does no harm.
func TestTextOfAnything(t *testing.T) {
	for raw, want := range map[string]string{`\`: `\`, `a\q`: `a\q`, `\u12`: `\u12`, `\ud83d\u`: "\uFFFD\\u"} {
		if got := string((jsontext.Text{Raw: []byte(raw)}).Append(nil)); got != want {
			t.Errorf("%s reads as %q, want %q", raw, got, want)
		}
	}
}

// FuzzText puts arbitrary bytes between quotes, where FuzzScan rarely gets.
func FuzzText(f *testing.F) {
	for _, in := range []string{"", `plain \u00e9 \ud83d\ude00 é 日本 \n`, `\ud83d\ud83d\ude00`, "0123456\xff", `\\ud800`, `a","b`, "\x1f"} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		raw := append(append([]byte{'"'}, in...), '"')
		var want string
		err := json.Unmarshal(raw, &want)
		got, ok := jsontext.Unquote(raw)
		if ok != (err == nil) || got != want {
			t.Fatalf("Unquote(%q) = %q, %t, want %q, %v", raw, got, ok, want, err)
		}
		s := jsontext.New(raw, 0, jsontext.Grammar)
		text := s.Text()
		if !ok || s.End() != nil {
			return
		}
		if string(text.Append([]byte("before "))) != "before "+want {
			t.Fatalf("Append(%q) = %q", raw, text.Append(nil))
		}
		if utf8.Valid(in) && (text.Size != len(want) || !text.Is(want) || text.Escaped() != strings.Contains(string(in), `\`)) {
			t.Fatalf("%q has size %d, escaped %t, want %d", raw, text.Size, text.Escaped(), len(want))
		}
	})
}
