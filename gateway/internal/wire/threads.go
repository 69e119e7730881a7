package wire

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// A thread of Anthropic's Messages API (beta message-threads-2026-08-12) is a conversation
// that the provider keeps: a request that continues one holds what is new only. The request
// that begins a thread holds everything, so any target can answer it.

// continuesThread reports whether a request of the Messages API continues a thread.
func continuesThread(body []byte) bool {
	if !bytes.Contains(body, []byte(`"previous_message_id"`)) {
		return false
	}
	var r struct {
		Thread struct {
			Previous string `json:"previous_message_id"`
		}
	}
	return json.Unmarshal(body, &r) == nil && r.Thread.Previous != ""
}

// threadNotFound is the error of such a request at a target that does not speak Anthropic's
// dialect. Its code makes Anthropic's clients send the whole conversation instead.
func threadNotFound(requestID string) *llm.Error {
	const message = "thread: the provider of this model keeps no threads; send all messages of the conversation"
	body, _ := json.Marshal(map[string]any{"type": "error", "request_id": requestID, "error": map[string]any{
		"type": "invalid_request_error", "message": message, "details": map[string]string{"error_code": "thread_not_found"}}})
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Fault: llm.FaultUnsupported, Retried: true,
		Message: message, Param: "thread", Body: body, Dialect: llm.Anthropic}
}
