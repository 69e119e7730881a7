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

// TestTextHashIsTheSameEverywhere holds values that other gateways rely on.
func TestTextHashIsTheSameEverywhere(t *testing.T) {
	for text, want := range map[string]uint64{"": 0, "a": 0xdc87aed6c06c9f36, "eight by": 0x44c2ccfa3678eb09, "more than eight bytes": 0x2e7d748241316abe} {
		if got := TextHash([]byte(text)); got != want {
			t.Errorf("TextHash(%q) = %#x, want %#x", text, got, want)
		}
	}
}
