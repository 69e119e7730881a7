package cohere

import (
	"strconv"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeImage writes an image by its data: URL or its address, which Cohere fetches.
func (r *request) writeImage(part *canonical.Part, i, k int) error {
	url := part.Image()
	if media, data, ok := canonical.DataURL(url); ok {
		if canonical.ImageType(media, data) == nil {
			return rejectMedium(i, k, "image_url", "Cohere takes PNG, JPEG, GIF and WebP images; convert it to one of them")
		}
	} else if canonical.WebURL(url) == nil {
		return rejectMedium(i, k, "image_url", "an image needs an http or https URL or a base64 data: URL")
	}
	r.Literal(`{"type":"image_url","image_url":{"url":`)
	r.Text(url)
	r.MemberValue("detail", part.Detail())
	r.Raw("}}")
	return nil
}

// rejectMedium refuses the request for what a part carries in the member called name.
func rejectMedium(message, part int, name, why string) error {
	return canonical.Reject(partPath(message, part)+"."+name, why)
}

// textFile is a text file of a message.
type textFile struct{ name, text []byte }

// readFile keeps a text file for the documents. An image in a file becomes an image.
func (r *request) readFile(part *canonical.Part, i, k int) error {
	file := part.File()
	switch {
	case !file.Inline:
		return rejectMedium(i, k, "file", "Cohere takes files by their data only; send file_data that is a base64 data: URL")
	case canonical.ImageType(file.Media, file.Data) != nil:
		r.Literal(`{"type":"image_url","image_url":{"url":"data:`)
		r.B = append(append(r.B, canonical.ImageType(file.Media, file.Data)...), ";base64,"...)
		r.B = append(r.B, file.Data...)
		r.Raw(`"}}`)
		return nil
	case !canonical.IsTextType(file.Media):
		return rejectMedium(i, k, "file", "Cohere takes text and image files; convert it to one of them")
	}
	text, _, why := canonical.TextFile(nil, file.Data) // each in memory of its own: several wait
	if why != "" {
		return rejectMedium(i, k, "file", why)
	}
	r.files = append(r.files, textFile{file.Name, text})
	return nil
}

// writeDocuments writes the request's own documents and the text files of its messages.
func (r *request) writeDocuments() error {
	own := r.in.Documents
	if !canonical.Filled(own) && len(r.files) == 0 {
		return nil
	}
	r.Name("documents")
	r.Open('[')
	for v := range own.Items {
		r.Value(v)
	}
	for i, f := range r.files {
		r.Open('{')
		r.MemberText("id", strconv.AppendInt([]byte("file:"), int64(i), 10))
		r.Name("data")
		r.Open('{')
		if len(f.name) > 0 {
			r.MemberText("title", f.name)
		}
		r.MemberText("text", f.text)
		r.Raw("}}")
	}
	r.Close(']')
	return nil
}
