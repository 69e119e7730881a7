package main

import (
	"bytes"
	"encoding/base64"
)

// writeContent writes a message's content, a string or an array of parts, as
// blocks. With trim, white space at the end of the last text is cut.
func (r *request) writeContent(m *message, i int, trim bool) error {
	mark := len(r.b)
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
	r.cacheLast(mark, m.cacheControl)
	return nil
}

// cacheLast puts a message's cache_control on the last block written since mark.
func (r *request) cacheLast(mark int, control value) {
	if control.Null() || len(r.b) == mark || r.b[len(r.b)-1] != '}' {
		return
	}
	r.b = r.b[:len(r.b)-1]
	r.memberValue("cache_control", control)
	r.close('}')
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
		r.memberLiteral("cache_control", `{"type":"ephemeral"}`)
	}
	r.memberValue("cache_control", control)
	r.close('}')
}

// part is one part of a content with its members; nil when absent.
type part struct {
	kind, text, refusal      value
	imageURL                 value
	file, id, data, filename value
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
	switch kind {
	case "text", "input_text", "output_text", "refusal":
		return r.writeTextPart(&p, kind, i, k, trim)
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
	return nil
}

func (r *request) writeTextPart(p *part, kind string, i, k int, trim bool) error {
	said := p.text
	if kind == "refusal" {
		said = p.refusal
	}
	raw, ok := said.Inside()
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

// writeImage writes an image block from a data: or http URL.
func (r *request) writeImage(part *part, i, k int) error {
	url := text(part.imageURL)
	if url == nil {
		url = text(part.imageURL.Member("url"))
	}
	media, data, ok := dataURL(url)
	switch {
	case ok:
		r.writeSource(`"image"`, imageType(media), data)
	case bytes.HasPrefix(url, []byte("https://")), bytes.HasPrefix(url, []byte("http://")):
		r.openSource(`"image"`, `"url"`)
		r.memberText("url", url)
		r.close('}')
	default:
		return rejectPart(i, k, "an image needs an http URL or a base64 data: URL")
	}
	r.endBlock(part)
	return nil
}

// imageType corrects the common misnomer.
func imageType(media []byte) []byte {
	if string(media) == "image/jpg" {
		return []byte("image/jpeg")
	}
	return media
}

// writeFile writes a document block from a file's data or id; an image in a file
// becomes an image block.
func (r *request) writeFile(part *part, i, k int) error {
	file := part
	if part.file.Kind() == '{' {
		inner := readPart(part.file)
		file = &inner
	}
	id, content := text(file.id), text(file.data)
	media, data, ok := dataURL(content)
	if !ok && len(content) > 0 && base64Only(content) {
		media, data, ok = []byte("application/pdf"), content, true
	}
	switch {
	case len(id) > 0:
		r.files = true
		r.openSource(`"document"`, `"file"`)
		r.memberText("file_id", id)
		r.close('}')
	case ok && bytes.HasPrefix(media, []byte("image/")):
		r.writeSource(`"image"`, imageType(media), data)
		r.endBlock(part)
		return nil
	case ok && bytes.HasPrefix(media, []byte("text/")):
		if !r.writeTextSource(data) {
			return rejectPart(i, k, "the file's data is not base64")
		}
	case ok:
		r.writeSource(`"document"`, media, data)
	default:
		return rejectPart(i, k, "a file needs a file_id, or file_data that is a base64 data: URL")
	}
	if name := text(file.filename); len(name) > 0 {
		r.memberText("title", name)
	}
	r.endBlock(part)
	return nil
}

// openSource begins a block and its source.
func (r *request) openSource(block, source string) {
	r.block()
	r.open('{')
	r.memberLiteral("type", block)
	r.name("source")
	r.open('{')
	r.memberLiteral("type", source)
}

func (r *request) writeSource(block string, media, data []byte) {
	r.openSource(block, `"base64"`)
	r.memberText("media_type", media)
	r.memberText("data", data)
	r.close('}')
}

// writeTextSource writes a text document, which Anthropic wants in the clear.
func (r *request) writeTextSource(data []byte) bool {
	text, err := base64.StdEncoding.AppendDecode(r.raw[:0], data)
	r.raw = text
	if err != nil {
		return false
	}
	r.openSource(`"document"`, `"text"`)
	r.memberLiteral("media_type", `"text/plain"`)
	r.memberText("data", text)
	r.close('}')
	return true
}

// dataURL takes a base64 data: URL apart.
func dataURL(url []byte) (media, data []byte, ok bool) {
	rest, ok := bytes.CutPrefix(url, []byte("data:"))
	if !ok {
		return nil, nil, false
	}
	head, data, ok := bytes.Cut(rest, []byte(","))
	media, isBase64 := bytes.CutSuffix(head, []byte(";base64"))
	if !ok || !isBase64 {
		return nil, nil, false
	}
	media, _, _ = bytes.Cut(media, []byte(";"))
	return bytes.ToLower(media), data, true
}

func base64Only(s []byte) bool {
	for _, c := range s {
		alnum := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !alnum && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return true
}
