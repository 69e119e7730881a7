package dialects

import (
	"bytes"
	"math"
	"strconv"
)

// failure is a provider's error in OpenAI's terms.
type failure struct {
	status     int
	kind, code string
	message    []byte
}

// classify maps Anthropic's error types, and the messages that tell cases of one
// type apart. The status is the provider's own, 0 when there is none, as for an
// error in the middle of a stream.
func classify(kind string, message []byte, status int) failure {
	f := failure{status: status, kind: kind, code: kind, message: message}
	switch kind {
	case "invalid_request_error":
		f.kind, f.code = "invalid_request_error", invalidCode(message)
		f.or(400)
		if f.code == "insufficient_quota" {
			f.kind, f.status = "insufficient_quota", 429
		}
	case "authentication_error":
		f.code = "invalid_api_key"
		f.or(401)
	case "billing_error":
		f.kind, f.code, f.status = "insufficient_quota", "insufficient_quota", 429
	case "permission_error":
		f.or(403)
	case "not_found_error":
		f.code = "model_not_found"
		if !bytes.HasPrefix(message, []byte("model")) {
			f.code = "not_found_error"
		}
		f.or(404)
	case "request_too_large":
		f.kind = "invalid_request_error"
		f.or(413)
	case "rate_limit_error":
		f.code = "rate_limit_exceeded"
		f.or(429)
	case "overloaded_error":
		f.kind, f.code, f.status = "server_error", "overloaded", 503
	case "timeout_error":
		f.kind = "server_error"
		f.or(504)
	case "api_error":
		f.kind = "server_error"
		f.or(500)
	default:
		f.unknown()
	}
	return f
}

// invalidCode tells the kinds of invalid request apart that Anthropic only words
// differently.
func invalidCode(message []byte) string {
	for _, known := range [...]struct{ words, code string }{
		{"prompt is too long", "context_length_exceeded"},
		{"exceed context limit", "context_length_exceeded"},
		{"exceeds the context window", "context_length_exceeded"},
		{"content filtering policy", "content_policy_violation"},
		{"credit balance is too low", "insufficient_quota"},
	} {
		if bytes.Contains(message, []byte(known.words)) {
			return known.code
		}
	}
	return "invalid_request_error"
}

// or sets the status when there is none, or when it claims success.
func (f *failure) or(status int) {
	if f.status < 400 {
		f.status = status
	}
}

// unknown names an error by its status alone.
func (f *failure) unknown() {
	f.or(502)
	switch {
	case f.status == 401:
		f.kind, f.code = "authentication_error", "invalid_api_key"
	case f.status == 403:
		f.kind, f.code = "permission_error", "permission_error"
	case f.status == 404:
		f.kind, f.code = "not_found_error", "not_found_error"
	case f.status == 429:
		f.kind, f.code = "rate_limit_error", "rate_limit_exceeded"
	case f.status == 529:
		f.kind, f.code, f.status = "server_error", "overloaded", 503
	case f.status >= 500:
		f.kind, f.code = "server_error", "upstream_error"
	default:
		f.kind, f.code = "invalid_request_error", "invalid_request_error"
	}
	if f.status >= 520 { // Cloudflare's own, and nothing that clients know
		f.status = 502
	}
}

// write writes {"error":{…}} without closing the outer object.
func (f *failure) write(w *writer) {
	w.open('{')
	w.name("error")
	w.open('{')
	w.memberText("message", f.message)
	w.memberText("type", []byte(f.kind))
	w.memberLiteral("param", "null")
	w.memberText("code", []byte(f.code))
	w.close('}')
}

// writeFailure answers normalise_response with a classified error.
func writeFailure(w *writer, env *envelope, f failure) {
	f.write(w)
	w.memberInt("status", int64(f.status))
	if ms := retryAfter(text(env.headers.Member("retry-after"))); ms > 0 {
		w.memberInt("retry_after_ms", ms)
	}
	w.close('}')
}

// retryAfter reads a number of seconds, in milliseconds; 0 for anything else.
func retryAfter(header value) int64 {
	seconds, ok := header.Number()
	if !ok || !(seconds > 0 && seconds < 1e9) {
		return 0
	}
	return int64(math.Ceil(seconds * 1000))
}

// readFailure reads an error reply, whatever it looks like.
func readFailure(env *envelope) failure {
	fault := env.body.Member("error")
	if fault.Kind() != '{' {
		return classify("", garbled(env), env.status)
	}
	message := text(fault.Member("message"))
	if len(message) == 0 {
		message = []byte("The provider gave no message.")
	}
	return classify(string(text(fault.Member("type"))), message, env.status)
}

// maxQuote bounds how much of an unreadable reply is shown, in bytes.
const maxQuote = 200

// garbled says what came in place of a reply.
func garbled(env *envelope) []byte {
	message := append([]byte("The provider answered with status "), strconv.Itoa(env.status)...)
	shown := bytes.Trim(text(env.text), " \t\r\n")
	if env.body != nil {
		shown = env.body
	}
	if len(shown) == 0 {
		return append(message, " and an empty body."...)
	}
	message = append(message, " and a body that is not in Anthropic's format: "...)
	return append(message, shown[:min(len(shown), maxQuote)]...)
}
