package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzReadChunk holds the scanner against encoding/json: it accepts the same texts
// (but for depth and invalid UTF-8, which it passes on), and reads the same values.
func FuzzReadChunk(f *testing.F) {
	for _, seed := range []string{
		`{"model":"m","choices":[{"index":0,"delta":{"content":"x\u00e9\n"},"finish_reason":null}],"usage":null}`,
		`{"choices":[],"usage":{"prompt_tokens":1e2}}`, `{"error":{"message":"no"}}`, `{"error":null}`,
		`{"choices":[{"message":{"tool_calls":[{"id":"a"}]},"finish_reason":"tool_calls"}]}`,
		`{"x_groq":{"usage":{}},"a":[1,-0.5E+3,true,{}]}`, `{"a":01}`, `{"a":}`, `{,}`, `{"a" 1}`, `[1]`, `{"a":"\ud83d"}`, `{} x`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, ok := readChunk(data)
		var want map[string]json.RawMessage
		err := json.Unmarshal(data, &want)
		if nesting(data) > 200 {
			return
		}
		if isObject := strings.HasPrefix(strings.TrimLeft(string(data), " \t\r\n"), "{"); ok != (err == nil && isObject) {
			t.Fatalf("readChunk(%q) = %t, but encoding/json says %v", data, ok, err)
		}
		if !ok || strings.Contains(string(data), `\`) {
			return // names may be spelt with escapes
		}
		var seen struct{ Choices []json.RawMessage }
		if json.Unmarshal(data, &seen) == nil && strings.Count(string(data), `"choices"`) == 1 && want["choices"] != nil {
			if c.choices && c.empty != (len(seen.Choices) == 0) {
				t.Fatalf("readChunk(%q): empty = %t, want %d choices", data, c.empty, len(seen.Choices))
			}
		}
	})
}

func nesting(data []byte) int {
	return strings.Count(string(data), "[") + strings.Count(string(data), "{")
}

func BenchmarkReadChunk(b *testing.B) {
	data := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-5","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":"gateway "},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"abcdef"}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := readChunk(data); !ok {
			b.Fatal("not sound")
		}
	}
}
