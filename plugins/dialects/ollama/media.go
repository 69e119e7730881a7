package ollama

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// readImage reads an image from a data: URL. Ollama fetches none.
func (r *request) readImage(part *canonical.Part, i, k int) error {
	media, data, ok := canonical.DataURL(part.Image())
	if !ok {
		return rejectMedium(i, k, "image_url", "Ollama fetches no images; send a base64 data: URL")
	}
	return r.addImage(media, data, i, k, "image_url")
}

// addImage adds an image that stands in the member called name.
func (r *request) addImage(media, data []byte, i, k int, name string) error {
	switch {
	case canonical.ImageType(media, data) == nil:
		return rejectMedium(i, k, name, "Ollama takes PNG, JPEG, GIF and WebP images; convert it to one of them")
	case !canonical.IsBase64(data) || len(data)%4 == 1:
		return rejectMedium(i, k, name, "the image's data is not base64")
	}
	r.parts.images = append(r.parts.images, data)
	return nil
}

// writeImage writes an image's data. Ollama wants the padding that some clients leave out.
func (r *request) writeImage(data []byte) {
	r.Open('"')
	r.B = append(r.B, data...)
	for n := len(data); n%4 != 0; n++ {
		r.Byte('=')
	}
	r.Byte('"')
}

// readFile reads a text file as a text under its name, an image as an image.
func (r *request) readFile(part *canonical.Part, i, k int) error {
	file := part.File()
	switch {
	case !file.Inline:
		return rejectMedium(i, k, "file", "Ollama takes files by their data only; send file_data that is a base64 data: URL")
	case canonical.ImageType(file.Media, file.Data) != nil:
		return r.addImage(file.Media, file.Data, i, k, "file")
	case !canonical.IsTextType(file.Media):
		return rejectMedium(i, k, "file", "Ollama takes text and image files; convert it to one of them")
	}
	text, memory, why := canonical.TextFile(r.Scratch, file.Data)
	if r.Scratch = memory; why != "" {
		return rejectMedium(i, k, "file", why)
	}
	if len(file.Name) > 0 {
		r.parts.add(penstock.AppendInside(nil, append(file.Name[:len(file.Name):len(file.Name)], ':')))
	}
	r.parts.add(penstock.AppendInside(nil, text))
	return nil
}

// rejectMedium refuses the request for what a part carries in the member called name.
func rejectMedium(message, part int, name, why string) error {
	return canonical.Reject(partPath(message, part)+"."+name, why)
}
