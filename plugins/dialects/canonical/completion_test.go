package canonical

import "testing"

// TestMessageBesideDelta wants a plain reply to be its message and a chunk its delta, in
// whatever order they stand, and the one that is there where the other is not.
func TestMessageBesideDelta(t *testing.T) {
	for _, tt := range []struct{ choice, message, delta string }{
		{`{"message":{"content":"all"},"delta":{"content":""}}`, "all", ""},
		{`{"delta":{"content":""},"message":{"content":"all"}}`, "all", ""},
		{`{"delta":{"content":"ll"},"message":{"content":"all"}}`, "all", "ll"},
		{`{"message":{"content":"all"},"delta":{"content":"ll"}}`, "all", "ll"},
		{`{"message":{"content":"all"}}`, "all", "all"},
		{`{"delta":{"content":"ll"},"message":null}`, "ll", "ll"},
		{`{"delta":null}`, "", ""},
	} {
		c := ReadCompletion(Value(`{"choices":[` + tt.choice + `]}`))
		message, delta := c.Message(), c.Delta()
		if got := string(Inside(message.Content)); got != tt.message {
			t.Errorf("Message(%s) = %q, want %q", tt.choice, got, tt.message)
		}
		if got := string(Inside(delta.Content)); got != tt.delta {
			t.Errorf("Delta(%s) = %q, want %q", tt.choice, got, tt.delta)
		}
	}
}
