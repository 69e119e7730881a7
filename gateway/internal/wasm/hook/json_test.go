package hook

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScan holds the scanner against encoding/json: the same bytes are valid to both,
// apart from depth and bad UTF-8, about which the scanner is stricter.
func FuzzScan(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+3,"\u00e9\n",true,false,null,{}],"b":{}}`, `[`, `{"a"}`, `01`, `-`, `1.`, `"\x"`, `"a`, ` 1 `, "\x00", `[1,]`, `{,}`, `nul`, `[[`, `{"a":1,}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := Scan{B: b}
		s.Raw()
		err := s.End()
		if err == nil != json.Valid(b) {
			if err != nil && (strings.Contains(err.Error(), "too deep") || !utf8.Valid(b)) {
				return
			}
			t.Fatalf("scan(%q) = %v, encoding/json says %v", b, err, json.Valid(b))
		}
		if _, err := ReadReply(b); err == nil && !json.Valid(b) {
			t.Fatalf("readReply took %q", b)
		}
		var bal RankingBuilder
		bal.Reset(3)
		_ = ReadRanking(&bal, b)
		_ = ReadFlat(&bal, b)
		_, _, _ = ReadCall(b)
		_, _, _ = SplitFrame(b)
	})
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "q\"b\\s", "\x00\n\t\x1f\x7f", "é\xff\xc3", "\u2028", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw := AppendString(nil, s)
		var back string
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatalf("appendString(%q) = %s: %v", s, raw, err)
		}
		want := string([]rune(s)) // one U+FFFD for every byte that is no character
		if back != want {
			t.Fatalf("appendString(%q) reads back as %q, want %q", s, back, want)
		}
		if v, ok := Unquote(raw); !ok || v != want {
			t.Fatalf("unquote(%s) = %q, %v", raw, v, ok)
		}
	})
}
