package apierror

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Read makes an error of a provider's error reply, in whatever shape the
// OpenAI-compatible providers and the big others have it: the class of the fault, a
// message, when to retry, and a Body to pass on, which is the provider's own when
// that is an OpenAI error object and otherwise one made from it. Use a status of 0
// or 200 for an error that stands in a reply that began well.
func Read(status int, h http.Header, raw []byte, now time.Time) *llm.Error {
	d := parseDetail(h, raw)
	effective := d.effective(status)
	fault := d.classify(effective)
	e := &llm.Error{
		Code:    d.code(fault),
		Status:  visibleStatus(effective),
		Type:    d.kind(effective, fault),
		Message: d.Message,
		Param:   d.Param,
		Fault:   fault,

		Credential: (fault == llm.FaultAuth || fault == llm.FaultQuota) && d.credential(status),
	}
	if mayWait(fault) {
		e.RetryAfter = retryAfter(h, raw, now)
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("The provider answered with status %d and no readable reason.", effective)
	}
	e.Body = d.render(e)
	return e
}

// visibleStatus maps the statuses that only some providers know to ones that every client
// knows.
func visibleStatus(status int) int {
	switch {
	case status == 529 || status == 498: // Anthropic's "overloaded", Groq's "flex is full"
		return http.StatusServiceUnavailable
	case status >= 520 && status < 528: // Cloudflare in front of a broken origin
		return http.StatusBadGateway
	case status < 400 || status > 599:
		return http.StatusBadGateway
	}
	return status
}

// detail is what an error reply says, whatever its shape.
type detail struct {
	Message, Type, Code, Param string
	// Status is the status that the body itself gives, 0 if none.
	Status int
	// words is the message in small letters without what it quotes.
	words string
	// hasMessage reports that the body is JSON and gives a message.
	hasMessage bool
	// members are those of the error object, for rendering; raw is the body when
	// it is a whole OpenAI error object.
	members map[string]json.RawMessage
	raw     []byte
}

// parseDetail never fails: a body that is not JSON gives its first line, or
// nothing at all when it is HTML.
func parseDetail(h http.Header, raw []byte) detail {
	var d detail
	// Bedrock names the class in a header, with a URL behind it.
	d.Type, _, _ = strings.Cut(h.Get("X-Amzn-Errortype"), ":")
	top := object(raw)
	if list := array(raw); len(list) > 0 { // Gemini streaming without alt=sse
		top = object(list[0])
	}
	if top == nil {
		d.Message = plain(raw)
		d.words = unquoted(d.Message)
		return d
	}
	d.top(top)
	d.hasMessage = d.Message != ""
	d.words = unquoted(d.Message)
	if d.complete() && len(object(raw)) > 0 {
		d.raw = raw
	}
	return d
}

// top reads the outermost object.
func (d *detail) top(top map[string]json.RawMessage) {
	inner := object(top["error"])
	if inner != nil {
		d.members = inner
		d.fields(inner)
	}
	// xAI, Hugging Face and Ollama have the message itself in "error", Mistral and
	// Voyage in "detail", Cloudflare in "errors", MiniMax in "base_resp", Cohere and Bedrock
	// at the top.
	d.Message = first(d.Message, text(top["error"]), reason(top["detail"]), reason(top["errors"]), text(object(top["base_resp"])["status_msg"]))
	d.fields(top)
}

// fields takes from an object what is not yet known.
func (d *detail) fields(m map[string]json.RawMessage) {
	d.Message = first(d.Message, text(m["message"]), text(m["Message"]), text(m["msg"]),
		text(m["error_message"]), text(m["error_msg"]), text(m["errorMessage"]))
	d.Type = first(d.Type, text(m["type"]), text(m["error_type"]), text(m["status"]))
	d.Code = first(d.Code, text(m["code"]))
	d.Param = first(d.Param, text(m["param"]))
	for _, name := range [...]string{"status_code", "status", "code", "http_status_code"} {
		n := number(m[name])
		if digits := text(m[name]); n == 0 && len(digits) == 3 {
			n = number([]byte(digits)) // Azure writes its codes as strings
		}
		if d.Status == 0 && n >= 400 && n < 600 {
			d.Status = n
		}
	}
	d.reasons(m["details"])
}

// reasons takes Google's code out of the details of an error: "API_KEY_INVALID".
func (d *detail) reasons(details json.RawMessage) {
	for _, item := range array(details) {
		d.Code = first(d.Code, text(object(item)["reason"]))
	}
}

// complete reports whether the error object has the four members that OpenAI's
// description requires, with their types.
func (d *detail) complete() bool {
	m := d.members
	_, hasParam := m["param"]
	_, hasCode := m["code"]
	return isString(m["message"]) && isString(m["type"]) && hasParam && stringOrNull(m["param"]) && hasCode && stringOrNull(m["code"])
}

