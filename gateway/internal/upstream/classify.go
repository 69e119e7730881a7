package upstream

import (
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// classify sorts an error reply. Codes and types come before statuses, since
// providers agree on neither: a bad key is 400 at two of them and a spent quota is
// 400, 402, 403 or 429.
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
	case d.absent(status):
		return llm.FaultNotFound
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

// says reports whether the body holds one of these, in lower case.
func (d *detail) says(parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(d.text, part) {
			return true
		}
	}
	return false
}

func (d *detail) tooLong(status int) bool {
	if status >= 500 || status == http.StatusUnauthorized || status == http.StatusForbidden {
		return false
	}
	// A request above the whole limit per minute can never pass, whatever the wait.
	if status == http.StatusRequestEntityTooLarge || d.says("request too large for ") {
		return true
	}
	if status == http.StatusTooManyRequests {
		return false
	}
	return d.is("context_length_exceeded", "too_many_prompt_tokens", "too_many_tokens", "request_too_large") ||
		d.says("maximum context length", "context window", "prompt is too long", "prompt too long",
			"input is too long", "input token count", "too many tokens", "input tokens exceeded",
			"exceeds the maximum number of tokens", "maximum prompt length", "max context length",
			"context length exceeded", "total length of all messages is too long",
			"inputs` tokens + `max_new_tokens", "inputs tokens + max_new_tokens", "longer than the model's context length",
			"too large for model with")
}

func (d *detail) filtered(status int) bool {
	if d.is("content_policy_violation", "content_filter", "moderation_blocked", "invalid_prompt",
		"content_filtered", "responsibleaipolicyviolation") {
		return true
	}
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return d.says("content filtering policy", "content management policy", "safety system", "blocked by content")
	case http.StatusForbidden: // OpenRouter and xAI
		return d.says("moderation", "flagged", "safety", "usage guidelines")
	}
	return false
}

func (d *detail) spent(status int) bool {
	if status == http.StatusPaymentRequired || d.is("insufficient_quota", "billing_hard_limit_reached",
		"billing_not_active", "quota_exceeded", "exceeded_current_quota_error", "insufficient_balance",
		"servicequotaexceededexception") {
		return true
	}
	if status < 400 || status >= 500 {
		return false
	}
	// Gemini says "quota" of every limit; only the one per day is not worth a wait.
	return d.says("credit balance is too low", "insufficient balance", `perday`, "out of credits", "spending limit")
}

func (d *detail) unauthorised(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return true
	case http.StatusBadRequest: // Gemini and xAI
		return d.says("api_key_invalid", "api key not valid", "incorrect api key", "invalid api key")
	}
	return d.is("invalid_api_key", "authentication_error", "unrecognizedclientexception",
		"expiredtokenexception", "invalidsignatureexception", "account_deactivated")
}

func (d *detail) throttled(status int) bool {
	return status == http.StatusTooManyRequests || status == 498 ||
		d.is("rate_limit_exceeded", "rate_limit_error", "ratelimitreached", "throttlingexception",
			"resource_exhausted", "toomanyrequestsexception")
}

func (d *detail) absent(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return true
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return d.is("model_not_found", "deploymentnotfound") ||
			d.says("provided model identifier is invalid") ||
			strings.HasPrefix(d.Message, "Model ") && strings.Contains(d.Message, " is not supported.")
	}
	return status < 400 && status >= 300
}

// mayWait reports faults of which a provider may say when they are over.
func mayWait(f llm.Fault) bool {
	return f == llm.FaultRateLimited || f == llm.FaultQuota || f == llm.FaultServer
}
