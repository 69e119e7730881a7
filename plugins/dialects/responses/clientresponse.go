package responses

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// head is what is the same in every form of one response.
type head struct {
	request []byte
	created int64
	model   canonical.Value
	context canonical.Value
}

// end is how a response has ended, as far as it has.
type end struct {
	status string
	// reason is why it is incomplete, fault why it failed.
	reason string
	fault  canonical.Value
}

// endOf is the end of a reply with a finish reason.
func endOf(f canonical.Finish) end {
	switch f {
	case canonical.CutShort:
		return end{status: "incomplete", reason: "max_output_tokens"}
	case canonical.Filtered:
		return end{status: "incomplete", reason: "content_filter"}
	}
	return end{status: "completed"}
}

// begin writes a response up to its output, finish what stands behind the list of it. Every
// member that official clients look for is there.
func (h *head) begin(w *canonical.Writer, e *end) {
	w.Open('{')
	w.Name("id")
	w.Raw(`"resp_`)
	w.B = append(penstock.AppendInside(w.B, h.request), '"')
	w.MemberLiteral("object", `"response"`)
	w.MemberInt("created_at", h.created)
	w.MemberText("status", []byte(e.status))
	w.MemberLiteral("background", "false")
	w.Name("error")
	if e.status == "failed" {
		writeFault(w, e.fault)
	} else {
		w.Literal("null")
	}
	w.Name("incomplete_details")
	if e.reason != "" {
		w.Open('{')
		w.MemberText("reason", []byte(e.reason))
		w.Close('}')
	} else {
		w.Literal("null")
	}
	w.Name("model")
	if h.model.Kind() == '"' {
		w.Value(h.model)
	} else {
		w.Literal(`""`)
	}
	w.Name("output")
	w.Open('[')
}

func (h *head) finish(w *canonical.Writer, usage *canonical.Usage) {
	w.Close(']')
	w.MemberLiteral("previous_response_id", "null")
	w.MemberLiteral("store", "false")
	context := readClientContext(h.context)
	for _, m := range [...]struct{ name, otherwise string }{
		{"instructions", "null"}, {"max_output_tokens", "null"}, {"max_tool_calls", "null"}, {"metadata", "{}"},
		{"parallel_tool_calls", "true"}, {"prompt_cache_key", "null"}, {"reasoning", `{"effort":null,"summary":null}`},
		{"safety_identifier", "null"}, {"temperature", "null"}, {"text", `{"format":{"type":"text"}}`}, {"tool_choice", `"auto"`},
		{"tools", "[]"}, {"top_logprobs", "0"}, {"top_p", "null"}, {"truncation", `"disabled"`}, {"user", ""},
	} {
		if v := context.echo.Member(m.name); !v.Null() {
			w.MemberValue(m.name, v)
		} else if m.otherwise != "" {
			w.MemberLiteral(m.name, m.otherwise)
		}
	}
	if usage != nil && usage.Known {
		w.Name("usage")
		writeClientUsage(w, usage)
	}
	w.Close('}')
}

// writeFault writes why a response failed.
func writeFault(w *canonical.Writer, fault canonical.Value) {
	f := failureOf(fault)
	w.Open('{')
	w.MemberText("code", []byte(faultCode(f.Code)))
	w.MemberText("message", f.Message)
	w.Close('}')
}

// faultCode is a code of this API, which clients decide by whether to try again.
func faultCode(code string) string {
	switch code {
	case "context_length_exceeded", "insufficient_quota", "invalid_prompt", "rate_limit_exceeded":
		return code
	}
	return "server_error"
}

// writeClientUsage writes the counts by the names of this API.
func writeClientUsage(w *canonical.Writer, u *canonical.Usage) {
	w.Literal(`{"input_tokens":`)
	w.Int(u.Prompt)
	w.Literal(`"input_tokens_details":{"cached_tokens":`)
	w.Int(u.CacheRead)
	w.MemberInt("cache_write_tokens", u.CacheWrite)
	w.Close('}')
	w.MemberInt("output_tokens", u.Completion)
	w.Literal(`"output_tokens_details":{"reasoning_tokens":`)
	w.Int(u.Reasoning)
	w.Close('}')
	w.MemberInt("total_tokens", u.Prompt+u.Completion)
	w.Close('}')
}