// effective is the status that counts: the reply's own, or where that claims
// success the one in the body.
func (d *detail) effective(status int) int {
	if status >= 300 {
		return status
	}
	if d.Status != 0 {
		return d.Status
	}
	if known := statusOf(d.Code); known != 0 {
		return known
	}
	return cmp.Or(statusOf(d.Type), http.StatusInternalServerError)
}

// statusOf is the status that a provider gives this type or code of error when it can; 0
// when that is not known.
func statusOf(kind string) int {
	switch strings.ToLower(kind) {
	case "context_length_exceeded", "content_policy_violation", "invalid_request_error", "invalid_argument", "validationexception", "failed_precondition", "badrequesterror":
		return 400
	case "authentication_error", "unauthenticated", "invalid_api_key":
		return 401
	case "permission_error", "permission_denied", "accessdeniedexception":
		return 403
	case "not_found_error", "not_found", "resourcenotfoundexception":
		return 404
	case "request_too_large":
		return 413
	case "billing_error", "insufficient_balance":
		return 402
	case "rate_limit_error", "rate_limit_exceeded", "resource_exhausted", "throttlingexception":
		return 429
	case "overloaded_error", "overloaded", "server_overloaded", "unavailable", "serviceunavailableexception":
		return 503
	case "deadline_exceeded", "timeout_error", "modeltimeoutexception":
		return 504
	}
	return 0
}

// code is the provider's code, else the gateway's for this fault.
func (d *detail) code(f llm.Fault) llm.Code {
	if d.Code != "" {
		return llm.Code(d.Code)
	}
	switch f {
	case llm.FaultRateLimited:
		return llm.CodeRateLimited
	case llm.FaultQuota:
		return "insufficient_quota"
	case llm.FaultAuth:
		return llm.CodeUnauthenticated
	case llm.FaultContextLength:
		return llm.CodeContextLength
	case llm.FaultContentPolicy:
		return llm.CodeContentPolicy
	case llm.FaultNotFound:
		return llm.CodeModelNotFound
	case llm.FaultBadRequest:
		return llm.CodeInvalidRequest
	}
	return llm.CodeUpstream
}

// kind is OpenAI's type for the error: the provider's own if it is one of those,
// else what the status says.
func (d *detail) kind(status int, f llm.Fault) string {
	switch {
	case len(d.members) > 0 && isString(d.members["type"]) && d.Type != "" && !foreign(d.Type):
		return d.Type
	case f == llm.FaultQuota:
		return "insufficient_quota"
	case f == llm.FaultAuth && status != http.StatusForbidden:
		return "authentication_error"
	}
	switch {
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

// foreign reports Anthropic's types that OpenAI has other words for.
func foreign(kind string) bool {
	switch kind {
	case "overloaded_error", "timeout_error", "api_error", "request_too_large", "billing_error":
		return true
	}
	return false
}

// render is the body to pass on: the provider's own bytes if they will do, else its
// error object completed to OpenAI's four members.
func (d *detail) render(e *llm.Error) []byte {
	if d.raw != nil {
		return d.raw
	}
	out := map[string]any{}
	for k, v := range d.members {
		out[k] = v
	}
	out["message"], out["type"], out["code"], out["param"] = e.Message, e.Type, e.Code, nil
	if e.Param != "" {
		out["param"] = e.Param
	}
	b, err := json.Marshal(map[string]any{"error": out})
	if err != nil { // the raw members came out of a decoder, so this cannot happen
		return nil
	}
	return b
}

// plain is what a body that is not JSON says, if it is short text and no page.
func plain(raw []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(raw), []byte("\n"))
	line = bytes.TrimSpace(line)
	if len(line) == 0 || len(line) > 300 || bytes.ContainsAny(line, "<>{}\x00") || !utf8.Valid(line) {
		return ""
	}
	return string(line)
}

// reason reads FastAPI's "detail": a string, or a list of faults with their places,
// or an object with a message.
func reason(raw json.RawMessage) string {
	if s := text(raw); s != "" {
		return s
	}
	if m := object(raw); m != nil {
		return first(text(m["message"]), text(m["msg"]))
	}
	var all []string
	for _, item := range array(raw) {
		m := object(item)
		var loc []string
		for _, part := range array(m["loc"]) {
			loc = append(loc, strings.Trim(string(part), `"`))
		}
		all = append(all, strings.TrimPrefix(strings.Join(loc, ".")+": "+first(text(m["msg"]), text(m["message"]), text(item)), ": "))
	}
	return strings.Join(all[:min(len(all), 5)], "; ")
}
