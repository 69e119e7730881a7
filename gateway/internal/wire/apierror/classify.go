package apierror

import (
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// classify sorts an error reply: by its code and type first, since providers agree on
// no status (a bad key is 400 at two of them, a spent quota 400, 402, 403 or 429), then
// by its status, and by the words of its message only where those leave it open.
func (d *detail) classify(status int) llm.Fault {
	switch {
	case d.tooLong(status):
		return llm.FaultContextLength
	case d.filtered(status):
		return llm.FaultContentPolicy
	case d.spent(status):
		return llm.FaultQuota
	case d.unauthorised(status):
		return llm.FaultAuth
	case d.throttled(status):
		return llm.FaultRateLimited
	case status == http.StatusPaymentRequired || status == http.StatusForbidden:
		return llm.FaultRefused // a firewall's page, a country, a bound too large for the credit left
	case d.absent(status):
		return llm.FaultNotFound
	case status == http.StatusNotFound || status == http.StatusGone:
		return llm.FaultRefused // a file or another thing that the request refers to
	case d.is("tool_use_failed"): // Groq: the model wrote a tool call that is none
		return llm.FaultMalformed
	case passing(status):
		return llm.FaultServer
	}
	return llm.FaultBadRequest
}

// passing reports a status that says "not now" rather than "not so".
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusFailedDependency, http.StatusTooEarly:
		return true
	}
	return status >= 500
}

// is reports whether the code or the type is one of these.
func (d *detail) is(names ...string) bool {
	for _, name := range names {
		if strings.EqualFold(d.Code, name) || strings.EqualFold(d.Type, name) {
			return true
		}
	}
	return false
}

// says reports whether the message holds one of these words, in small letters, outside
// of what it quotes.
func (d *detail) says(parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(d.words, part) {
			return true
		}
	}
	return false
}

// begins reports whether the message begins with one of these words. What a caller sent
// stands further on, if a message shows it at all.
func (d *detail) begins(parts ...string) bool {
	for _, part := range parts {
		if strings.HasPrefix(d.words, part) {
			return true
		}
	}
	return false
}

// open reports whether neither code nor type say what is wrong: then words may.
func (d *detail) open() bool { return vague(d.Code) && vague(d.Type) }

// vague reports a code or type that only says that there is an error.
func vague(word string) bool {
	if strings.Trim(word, "0123456789") == "" {
		return true // none, or a status
	}
	switch strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(word)) {
	case "invalid_request_error", "invalid_request", "invalid_argument", "bad_request", "badrequest", "badrequesterror",
		"bad_request_error", "failed_precondition", "validationexception", "validation", "validation_error", "value_error",
		"unknown_error", "error", "api_error", "server_error", "internal_server_error", "forbidden", "request_forbidden",
		"unprocessable_entity", "payment_required", "client_specified_an_invalid_argument":
		return true
	}
	return false
}

// elsewhere reports that the error names a member of the request other than the prompt,
// or a code of OpenAI's for a member that is wrong: it is not about its length.
func (d *detail) elsewhere() bool {
	return d.is("invalid_value", "invalid_type", "unsupported_value", "unsupported_parameter", "unknown_parameter",
		"missing_required_parameter", "invalid_json", "extra_forbidden", "literal_error", "invalid_api_key", "model_not_found")
}

func (d *detail) tooLong(status int) bool {
	if status >= 500 || status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired {
		return false
	}
	// A request above the whole limit per minute can never pass, whatever the wait.
	if status == http.StatusRequestEntityTooLarge || d.begins("request too large for ") {
		return true
	}
	if status == http.StatusTooManyRequests || d.elsewhere() {
		return false
	}
	return d.is("context_length_exceeded", "too_many_prompt_tokens", "too_many_tokens", "request_too_large", "exceed_context_size_error") ||
		d.says("maximum context length", "context window", "prompt is too long", "prompt too long", "context size",
			"input is too long", "input token count", "too many tokens", "input tokens exceeded", "exceed context limit",
			"exceeds the maximum number of tokens", "maximum prompt length", "max context length",
			"context length exceeded", "total length of all messages is too long", "must have less than",
			"inputs tokens + max_new_tokens", "`inputs` tokens", "longer than the model's context length",
			"too large for model with")
}

