package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// fault is an error reply in OpenAI's format.
type fault struct {
	status               int
	code, message, param string
	// retryAfter goes into Retry-After, in whole seconds.
	retryAfter time.Duration
}

func (f fault) Error() string { return f.message }

func noModel(name string) fault {
	return fault{status: http.StatusNotFound, code: "model_not_found", param: "model",
		message: fmt.Sprintf("The model %q does not exist. Ask for demo, demo-fast or demo-smart.", name)}
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status int, f fault) {
	body := struct {
		Error struct {
			Message string  `json:"message"`
			Type    string  `json:"type"`
			Param   *string `json:"param"`
			Code    string  `json:"code"`
		} `json:"error"`
	}{}
	body.Error.Message, body.Error.Type, body.Error.Code = f.message, typeOf(status), f.code
	if f.param != "" {
		body.Error.Param = &f.param
	}
	b, err := json.Marshal(body)
	if err != nil { // strings always encode
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.retryAfter/time.Second)))
	}
	w.WriteHeader(status)
	w.Write(b)
}

func typeOf(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusNotFound:
		return "not_found_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	}
	return "invalid_request_error"
}

// requestedFault returns the error reply that a caller asked for.
func requestedFault(status int) fault {
	f := fault{code: "demo_fault", message: fmt.Sprintf("The demo provider was asked to fail with status %d.", status)}
	switch {
	case status == http.StatusTooManyRequests:
		f.code, f.retryAfter = "rate_limit_exceeded", 2*time.Second
	case status == http.StatusUnauthorized:
		f.code = "invalid_api_key"
	case status == http.StatusPaymentRequired:
		f.code = "insufficient_quota"
	case status == http.StatusNotFound:
		f.code = "model_not_found"
	case status >= 500:
		f.code = "server_error"
	}
	return f
}
