package dialects

// writeContent writes a message's content, a string or an array of parts, as
// blocks. With trim, white space at the end of the last text is cut.
func (r *request) writeContent(m *message, i int, trim bool) error {
	switch m.content.Kind() {
	case '[':
		r.parts = r.parts[:0]
		for v := range m.content.Items {
			r.parts = append(r.parts, v)
		}
		for k, v := range r.parts {
			if err := r.writePart(v, i, k, trim && k == len(r.parts)-1); err != nil {
				return err
			}
		}
	case '"':
		r.writeText(inside(m.content), nil, trim)
	case '{':
		return reject(at("messages", i)+".content", "must be a string or an array of parts")
	}
	return nil
}

// cacheLast puts a message's cache_control on the last block written since mark, unless
// that has its own or can't have one.
func (r *request) cacheLast(mark int, control value) {
	if control.Null() || len(r.b) == mark || r.turn.marked {
		return
	}
	r.b = r.b[:len(r.b)-1]
	r.memberValue("cache_control", control)
	r.close('}')
	r.turn.marked = true
}

// writeText writes a text block, unless the text is blank: Anthropic refuses those.
// raw is the inside of a JSON string; part, which may be nil, is what it came from.
func (r *request) writeText(raw []byte, part *part, trim bool) {
	trimmed := trimRaw(raw)
	if len(trimmed) == 0 {
		return
	}
	if trim {
		raw = trimmed
	}
	r.block()
	r.literal(`{"type":"text","text":`)
	r.quoted(raw)
	r.endBlock(part)
}

// endBlock ends a block with its part's cache marker.
func (r *request) endBlock(part *part) {
	if part == nil {
		r.close('}')
		return
	}
	control := part.cacheControl
	if control.Null() && string(text(part.breakpoint.Member("mode"))) == "explicit" {
		control = value(`{"type":"ephemeral"}`)
	}
	r.memberValue("cache_control", control)
	r.turn.marked = !control.Null()
	r.close('}')
}

// part is one part of a content with its members; nil when absent.
type part struct {
	kind, text, refusal      value
	imageURL                 value
	file, id, data, filename value
	fileURL                  value
	cacheControl, breakpoint value
}

func readPart(v value) (p part) {
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			p.kind = member
		case "text":
			p.text = member
		case "refusal":
			p.refusal = member
		case "image_url":
			p.imageURL = member
		case "file":
			p.file = member
		case "file_id":
			p.id = member
		case "file_data":
			p.data = member
		case "file_url":
			p.fileURL = member
		case "filename":
			p.filename = member
		case "cache_control":
			p.cacheControl = member
		case "prompt_cache_breakpoint":
			p.breakpoint = member
		}
	}
	return p
}

func (r *request) writePart(v value, i, k int, trim bool) error {
	p := readPart(v)
	kind := string(text(p.kind))
	if isText(kind) {
		return r.writeTextPart(&p, i, k, trim)
	}
	switch kind {
	case "image_url", "input_image":
		return r.writeImage(&p, i, k)
	case "file", "input_file":
		return r.writeFile(&p, i, k)
	case "input_audio", "audio", "video_url", "video":
		return rejectPart(i, k, "Anthropic's models take text, images and documents, not "+kind)
	}
	if !word(kind) {
		return rejectPart(i, k, "has no usable type")
	}
	// Anthropic's own blocks, such as document or search_result, pass as they are.
	r.block()
	r.value(v)
	r.turn.marked = !v.Member("cache_control").Null()
	return nil
}

// isText reports whether parts of a type are text, whatever it is called.
func isText(kind string) bool {
	switch kind {
	case "text", "input_text", "output_text", "refusal":
		return true
	}
	return false
}

// said is the text of a part that is one.
func (p *part) said() value {
	if string(text(p.kind)) == "refusal" {
		return p.refusal
	}
	return p.text
}

func (r *request) writeTextPart(p *part, i, k int, trim bool) error {
	raw, ok := p.said().Inside()
	if !ok {
		return rejectPart(i, k, "must have a text that is a string")
	}
	r.writeText(raw, p, trim)
	return nil
}

// rejectPart refuses the request for one part of one message.
func rejectPart(message, part int, why string) error {
	return reject(at(at("messages", message)+".content", part), why)
}

// word reports whether s is a plain lower-case identifier, which needs no escaping.
func word(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}
