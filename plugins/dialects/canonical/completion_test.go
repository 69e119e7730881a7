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
		for object, want := range map[string]string{"chat.completion": tt.message, "chat.completion.chunk": tt.delta} {
			c := ReadCompletion(Value(`{"object":"` + object + `","choices":[` + tt.choice + `]}`))
			first := c.First()
			if got := string(Inside(first.Content)); got != want {
				t.Errorf("the answer of a %s with %s is %q, want %q", object, tt.choice, got, want)
			}
		}
	}
}
