package anthropic

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

const wrongImage = "Anthropic takes PNG, JPEG, GIF and WebP images; convert it to one of them"

// writeImage writes an image block from a data: or https URL.
func (r *request) writeImage(part *canonical.Part, i, k int) error {
	url := part.Image()
	if media, data, ok := canonical.DataURL(url); ok {
		if media = canonical.ImageType(media, data); media == nil {
			return rejectMedium(i, k, "image_url", wrongImage)
		}
		r.writeSource(`"image"`, media, data)
	} else {
		if url = canonical.HTTPSURL(url); url == nil {
			return rejectMedium(i, k, "image_url", "an image needs an https URL or a base64 data: URL; Anthropic fetches nothing over http")
		}
		r.writeURL(`"image"`, url)
	}
	r.endBlock(part)
	return nil
}

// rejectMedium refuses the request for what a part carries in the member called name.
func rejectMedium(message, part int, name, why string) error {
	return canonical.Reject(partPath(message, part)+"."+name, why)
}

// writeFile writes a document block from a file's data, address or id. An image in a file
// becomes an image block.
func (r *request) writeFile(part *canonical.Part, i, k int) error {
	file := part.File()
	image, why := r.writeFileSource(&file)
	if why != "" {
		return rejectMedium(i, k, "file", why)
	}
	if len(file.Name) > 0 && !image {
		r.MemberText("title", file.Name)
	}
	if !image {
		r.MemberValue("context", part.Context)
		r.MemberValue("citations", part.Citations)
	}
	r.endBlock(part)
	return nil
}

// writeFileSource begins a file's block and writes its source, or returns why it can't.
func (r *request) writeFileSource(file *canonical.File) (image bool, why string) {
	switch {
	case len(file.ID) > 0:
		r.files = true
		r.openSource(`"document"`, `"file"`)
		r.MemberText("file_id", file.ID)
		r.Close('}')
	case file.URL != nil:
		r.writeURL(`"document"`, file.URL)
	case file.Inline:
		return r.writeFileData(file.Media, file.Data)
	default:
		return false, "a file needs a file_id, an https URL, or file_data that is a base64 data: URL"
	}
	return false, ""
}

func (r *request) writeFileData(media, data []byte) (image bool, why string) {
	switch {
	case bytes.HasPrefix(media, []byte("image/")):
		if media = canonical.ImageType(media, data); media == nil {
			return true, wrongImage
		}
		r.writeSource(`"image"`, media, data)
		return true, ""
	case canonical.IsTextType(media):
		return false, r.writeTextSource(data)
	case string(media) == "application/pdf":
		r.writeSource(`"document"`, media, data)
		return false, ""
	}
	return false, "Anthropic takes PDF, text and image files; convert it to one of them"
}

// openSource begins a block and its source.
func (r *request) openSource(block, source string) {
	r.block()
	r.Open('{')
	r.MemberLiteral("type", block)
	r.Name("source")
	r.Open('{')
	r.MemberLiteral("type", source)
}

func (r *request) writeSource(block string, media, data []byte) {
	r.openSource(block, `"base64"`)
	r.MemberText("media_type", media)
	r.MemberText("data", data)
	r.Close('}')
}

func (r *request) writeURL(block string, url []byte) {
	r.openSource(block, `"url"`)
	r.MemberText("url", url)
	r.Close('}')
}

// writeTextSource writes a text document, which Anthropic takes as plain text, or returns why
// it can't.
func (r *request) writeTextSource(data []byte) (why string) {
	var text []byte
	if text, r.Scratch, why = canonical.TextFile(r.Scratch, data); why != "" {
		return why
	}
	r.openSource(`"document"`, `"text"`)
	r.MemberLiteral("media_type", `"text/plain"`)
	r.MemberText("data", text)
	r.Close('}')
	return ""
}
