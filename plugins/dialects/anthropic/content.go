package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeContent writes a message's content, a string or a list of parts, as blocks. With
// trim, white space at the end of the last text is cut.
func (r *request) writeContent(m *canonical.Message, i int, trim bool) error {
	switch m.Content.Kind() {
	case '[':
		r.parts = r.parts[:0]
		for v := range m.Content.Items {
			r.parts = append(r.parts, v)
		}
		for k, v := range r.parts {
			if err := r.writePart(v, i, k, trim && k == len(r.parts)-1); err != nil {
				return err
			}
		}
	case '"':
		r.writeText(canonical.Inside(m.Content), nil, trim)
	case '{':
		return canonical.Reject(canonical.At("messages", i)+".content", "must be a string or an array of parts")
	}
	return nil
}

// markLast puts a message's cache_control on the last block written since mark, unless that
// has its own or can't have one.
func (r *request) markLast(mark int, control canonical.Value) {
	if control.Null() || len(r.B) == mark || r.open.marked {
		return
	}
	r.B = r.B[:len(r.B)-1]
	r.MemberValue("cache_control", control)
	r.Close('}')
	r.open.marked = true
}

// writeText writes a text block, unless the text is blank: Anthropic refuses those. Raw is
// the inside of a JSON string; part, which may be nil, is what it came from.
func (r *request) writeText(raw []byte, part *canonical.Part, trim bool) {
	trimmed := canonical.TrimRight(raw)
	if len(trimmed) == 0 {
		return
	}
	if trim {
		raw = trimmed
	}
	r.block()
	r.Literal(`{"type":"text","text":`)
	r.Quoted(raw)
	if part != nil {
		r.MemberValue("citations", part.Citations)
	}
	r.endBlock(part)
}

// endBlock ends a block with its part's cache marker.
func (r *request) endBlock(part *canonical.Part) {
	if part == nil {
		r.Close('}')
		return
	}
	control := part.CacheControl
	if control.Null() && part.ExplicitBreakpoint() {
		control = canonical.Value(`{"type":"ephemeral"}`)
	}
	r.MemberValue("cache_control", control)
	r.open.marked = !control.Null()
	r.Close('}')
}

func (r *request) writePart(v canonical.Value, i, k int, trim bool) error {
	p := canonical.ReadPart(v)
	kind := string(canonical.Text(p.Kind))
	if canonical.IsText(kind) {
		return r.writeTextPart(&p, i, k, trim)
	}
	switch kind {
	case "image_url", "input_image":
		return r.writeImage(&p, i, k)
	case "file", "input_file", "document_url":
		return r.writeFile(&p, i, k)
	case "input_audio", "audio", "video_url", "video":
		return rejectPart(i, k, "Anthropic's models take text, images and documents, not "+kind)
	}
	if !canonical.IsWord(kind) {
		return rejectPart(i, k, "has no usable type")
	}
	// Anthropic's own blocks, such as document or search_result, pass as they are.
	r.block()
	r.Value(v)
	r.open.marked = !v.Member("cache_control").Null()
	return nil
}

func (r *request) writeTextPart(p *canonical.Part, i, k int, trim bool) error {
	raw, ok := p.Text().Inside()
	if !ok {
		return rejectPart(i, k, "must have a text that is a string")
	}
	r.writeText(raw, p, trim)
	return nil
}

// rejectPart refuses the request for one part of one message.
func rejectPart(message, part int, why string) error {
	return canonical.Reject(partPath(message, part), why)
}

func partPath(message, part int) string {
	return canonical.At(canonical.At("messages", message)+".content", part)
}
