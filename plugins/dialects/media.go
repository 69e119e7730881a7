package dialects

import (
	"bytes"
	"encoding/base64"
)

// writeImage writes an image block from a data: or https URL.
func (r *request) writeImage(part *part, i, k int) error {
	url := text(part.imageURL)
	if url == nil {
		url = text(part.imageURL.Member("url"))
	}
	media, data, ok := dataURL(url)
	if ok {
		if media = imageType(media, data); media == nil {
			return rejectMedium(i, k, "image_url", "Anthropic takes PNG, JPEG, GIF and WebP images; convert it to one of them")
		}
		r.writeSource(`"image"`, media, data)
	} else {
		if url = secureURL(url); url == nil {
			return rejectMedium(i, k, "image_url", "an image needs an https URL or a base64 data: URL; Anthropic fetches nothing over http")
		}
		r.writeURL(`"image"`, url)
	}
	r.endBlock(part)
	return nil
}

// rejectMedium refuses the request for what a part carries in the member called name.
func rejectMedium(message, part int, name, why string) error {
	return reject(at(at("messages", message)+".content", part)+"."+name, why)
}

// imageType is the type of an image as Anthropic knows it; nil when it takes no such
// images. It looks at the data, as Anthropic does, which refuses an image that is called
// something else; what is called nothing that can be shown stays that.
func imageType(media, data []byte) []byte {
	switch string(media) {
	case "", "application/octet-stream", "image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp":
	default:
		return nil
	}
	for _, known := range [...]struct{ begins, media string }{ // base64 of the formats' first bytes
		{"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"},
	} {
		if bytes.HasPrefix(data, []byte(known.begins)) {
			return []byte(known.media)
		}
	}
	switch string(media) {
	case "", "application/octet-stream":
		return nil
	case "image/jpg": // a common misnomer
		return []byte("image/jpeg")
	}
	return media
}

// secureURL is an https URL with its scheme as everybody writes it; nil for anything
// else.
func secureURL(url []byte) []byte {
	rest, ok := cutScheme(url, "https://")
	if !ok || len(rest) == 0 {
		return nil
	}
	return append([]byte("https://"), rest...)
}

// cutScheme cuts a prefix in any letters off; scheme is in lower case.
func cutScheme(url []byte, scheme string) ([]byte, bool) {
	if len(url) < len(scheme) || !bytes.EqualFold(url[:len(scheme)], []byte(scheme)) {
		return nil, false
	}
	return url[len(scheme):], true
}

// writeFile writes a document block from a file's data, address or id; an image in a file
// becomes an image block.
func (r *request) writeFile(part *part, i, k int) error {
	file := part
	if part.file.Kind() == '{' {
		inner := readPart(part.file)
		file = &inner
	}
	image, why := r.writeFileSource(file)
	if why != "" {
		return rejectMedium(i, k, "file", why)
	}
	if name := text(file.filename); len(name) > 0 && !image {
		r.memberText("title", name)
	}
	r.endBlock(part)
	return nil
}

// writeFileSource begins a file's block and writes its source, or says why it can't.
func (r *request) writeFileSource(file *part) (image bool, why string) {
	content := text(file.data)
	if len(content) == 0 {
		content = text(file.fileURL)
	}
	media, data, ok := dataURL(content)
	if !ok && len(content) > 0 && base64Only(content) {
		media, data, ok = []byte("application/pdf"), content, true
	}
	switch id, url := text(file.id), secureURL(content); {
	case len(id) > 0:
		r.files = true
		r.openSource(`"document"`, `"file"`)
		r.memberText("file_id", id)
		r.close('}')
	case url != nil:
		r.writeURL(`"document"`, url)
	case ok:
		return r.writeFileData(media, data)
	default:
		return false, "a file needs a file_id, an https URL, or file_data that is a base64 data: URL"
	}
	return false, ""
}

func (r *request) writeFileData(media, data []byte) (image bool, why string) {
	switch {
	case bytes.HasPrefix(media, []byte("image/")):
		if media = imageType(media, data); media == nil {
			return true, "Anthropic takes PNG, JPEG, GIF and WebP images; convert it to one of them"
		}
		r.writeSource(`"image"`, media, data)
		return true, ""
	case textual(media):
		return false, r.writeTextSource(data)
	case string(media) == "application/pdf":
		r.writeSource(`"document"`, media, data)
		return false, ""
	}
	return false, "Anthropic takes PDF, text and image files; convert it to one of them"
}

// textual reports whether files of a type are text that a model can read as it is.
func textual(media []byte) bool {
	switch string(media) {
	case "application/json", "application/xml", "application/yaml", "application/x-yaml", "application/javascript",
		"application/x-javascript", "application/csv", "application/sql", "application/toml":
		return true
	}
	return bytes.HasPrefix(media, []byte("text/")) || bytes.HasSuffix(media, []byte("+json")) ||
		bytes.HasSuffix(media, []byte("+xml")) && !bytes.HasPrefix(media, []byte("image/"))
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

func (r *request) writeURL(block string, url []byte) {
	r.openSource(block, `"url"`)
	r.memberText("url", url)
	r.close('}')
}

// writeTextSource writes a text document, which Anthropic wants in the clear, or says why
// it can't. Bytes that are not UTF-8 become U+FFFD.
func (r *request) writeTextSource(data []byte) (why string) {
	encoding := base64.StdEncoding
	if !bytes.HasSuffix(data, []byte("=")) {
		encoding = base64.RawStdEncoding
	}
	text, err := encoding.AppendDecode(r.raw[:0], data)
	r.raw = text
	if err != nil {
		return "the file's data is not base64"
	}
	if text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")); len(text) == 0 {
		return "the file is empty"
	}
	r.openSource(`"document"`, `"text"`)
	r.memberLiteral("media_type", `"text/plain"`)
	r.memberText("data", bytes.ToValidUTF8(text, []byte("\ufffd")))
	r.close('}')
	return ""
}

// dataURL takes a base64 data: URL apart. Its scheme, type and encoding may be in any
// letters; the type comes in lower case, without parameters.
func dataURL(url []byte) (media, data []byte, ok bool) {
	rest, ok := cutScheme(url, "data:")
	if !ok {
		return nil, nil, false
	}
	head, data, ok := bytes.Cut(rest, []byte(","))
	head = bytes.ToLower(head)
	media, isBase64 := bytes.CutSuffix(head, []byte(";base64"))
	if !ok || !isBase64 {
		return nil, nil, false
	}
	media, _, _ = bytes.Cut(media, []byte(";"))
	return bytes.TrimSpace(media), data, true
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
