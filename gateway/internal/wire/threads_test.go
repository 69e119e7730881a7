package wire

import (
	"encoding/json"
	"testing"
)

func TestContinuesThread(t *testing.T) {
	for body, want := range map[string]bool{
		`{"thread":{"type":"continue","previous_message_id":"msg_1"},"messages":[]}`:                    true,
		`{"thread":{"type":"create"},"messages":[]}`:                                                    false,
		`{"messages":[{"role":"user","content":"{\"thread\":{\"previous_message_id\":\"msg_1\"}}"}]}`:   false,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a","previous_message_id":1}]}]}`: false,
	} {
		if got := continuesThread([]byte(body)); got != want {
			t.Errorf("continuesThread(%s) = %v, want %v", body, got, want)
		}
	}
}

// TestThreadNotFound holds what Anthropic's clients look for before they send a
// conversation again.
func TestThreadNotFound(t *testing.T) {
	var e struct {
		Type  string
		Error struct {
			Details struct {
				Code string `json:"error_code"`
			}
		}
	}
	r := renderAnthropic(threadNotFound("req_1"), "req_1")
	if err := json.Unmarshal(r.Body, &e); err != nil || r.Status != 400 || e.Type != "error" || e.Error.Details.Code != "thread_not_found" {
		t.Errorf("error = %d %s, want the code thread_not_found", r.Status, r.Body)
	}
}
