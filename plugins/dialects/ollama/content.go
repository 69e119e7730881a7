package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// parts is a message's content as Ollama has it: one text, and images beside it.
type parts struct {
	// text is the inside of a JSON string.
	text []byte
	// images are in base64.
	images [][]byte
}

func (p *parts) empty() bool { return len(p.text) == 0 && len(p.images) == 0 }

// add adds a text, given as the inside of a JSON string, on a line of its own.
func (p *parts) add(raw []byte) {
	if len(raw) == 0 {
		return
	}
	if len(p.text) > 0 {
		p.text = append(p.text, `\n`...)
	}
	p.text = append(p.text, raw...)
}

// readContent reads a message's content into r.parts.
func (r *request) readContent(m *canonical.Message, i int) error {
	r.parts = parts{text: r.parts.text[:0], images: r.parts.images[:0]}
	r.fragments = canonical.Fragments{}
	switch m.Content.Kind() {
	case '"':
		r.parts.add(canonical.Inside(m.Content))
	case '{':
		return canonical.Reject(canonical.At("messages", i)+".content", "must be a string or an array of parts")
	}
	k := 0
	for v := range m.Content.Items {
		if err := r.readPart(v, i, k); err != nil {
			return err
		}
		k++
	}
	r.parts.add(canonical.Inside(m.Refusal))
	return nil
}

func (r *request) readPart(v canonical.Value, i, k int) error {
	p := canonical.ReadPart(v)
	kind := string(canonical.Text(p.Kind))
	switch {
	case canonical.IsText(kind):
		raw, ok := p.Text().Inside()
		if !ok {
			return rejectPart(i, k, "must have a text that is a string")
		}
		if r.in.Messages[i].Role == canonical.Assistant && r.fragments.Continues(&p) {
			r.parts.text = append(r.parts.text, raw...)
			return nil
		}
		r.parts.add(raw)
		return nil
	case canonical.IsThought(kind): // written as thinking
		return nil
	case canonical.IsServerTool(kind) && r.in.Messages[i].Role == canonical.Assistant:
		r.fragments.RunTool()
		r.Drop(partPath(i, k))
		return nil
	}
	switch kind {
	case "image_url", "input_image":
		return r.readImage(&p, i, k)
	case "file", "input_file":
		return r.readFile(&p, i, k)
	}
	return rejectPart(i, k, "Ollama takes text, images and text files, not "+kind)
}

// rejectPart refuses the request for one part of one message.
func rejectPart(message, part int, why string) error {
	return canonical.Reject(partPath(message, part), why)
}

func partPath(message, part int) string {
	return canonical.At(canonical.At("messages", message)+".content", part)
}
