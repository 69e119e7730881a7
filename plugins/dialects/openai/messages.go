package openai

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeMessages writes the conversation.
func (r *request) writeMessages() error {
	r.Name("messages")
	r.Open('[')
	i := 0
	r.images = r.images[:0]
	for v := range r.in.All {
		m := &r.in.Messages[i]
		if !m.IsResult() {
			r.writeImages()
		}
		if err := r.writeMessage(v, m, i); err != nil {
			return err
		}
		i++
	}
	r.writeImages()
	r.Close(']')
	return nil
}

// writeMessage writes one message, v, without the extensions.
func (r *request) writeMessage(v canonical.Value, m *canonical.Message, i int) error {
	at := canonical.At("messages", i)
	r.Open('{')
	for key, member := range v.Members {
		switch string(key) {
		case "role", "name", "refusal", "audio", "function_call":
			r.Key(key)
			r.Value(member)
		}
	}
	if m.Role == canonical.Assistant && r.model.thoughts {
		r.MemberValue("reasoning_content", v.Member("reasoning_content"))
	}
	if m.Role == canonical.Assistant && r.model.details {
		r.writeDetails(m)
	}
	if m.Role == canonical.Tool {
		r.MemberText("tool_call_id", m.ResultID)
	}
	r.Name("content")
	if err := r.writeContent(m, at+".content"); err != nil {
		return err
	}
	if m.Role == canonical.Assistant && canonical.Filled(m.ToolCalls) {
		r.writeCalls(m)
	}
	r.Close('}')
	return nil
}

// writeCalls writes an assistant message's calls.
func (r *request) writeCalls(m *canonical.Message) {
	r.Name("tool_calls")
	r.Open('[')
	k := 0
	for call := range m.ToolCalls.Items {
		r.Open('{')
		r.MemberText("id", r.ids.ID(m, k))
		kind := canonical.Text(call.Member("type"))
		if string(kind) != "custom" {
			kind = []byte("function")
		}
		r.MemberText("type", kind)
		r.MemberValue(string(kind), call.Member(string(kind)))
		r.Close('}')
		k++
	}
	r.Close(']')
}

// writeContent writes a message's content. Texts alone become one: services that imitate
// OpenAI may take nothing else.
func (r *request) writeContent(m *canonical.Message, at string) error {
	switch {
	case m.Content.Kind() == '[':
		return r.writeParts(m, at)
	case !m.Content.Null():
		r.Value(m.Content)
	case m.Role == canonical.Assistant && m.CallsTools():
		r.Literal("null")
	default:
		r.Literal(`""`)
	}
	return nil
}

// writeParts writes a list of parts.
func (r *request) writeParts(m *canonical.Message, at string) error {
	r.parts = r.parts[:0]
	for v := range m.Content.Items {
		r.parts = append(r.parts, v)
	}
	if m.Role == canonical.User && !r.allText() {
		return r.writeUserParts(at)
	}
	// The others' content is text.
	r.Byte('"')
	start := len(r.B)
	var fragments canonical.Fragments
	for k, v := range r.parts {
		if m.IsResult() && isImage(v) {
			r.images = append(r.images, v)
			continue
		}
		p := canonical.ReadPart(v)
		kind := string(canonical.Text(p.Kind))
		text := canonical.Inside(p.Text())
		switch {
		case canonical.IsServerTool(kind): // what it returned is not what the model has said
			fragments.RunTool()
			r.Drop(canonical.At(at, k))
			continue
		case !canonical.IsText(kind):
			if text = r.textOf(v, &p); len(text) == 0 {
				r.Drop(canonical.At(at, k))
			}
		case m.Role == canonical.Assistant && fragments.Continues(&p):
			r.B = append(r.B, text...)
			continue
		}
		r.joinText(start, text)
	}
	if m.IsResult() && len(r.B) == start && len(r.images) > 0 {
		r.Raw("(The image follows.)")
	}
	r.Byte('"')
	return nil
}

// joinText appends a text, the inside of a JSON string, behind those since start.
func (r *request) joinText(start int, text []byte) {
	if len(text) == 0 {
		return
	}
	if len(r.B) > start {
		r.Raw(`\n\n`)
	}
	r.B = append(r.B, text...)
}

func (r *request) allText() bool {
	for _, v := range r.parts {
		if !canonical.IsText(string(canonical.Text(v.Member("type")))) {
			return false
		}
	}
	return true
}

func isImage(part canonical.Value) bool {
	return string(canonical.Text(part.Member("type"))) == "image_url"
}

// writeImages writes the images that tools returned, as the user's: OpenAI's tools return
// texts.
func (r *request) writeImages() {
	if len(r.images) == 0 {
		return
	}
	r.Literal(`{"role":"user","content":[{"type":"text","text":"(What the tools returned.)"}`)
	for _, v := range r.images {
		r.writeImage(v)
	}
	r.Raw("]}")
	r.images = r.images[:0]
}

func (r *request) writeImage(v canonical.Value) {
	r.Literal(`{"type":"image_url"`)
	r.MemberValue("image_url", v.Member("image_url"))
	r.Close('}')
}

// writeUserParts writes parts that are not all texts.
func (r *request) writeUserParts(at string) error {
	r.Open('[')
	for k, v := range r.parts {
		if err := r.writePart(v, canonical.At(at, k)); err != nil {
			return err
		}
	}
	r.Close(']')
	return nil
}

func (r *request) writePart(v canonical.Value, at string) error {
	p := canonical.ReadPart(v)
	kind := string(canonical.Text(p.Kind))
	switch {
	case canonical.IsText(kind):
		r.writeTextPart(canonical.Inside(p.Text()))
	case kind == "image_url":
		r.writeImage(v)
	case kind == "input_audio":
		r.Value(v)
	case kind == "file":
		return r.writeFile(v, &p, at)
	case kind == "image" || kind == "document":
		if text := r.textOf(v, &p); len(text) > 0 {
			r.writeTextPart(text)
			return nil
		}
		return canonical.Reject(at, "a file that another provider keeps can't be sent here; send its data")
	default:
		if text := r.textOf(v, &p); len(text) > 0 {
			r.writeTextPart(text)
		} else {
			r.Drop(at)
		}
	}
	return nil
}

func (r *request) writeTextPart(text []byte) {
	r.Literal(`{"type":"text","text":`)
	r.Quoted(text)
	r.Close('}')
}

// textOf returns the texts of a block that only another provider knows, such as a search
// result or a document made of blocks, or of a file that is text: the inside of a JSON
// string, nothing when there are none.
func (r *request) textOf(v canonical.Value, p *canonical.Part) []byte {
	if file := p.File(); file.Inline && canonical.IsTextType(file.Media) {
		return r.textOfFile(&file)
	}
	r.Scratch = r.Scratch[:0]
	source := v.Member("source")
	for _, name := range [...]canonical.Value{v.Member("title"), v.Member("url"), source} {
		r.addText(name)
	}
	names := len(r.Scratch)
	r.addBlocks(source.Member("content"))
	r.addBlocks(v.Member("content"))
	r.addText(v.Member("text"))
	if len(r.Scratch) == names {
		return nil
	}
	return bytes.Clone(r.Scratch)
}

func (r *request) addText(v canonical.Value) {
	if text := canonical.Inside(v); len(text) > 0 {
		if len(r.Scratch) > 0 {
			r.Scratch = append(r.Scratch, `\n`...)
		}
		r.Scratch = append(r.Scratch, text...)
	}
}

func (r *request) addBlocks(content canonical.Value) {
	r.addText(content)
	for block := range content.Items {
		r.addText(block.Member("text"))
	}
}
