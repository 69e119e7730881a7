package llm

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzToolsHash wants any text read to its end, and a JSON text to have the same hash however
// it is laid out and wherever marks for the provider's cache are in it.
func FuzzToolsHash(f *testing.F) {
	for _, text := range []string{"", `"`, `"\`, `"\\"`, `["a\"b", "c\\"]`, `[{"name":"f","description":"\"quoted\" \\","n":1}]`, `{"cache_control":null,"a":"b"}`, `{"cache_control"`, `{"cache_control":{`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sum := toolsHash(text)
		var laidOut bytes.Buffer
		if !json.Valid(text) || json.Indent(&laidOut, text, " ", "\t") != nil {
			return
		}
		if got := toolsHash(laidOut.Bytes()); got != sum {
			t.Errorf("the hash of %s is %x, of %s it is %x", text, sum, laidOut.Bytes(), got)
		}
		if strings.HasPrefix(string(text), "{}") || !strings.HasPrefix(string(text), `{"`) {
			return
		}
		marked := `{"cache_control": {"type":"ephemeral","ttl":"1h"} ,` + string(text[1:])
		if got := toolsHash([]byte(marked)); got != sum {
			t.Errorf("the hash of %s is %x, of %s it is %x", text, sum, marked, got)
		}
	})
}

// TestTextHash holds values that other gateways rely on, and wants every byte of a text to count.
func TestTextHash(t *testing.T) {
	for text, want := range map[string]uint64{"": 0, "a": 0x6f74407994c4dd68, "eight by": 0xff68d68e80563dbb, "more than eight bytes": 0x9f32cac1683ad66b} {
		if got := TextHash([]byte(text)); got != want {
			t.Errorf("TextHash(%q) = %#x, want %#x", text, got, want)
		}
	}
	seen := map[uint64]string{}
	for n := range 40 {
		text := bytes.Repeat([]byte("x"), n)
		for i := range n {
			text[i] = 'y'
			if other, twice := seen[TextHash(text)]; twice {
				t.Errorf("%q and %q have the same hash", text, other)
			}
			seen[TextHash(text)] = string(text)
			text[i] = 'x'
		}
	}
}
