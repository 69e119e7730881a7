package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeContent writes a message's content, a string or a list of parts, as parts.
func (r *request) writeContent(content canonical.Value, i int) error {
	switch content.Kind() {
	case '[':
		k := 0
		for v := range content.Items {
			if err := r.writePart(v, i, k); err != nil {
				return err
			}
			k++
		}
	case '"':
		r.writeText(canonical.Inside(content))
	case '{':
		return canonical.Reject(canonical.At("messages", i)+".content", "must be a string or an array of parts")
	}
	return nil
}

// writeText writes a text, given as the inside of a JSON string, unless there is none.
func (r *request) writeText(raw []byte) {
	if len(raw) == 0 {
		return
	}
	r.part()
	r.Literal(`{"text":`)
	r.Quoted(raw)
	r.Close('}')
}

func (r *request) writePart(v canonical.Value, i, k int) error {
	p := canonical.ReadPart(v)
	kind := string(canonical.Text(p.Kind))
	if canonical.IsText(kind) {
		raw, ok := p.Text().Inside()
		if !ok {
			return rejectPart(i, k, "must have a text that is a string")
		}
		r.writeText(raw)
		return nil
	}
	switch kind {
	case "image_url", "input_image":
		return r.writeImage(&p, i, k)
	case "video_url", "document_url", "file_url":
		return r.writeMedium(v.Member(kind), partPath(i, k)+"."+kind)
	case "input_audio", "audio_url":
		return r.writeAudio(v, i, k)
	case "file", "input_file":
		return r.writeFile(&p, i, k)
	case "thinking", "redacted_thinking", "reasoning":
		return nil // what another model thought
	}
	switch {
	case !canonical.IsWord(kind):
		return rejectPart(i, k, "has no usable type")
	case r.in.Messages[i].Role == canonical.Assistant: // of a tool that another provider has run
		r.Drop(partPath(i, k))
		return nil
	}
	return rejectPart(i, k, "Gemini's models take text, images, sounds, videos and files, not "+kind)
}

// rejectPart refuses the request for one part of one message.
func rejectPart(message, part int, why string) error {
	return canonical.Reject(partPath(message, part), why)
}

func partPath(message, part int) string {
	return canonical.At(canonical.At("messages", message)+".content", part)
}
