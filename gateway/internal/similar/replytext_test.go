package similar

import "testing"

func TestReplyText(t *testing.T) {
	for reply, want := range map[string]string{
		`{"id":"x","choices":[{"message":{"role":"assistant","content":"a \"b\"","refusal":null}}]}`:     `a "b"`,
		`{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"model":"m"}`:                "ab",
		`{"output":[{"type":"message","content":[{"type":"output_text","text":"a","annotations":[]}]}]}`: "a",
		`{"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]},"finishReason":"STOP"}]}`:     "a",
		`{"choices":[{"message":{"content":null}}]}`:                                                     "",
		`{"content":"a"`: "",
		`nonsense`:       "",
	} {
		if got := ReplyText([]byte(reply)); got != want {
			t.Errorf("ReplyText(%s) = %q, want %q", reply, got, want)
		}
	}
}
