package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeContent writes a content, a string or a list of parts, as the parts of an input
// message or of a tool's output.
func (r *request) writeContent(content canonical.Value, i int) error {
	if content.Kind() != '[' {
		r.Value(content)
		return nil
	}
	r.Open('[')
	k := 0
	for v := range content.Items {
		if err := r.writePart(v, i, k); err != nil {
			return err
		}
		k++
	}
	r.Close(']')
	return nil
}

func (r *request) writePart(v canonical.Value, i, k int) error {
	p := canonical.ReadPart(v)
	kind := string(canonical.Text(p.Kind))
	if canonical.IsText(kind) {
		return r.writeTextPart(&p, i, k)
	}
	switch kind {
	case "image_url", "input_image":
		return r.writeImage(&p, i, k)
	case "file", "input_file", "document_url":
		return r.writeFile(&p, i, k)
	case "input_audio", "audio", "video_url", "video":
		return rejectPart(i, k, "the Responses API takes text, images and files, not "+kind)
	}
	if !canonical.IsWord(kind) {
		return rejectPart(i, k, "has no usable type")
	}
	r.Value(v) // a part of the provider's own
	return nil
}

func (r *request) writeTextPart(p *canonical.Part, i, k int) error {
	text := p.Text()
	if text.Kind() != '"' {
		return rejectPart(i, k, "must have a text that is a string")
	}
	r.Literal(`{"type":"input_text","text":`)
	r.Value(text)
	r.endPart(p)
	return nil
}

// endPart ends a part with its cache breakpoint.
func (r *request) endPart(p *canonical.Part) {
	if p.ExplicitBreakpoint() {
		r.MemberLiteral("prompt_cache_breakpoint", `{"mode":"explicit"}`)
	}
	r.Close('}')
}

// rejectPart refuses the request for one part of one message.
func rejectPart(message, part int, why string) error {
	return canonical.Reject(partPath(message, part), why)
}

func partPath(message, part int) string {
	return canonical.At(canonical.At("messages", message)+".content", part)
}