func (d *detail) filtered(status int) bool {
	if d.is("content_policy_violation", "content_filter", "moderation_blocked", "invalid_prompt",
		"content_filtered", "responsibleaipolicyviolation") {
		return true
	}
	switch {
	case d.elsewhere():
		return false
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return d.says("content filtering policy", "content management policy", "safety system", "blocked by content")
	case status == http.StatusForbidden: // OpenRouter and xAI
		return d.says("moderation", "flagged", "violates usage guidelines", "safety_check")
	}
	return false
}

// spentCodes say that an account's money or quota is used up.
func (d *detail) spentCode() bool {
	return d.is("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error", "quota_exceeded",
		"exceeded_current_quota_error", "insufficient_balance", "insufficient_credits", "insufficient_funds",
		"servicequotaexceededexception")
}

// perDay reports that one of Gemini's quotas per day is used up. It says "quota" of every
// limit; only that one is not worth a wait. Only where Gemini says it: other servers show
// parts of the request in their errors.
func (d *detail) perDay(status int) bool {
	if !d.throttled(status) {
		return false
	}
	for _, item := range array(d.members["details"]) {
		for _, violation := range array(object(item)["violations"]) {
			if strings.Contains(text(object(violation)["quotaId"]), "PerDay") {
				return true
			}
		}
	}
	return false
}

func (d *detail) spent(status int) bool {
	switch {
	case d.spentCode():
		return true
	case status < 400 || status >= 500 || status == http.StatusUnauthorized:
		return false
	case d.perDay(status):
		return true
	case !d.open() && status != http.StatusPaymentRequired || d.Param != "":
		return false
	case status == http.StatusPaymentRequired:
		// What the credit left would do for with a smaller bound is this request's own.
		return !d.says("max_tokens", "max tokens", "can only afford") &&
			d.says("balance", "credits", "quota", "billing", "spending limit")
	}
	return d.begins("your credit balance is too low", "insufficient balance", "insufficient credits", "key limit exceeded",
		"you are out of credits", "spending limit")
}

// keyCode says that a key or an account is refused.
func (d *detail) keyCode() bool {
	return d.is("invalid_api_key", "api_key_invalid", "authentication_error", "unauthenticated", "unauthorized", "unrecognizedclientexception",
		"expiredtokenexception", "invalidsignatureexception", "account_deactivated", "organization_deactivated", "access_terminated")
}

func (d *detail) unauthorised(status int) bool {
	switch {
	case status == http.StatusUnauthorized || d.keyCode():
		return true
	case status == http.StatusForbidden && d.is("permission_error", "permission_denied", "accessdeniedexception",
		"insufficient_permissions", "authorizationfailed", "not_authorized"):
		return true
	case status != http.StatusBadRequest && status != http.StatusForbidden || !d.open() || d.Param != "":
		return false
	}
	return d.begins("api key not valid", "incorrect api key", "invalid api key") // Gemini and xAI, with 400
}

// credential reports that a refusal is about the key or the account itself and not about
// this model or request: by the status of the reply, or by type or code beside one.
func (d *detail) credential(status int) bool {
	switch status {
	case http.StatusUnauthorized:
		return true
	case http.StatusPaymentRequired:
		return d.spentCode() || d.keyCode()
	case http.StatusForbidden:
		return d.spentCode() || d.keyCode()
	}
	return false
}

func (d *detail) throttled(status int) bool {
	return status == http.StatusTooManyRequests || status == 498 ||
		d.is("rate_limit_exceeded", "rate_limit_error", "ratelimitreached", "throttlingexception",
			"resource_exhausted", "toomanyrequestsexception")
}

// absent reports that a target's model is not there, or nothing at all is, as behind a
// wrong base URL.
func (d *detail) absent(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return d.Param == "" && !d.hasMessage || d.Param == "model" || d.is("model_not_found", "deploymentnotfound", "resourcenotfoundexception", "not_found") ||
			d.Param == "" && d.says("model", "deployment", "engine", "not found", "does not exist", "no endpoints", "url", "end of its life") && !d.says("file", "vector store", "container", "response with id", "cached content")
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return d.is("model_not_found", "deploymentnotfound") || d.begins("the provided model identifier is invalid") ||
			d.open() && d.Param == "" && strings.HasPrefix(d.Message, "Model ") && strings.Contains(d.Message, " is not supported.")
	}
	return status < 400 && status >= 300
}

// mayWait reports faults of which a provider may say when they are over.
func mayWait(f llm.Fault) bool {
	return f == llm.FaultRateLimited || f == llm.FaultQuota || f == llm.FaultServer
}
