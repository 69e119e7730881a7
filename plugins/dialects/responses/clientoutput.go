package responses

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// clientOutput is an item of the output. Its texts are insides of JSON strings.
type clientOutput struct {
	kind  itemKind
	index int64
	// call is the id of a call, name that of its tool in the canonical form.
	call, name []byte
	// text is that of a message, a thought, or the arguments of a call.
	text []byte
	// extra is the refusal of a message, or what a thought is encrypted as, in one of the forms.
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

// unquoted decodes the inside of a JSON string.
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
