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

// clientOutput is an item of the output. Its texts are insides of JSON strings.
type clientOutput struct {
	kind  itemKind
	index int64
	// call is the id of a call, name that of its tool in the canonical form.
	call, name []byte
	// text is that of a message, a thought, or the arguments of a call.
	text []byte
	// extra is the refusal of a message, or what comes encrypted with a thought, whose form
	// says how.
	extra []byte
	form  thoughtForm
	// annotations are those of a message, JSON with commas between.
	annotations []byte
}

// thoughtForm is how a thought comes back to who made it.
type thoughtForm byte

const (
	readable   thoughtForm = iota // not at all
	signed                        // Claude's, with a signature
	redacted                      // Claude's, as data
	encryption                    // as the provider has encrypted it
)

// writeID writes the item's id.
func (o *clientOutput) writeID(w *canonical.Writer, name string, h *head) {
	w.Name(name)
	prefix := `"msg_`
	switch o.kind {
	case callItem:
		prefix = `"fc_`
	case customItem:
		prefix = `"ctc_`
	case reasoningItem:
		prefix = `"rs_`
	}
	w.Raw(prefix)
	w.B = append(penstock.AppendInside(w.B, h.request), '_')
	w.B = append(penstock.AppendWhole(w.B, o.index), '"')
}

// write writes the item. Begun is how it is when it begins: without anything in it.
func (o *clientOutput) write(w *canonical.Writer, h *head, status string, begun bool) {
	w.Open('{')
	o.writeID(w, "id", h)
	switch o.kind {
	case callItem, customItem:
		o.writeCall(w, h, begun)
	case reasoningItem:
		o.writeThought(w, begun)
		w.Close('}')
		return // it has no status
	default:
		w.MemberLiteral("type", `"message"`)
		w.MemberLiteral("role", `"assistant"`)
		w.Name("content")
		w.Open('[')
		if !begun {
			o.writeParts(w)
		}
		w.Close(']')
	}
	w.MemberText("status", []byte(status))
	w.Close('}')
}

// writeParts writes the content of a message, which has a text unless it is a refusal.
func (o *clientOutput) writeParts(w *canonical.Writer) {
	if len(o.text) > 0 || len(o.extra) == 0 {
		o.writePart(w, false)
	}
	if len(o.extra) > 0 {
		o.writePart(w, true)
	}
}

// writePart writes the text of a message, or its refusal.
func (o *clientOutput) writePart(w *canonical.Writer, refusal bool) {
	if refusal {
		w.Literal(`{"type":"refusal","refusal":`)
		w.Quoted(o.extra)
		w.Close('}')
		return
	}
	w.Literal(`{"type":"output_text","text":`)
	w.Quoted(o.text)
	w.Name("annotations")
	w.Open('[')
	w.B = append(w.B, o.annotations...)
	w.Close(']')
	w.MemberLiteral("logprobs", "[]")
	w.Close('}')
}

func (o *clientOutput) writeCall(w *canonical.Writer, h *head, begun bool) {
	kind, member := `"function_call"`, "arguments"
	if o.kind == customItem {
		kind, member = `"custom_tool_call"`, "input"
	}
	w.MemberLiteral("type", kind)
	w.Name("call_id")
	if len(o.call) > 0 {
		w.Quoted(o.call)
	} else { // some services give none
		w.Raw(`"call_`)
		w.B = append(penstock.AppendInside(w.B, h.request), '_')
		w.B = append(penstock.AppendWhole(w.B, o.index), '"')
	}
	namespace, name := o.toolName(h)
	if namespace != nil {
		w.MemberText("namespace", namespace)
	}
	w.MemberText("name", name)
	w.Name(member)
	if begun {
		w.Literal(`""`)
	} else {
		w.Quoted(o.input())
	}
}

// toolName is what the tool of a call is called in this API.
func (o *clientOutput) toolName(h *head) (namespace, name []byte) {
	context := readClientContext(h.context)
	return context.split(unquoted(o.name))
}

// unquoted is what the inside of a JSON string says.
func unquoted(raw []byte) []byte {
	v := canonical.Value(append(append([]byte{'"'}, raw...), '"'))
	return canonical.Text(v)
}

// input is the arguments of a call, or the text that a custom tool is called with: the one
// argument of the function that stands for it.
func (o *clientOutput) input() []byte {
	switch {
	case o.kind == callItem && len(o.text) == 0:
		return []byte("{}")
	case o.kind == customItem:
		if args := canonical.Value(unquoted(o.text)); canonical.Valid(args) {
			if input := args.Member("input"); input.Kind() == '"' {
				return canonical.Inside(input)
			}
		}
	}
	return o.text
}

// writeThought writes a thought: its text as a summary, and how it comes back.
func (o *clientOutput) writeThought(w *canonical.Writer, begun bool) {
	w.MemberLiteral("type", `"reasoning"`)
	w.Name("summary")
	w.Open('[')
	if len(o.text) > 0 && !begun {
		o.writeSummary(w, o.text)
	}
	w.Close(']')
	if begun {
		return
	}
	w.Name("encrypted_content")
	switch {
	case len(o.extra) == 0:
		w.Literal(`"` + readableContent + `"`)
		return
	case o.form == encryption:
		w.Quoted(o.extra)
		return
	}
	block := canonical.Writer{}
	if o.form == redacted {
		block.Literal(`{"type":"redacted_thinking","data":`)
		block.Quoted(o.extra)
	} else {
		block.Literal(`{"type":"thinking","thinking":`)
		block.Quoted(o.text)
		block.Name("signature")
		block.Quoted(o.extra)
	}
	block.Close('}')
	w.Byte('"')
	w.Raw(claudePrefix)
	w.B = append(penstock.AppendInside(w.B, block.B), '"')
}

func (o *clientOutput) writeSummary(w *canonical.Writer, text []byte) {
	w.Literal(`{"type":"summary_text","text":`)
	w.Quoted(text)
	w.Close('}')
}

// writeAnnotation writes a page that a text refers to.
func writeAnnotation(w *canonical.Writer, page *canonical.Cited) {
	w.Literal(`{"type":"url_citation","start_index":`)
	w.Int(page.Start)
	w.MemberInt("end_index", page.End)
	w.MemberValue("url", page.URL)
	w.Name("title")
	if page.Title.Kind() == '"' {
		w.Value(page.Title)
	} else {
		w.Literal(`""`)
	}
	w.Close('}')
}
