package wire

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// renderGemini makes an error reply in Google's form. A provider's own error in that form
// passes unchanged.
func renderGemini(e *llm.Error, _ string) llm.Rendered {
	status := openAIStatus(e)
	if len(e.Body) > 0 && e.Dialect == llm.Gemini {
		return llm.Rendered{Status: status, Body: e.Body}
	}
	type fault struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
		Details []any  `json:"details,omitempty"`
	}
	body, _ := json.Marshal(map[string]fault{"error": {status, e.Message, geminiStatus(status), geminiDetails(e)}})
	return llm.Rendered{Status: status, Body: append(body, '\n')}
}

// geminiStatus is Google's word for the class of a status.
func geminiStatus(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case status == http.StatusForbidden:
		return "PERMISSION_DENIED"
	case status == http.StatusNotFound:
		return "NOT_FOUND"
	case status == http.StatusConflict:
		return "ABORTED"
	case status == http.StatusTooManyRequests || status == http.StatusPaymentRequired:
		return "RESOURCE_EXHAUSTED"
	case status == http.StatusServiceUnavailable:
		return "UNAVAILABLE"
	case status == http.StatusGatewayTimeout:
		return "DEADLINE_EXCEEDED"
	case status >= 500:
		return "INTERNAL"
	}
	return "INVALID_ARGUMENT"
}

// breakGemini is the event by which Google ends a stream with an error.
func breakGemini(e *llm.Error, requestID string) []byte {
	var object bytes.Buffer
	if json.Compact(&object, renderGemini(e, requestID).Body) != nil { // a line break would end the data
		bare := *e
		bare.Body = nil
		object = *bytes.NewBuffer(bytes.TrimSpace(renderGemini(&bare, requestID).Body))
	}
	return append(append([]byte("data: "), object.Bytes()...), "\n\n"...)
}
