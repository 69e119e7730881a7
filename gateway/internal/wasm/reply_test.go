package wasm

import "testing"

// TestACompletionMayHaveAStatusOfItsOwn: what a dialect passes through is the provider's.
func TestACompletionMayHaveAStatusOfItsOwn(t *testing.T) {
	for out, want := range map[string]reply{
		`{"id":"1","status":"completed","retry_after_ms":{}}`: {},
		`{"status":1e999}`: {},
		`{"error":{"message":"m"},"status":429,"retry_after_ms":1500}`: {failure: []byte(`{"message":"m"}`), status: 429, retryAfter: 1500},
		`{"error":{},"status":"429"}`:                                  {failure: []byte(`{}`)},
	} {
		got, err := readReply([]byte(out))
		if err != nil || string(got.failure) != string(want.failure) || got.status != want.status || got.retryAfter != want.retryAfter {
			t.Errorf("readReply(%s) = %+v, %v, want %+v", out, got, err, want)
		}
	}
}
