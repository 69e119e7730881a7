package hook

import (
	"net/http"
	"strings"
	"testing"
)

// TestACompletionMayHaveAStatusOfItsOwn: a dialect may pass a provider's members on.
func TestACompletionMayHaveAStatusOfItsOwn(t *testing.T) {
	for out, want := range map[string]Reply{
		`{"id":"1","status":"completed","retry_after_ms":{}}`: {},
		`{"status":1e999}`: {},
		`{"error":{"message":"m"},"status":429,"retry_after_ms":1500}`: {Error: []byte(`{"message":"m"}`), status: 429, retryAfter: 1500},
		`{"error":{},"status":"429"}`:                                  {Error: []byte(`{}`)},
	} {
		got, err := ReadReply([]byte(out))
		if err != nil || string(got.Error) != string(want.Error) || got.status != want.status || got.retryAfter != want.retryAfter {
			t.Errorf("readReply(%s) = %+v, %v, want %+v", out, got, err, want)
		}
	}
}

func TestMemberAt(t *testing.T) {
	for message, want := range map[string]string{"messages[2].content[0].image_url: no": "messages[2].content[0].image_url", "n: no": "n",
		"no: ": "no", "no audio: none": "", "n:no": "", ": x": "", "": "", "a/b: x": "", strings.Repeat("x", 300) + ": y": ""} {
		if got := MemberAt(message); got != want {
			t.Errorf("memberAt(%q) = %q, want %q", message, got, want)
		}
	}
}

func TestFailedLines(t *testing.T) {
	if got, err := ReadLine([]byte(`{"choices":null,"usage":{"prompt_tokens":1}}`)); err != nil || got.HasChoices {
		t.Errorf("usage beside no choices: %+v, %v", got, err)
	}
	for line, want := range map[string]bool{`{"error":{"message":"overloaded"},"status":529}`: true, "[DONE]": false, `{"choices":[]}`: false, `{"error":null}`: false} {
		if HasError([]byte(line)) != want {
			t.Errorf("failed(%s) = %v", line, !want)
		}
	}
}

func TestAStatusIsAWholeNumberOfAnError(t *testing.T) {
	for _, status := range []string{`"200"`, `200.5`, `[]`, `1e3`} {
		if _, err := ReadRenderedReply([]byte(`{"status":`+status+`,"body":{}}`), 200); err == nil {
			t.Errorf("the status %s is taken", status)
		}
	}
	for _, status := range []int64{499, 99, 200, 600, -5} {
		if got := (Reply{Error: []byte(`{}`), status: status}).ProviderError(http.StatusTeapot); got.Status != http.StatusTeapot {
			t.Errorf("an error of which the module says status %d becomes %d, want the provider's own", status, got.Status)
		}
	}
}
