package wire

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// renderOpenAI makes an error reply in OpenAI's form. A provider's own error in that form
// passes unchanged.
func renderOpenAI(e *llm.Error, _ string) llm.Rendered {
	body := append(openAIError(e), '\n')
	if len(e.Body) > 0 && e.Dialect == "" {
		body = e.Body
	}
	return llm.Rendered{Status: openAIStatus(e), Body: body}
}

// breakOpenAI is the event by which OpenAI ends a stream with an error.
func breakOpenAI(e *llm.Error, _ string) []byte {
	return append(append([]byte("data: "), openAIError(e)...), "\n\n"...)
}

// openAIStatus keeps odd statuses of providers from confusing clients: they know
// what 503 means, but not 529.
func openAIStatus(e *llm.Error) int {
	if s := replyStatus(e); s != statusOverloaded {
		return s
	}
	return http.StatusServiceUnavailable
}

// statusOverloaded is Anthropic's status for "come back later".
const statusOverloaded = 529

// replyStatus is the status of an error reply, which must be that of an error.
func replyStatus(e *llm.Error) int {
	if s := e.HTTPStatus(); s >= 400 && s <= 599 {
		return s
	}
	return http.StatusInternalServerError
}

// openAIError has all four members that OpenAI's API description requires.
func openAIError(e *llm.Error) []byte {
	type fault struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
		// Details is Penstock's own.
		Details *errorDetails `json:"details,omitempty"`
	}
	f := fault{Message: e.Message, Type: openAIType(e), Details: detailsOf(e)}
	if e.Param != "" {
		f.Param = &e.Param
	}
	if code := string(e.Code); code != "" {
		f.Code = &code
	}
	// Strings always encode, so there is no error to pass on.
	body, _ := json.Marshal(map[string]fault{"error": f})
	return body
}

// openAIType is OpenAI's word for the class of a status.
func openAIType(e *llm.Error) string {
	if e.Type != "" {
		return e.Type
	}
	switch s := openAIStatus(e); {
	case e.Code == llm.CodeBudget:
		return "insufficient_quota"
	case s == http.StatusUnauthorized:
		return "authentication_error"
	case s == http.StatusForbidden:
		return "permission_error"
	case s == http.StatusNotFound:
		return "not_found_error"
	case s == http.StatusTooManyRequests:
		return "rate_limit_error"
	case s < 500:
		return "invalid_request_error"
	}
	return "server_error"
}

// renderAnthropic makes an error reply in the form of
// https://docs.anthropic.com/en/api/errors. A provider's own error in that form passes
// unchanged.
func renderAnthropic(e *llm.Error, requestID string) llm.Rendered {
	r := llm.Rendered{Status: replyStatus(e), Body: anthropicError(e, requestID)}
	if len(e.Body) > 0 && e.Dialect == llm.Anthropic {
		r.Body = e.Body
	}
	return r
}

// breakAnthropic is the event by which Anthropic ends a stream with an error.
func breakAnthropic(e *llm.Error, requestID string) []byte {
	var object bytes.Buffer
	if json.Compact(&object, renderAnthropic(e, requestID).Body) != nil { // a line break would end the data
		object = *bytes.NewBuffer(anthropicError(e, requestID))
	}
	return append(append([]byte("event: error\ndata: "), object.Bytes()...), "\n\n"...)
}

func anthropicError(e *llm.Error, requestID string) []byte {
	type fault struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		// Details is Penstock's own.
		Details *errorDetails `json:"details,omitempty"`
	}
	body, _ := json.Marshal(struct {
		Type      string `json:"type"`
		Error     fault  `json:"error"`
		RequestID string `json:"request_id,omitempty"`
	}{"error", fault{anthropicType(e), e.Message, detailsOf(e)}, requestID})
	return body
}

// anthropicType is Anthropic's word for the class of a status.
func anthropicType(e *llm.Error) string {
	switch s := replyStatus(e); {
	case s == http.StatusUnauthorized:
		return "authentication_error"
	case s == http.StatusPaymentRequired:
		return "billing_error"
	case s == http.StatusForbidden:
		return "permission_error"
	case s == http.StatusNotFound:
		return "not_found_error"
	case s == http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case s == http.StatusTooManyRequests:
		return "rate_limit_error"
	case s == http.StatusServiceUnavailable || s == statusOverloaded:
		return "overloaded_error"
	case s == http.StatusGatewayTimeout:
		return "timeout_error"
	case s >= 500:
		return "api_error"
	}
	return "invalid_request_error"
}
