package wire

import (
	"bytes"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// WorkAround says what to leave out or to name otherwise in another try, when the target has
// refused something that the gateway itself put into the request or may rename; 0 when it
// has refused anything else. What was refused is remembered once the other try succeeds:
// an error may name a member for other reasons.
func (d *Dialects) WorkAround(x *llm.Exchange, e *llm.Error) llm.Quirks {
	if e.Fault != llm.FaultBadRequest {
		return 0
	}
	var q llm.Quirks
	switch {
	case x.Added.Has(llm.NoStreamUsage) && names(e, "stream_options", "include_usage"):
		q = llm.NoStreamUsage
	case x.Added.Has(llm.NewOutputName) && names(e, "max_completion_tokens") && unknownMember(e):
		q = llm.OldOutputName
	case x.Added.Has(llm.OldOutputName) && names(e, "max_tokens") && unknownMember(e):
		q = llm.NewOutputName
	}
	if x.Quirks.Has(q) {
		return 0
	}
	return q
}

// names reports whether an error is about one of these members.
func names(e *llm.Error, members ...string) bool {
	for _, m := range members {
		if e.Param != "" && !strings.Contains(e.Param, m) {
			continue
		}
		if strings.Contains(e.Param, m) || strings.Contains(e.Message, m) || bytes.Contains(e.Body, []byte(m)) {
			return true
		}
	}
	return false
}

// unknownMember reports whether an error is that a member is not known, and not that its
// value is wrong.
func unknownMember(e *llm.Error) bool {
	switch e.Code {
	case "unsupported_parameter", "unknown_parameter", "extra_forbidden":
		return true
	}
	message := strings.ToLower(e.Message)
	for _, words := range []string{"unsupported parameter", "not supported", "unrecognized", "unknown", "unexpected", "extra inputs", "not permitted", "not allowed"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return bytes.Contains(e.Body, []byte("extra_forbidden"))
}
