package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeContent writes the content of a message of the system or the user, and reports
// whether it has any.
func (r *request) writeContent(m *canonical.Message, i int) (filled bool, err error) {
	switch m.Content.Kind() {
	case '"':
		r.MemberValue("content", m.Content)
		return len(canonical.Inside(m.Content)) > 0, nil
	case '{':
		return false, canonical.Reject(canonical.At("messages", i)+".content", "must be a string or an array of parts")
	}
	r.Name("content")
	r.Open('[')
	start, files, k := len(r.B), len(r.files), 0
	for v := range m.Content.Items {
		if err := r.writePart(v, i, k, m.Role == canonical.User); err != nil {
			return false, err
		}
		k++
	}
	if len(r.B) == start && len(r.files) > files {
		r.Literal(`{"type":"text","text":"(See the document.)"}`) // a message has to have a content
	}
	r.Close(']')
	return len(r.B) > start+1, nil
}

// writePart writes a part of a content. Media are for the user's messages only.
func (r *request) writePart(v canonical.Value, i, k int, media bool) error {
	p := canonical.ReadPart(v)
	kind := string(canonical.Text(p.Kind))
	switch {
	case canonical.IsText(kind):
		return r.writeText(&p, i, k)
	case !media:
		return rejectPart(i, k, "only the user's messages can have parts other than text")
	}
	switch kind {
	case "image_url", "input_image":
		return r.writeImage(&p, i, k)
	case "file", "input_file":
		return r.readFile(&p, i, k)
	}
	return rejectPart(i, k, "Cohere's models take text, images and text files, not "+kind)
}

// writeText writes a text part, unless the text is empty.
func (r *request) writeText(p *canonical.Part, i, k int) error {
	raw, ok := p.Text().Inside()
	if !ok {
		return rejectPart(i, k, "must have a text that is a string")
	}
	r.writeTextRaw(raw)
	return nil
}

// writeTextRaw writes a text, given as the inside of a JSON string.
func (r *request) writeTextRaw(raw []byte) {
	if len(raw) == 0 {
		return
	}
	r.Literal(`{"type":"text","text":`)
	r.Quoted(raw)
	r.Byte('}')
}

// writeTexts writes the parts of an assistant's message, which can be text only.
func (r *request) writeTexts(m *canonical.Message, i int) error {
	switch m.Content.Kind() {
	case '[':
		k := 0
		for v := range m.Content.Items {
			switch kind := string(canonical.Text(v.Member("type"))); {
			case canonical.IsServerTool(kind):
				r.Drop(partPath(i, k))
			case !canonical.IsThought(kind):
				if err := r.writePart(v, i, k, false); err != nil {
					return err
				}
			}
			k++
		}
	case '"':
		r.writeTextRaw(canonical.Inside(m.Content))
	case '{':
		return canonical.Reject(canonical.At("messages", i)+".content", "must be a string or an array of parts")
	}
	r.writeTextRaw(canonical.Inside(m.Refusal))
	return nil
}

// rejectPart refuses the request for one part of one message.
func rejectPart(message, part int, why string) error {
	return canonical.Reject(partPath(message, part), why)
}

func partPath(message, part int) string {
	return canonical.At(canonical.At("messages", message)+".content", part)
}
