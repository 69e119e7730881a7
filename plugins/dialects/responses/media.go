package responses

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeImage writes an image from its address, which may be a data: URL, or its file id.
func (r *request) writeImage(p *canonical.Part, i, k int) error {
	url := p.Image()
	file := p.File()
	if len(url) == 0 && len(file.ID) == 0 {
		return canonical.Reject(partPath(i, k)+".image_url", "an image needs a URL or a base64 data: URL")
	}
	r.Literal(`{"type":"input_image"`)
	if len(url) > 0 {
		r.MemberText("image_url", url)
	} else {
		r.MemberText("file_id", file.ID)
	}
	r.writeDetail(p)
	r.endPart(p)
	return nil
}

// writeDetail writes how closely the model is to look; some services require it.
func (r *request) writeDetail(p *canonical.Part) {
	if detail := p.Detail(); len(canonical.Inside(detail)) > 0 {
		r.MemberValue("detail", detail)
		return
	}
	r.MemberLiteral("detail", `"auto"`)
}

// writeFile writes a file from its data, address or id. An image in a file becomes an image.
func (r *request) writeFile(p *canonical.Part, i, k int) error {
	file := p.File()
	switch {
	case len(file.ID) > 0:
		r.Literal(`{"type":"input_file"`)
		r.MemberText("file_id", file.ID)
	case file.URL != nil:
		r.Literal(`{"type":"input_file"`)
		r.MemberText("file_url", file.URL)
	case file.Inline && bytes.HasPrefix(file.Media, []byte("image/")):
		r.Literal(`{"type":"input_image"`)
		r.writeDataURL("image_url", &file)
		r.writeDetail(p)
	case file.Inline:
		r.Literal(`{"type":"input_file"`)
		r.writeFileName(&file)
		r.writeDataURL("file_data", &file)
	default:
		return canonical.Reject(partPath(i, k)+".file", "a file needs a file_id, an https URL, or file_data that is a base64 data: URL")
	}
	r.endPart(p)
	return nil
}

// writeFileName writes the name of a file, which OpenAI requires beside data.
func (r *request) writeFileName(file *canonical.File) {
	switch {
	case len(file.Name) > 0:
		r.MemberText("filename", file.Name)
	case canonical.IsTextType(file.Media):
		r.MemberLiteral("filename", `"file.txt"`)
	default:
		r.MemberLiteral("filename", `"file.pdf"`)
	}
}

func (r *request) writeDataURL(name string, file *canonical.File) {
	r.Scratch = append(r.Scratch[:0], "data:"...)
	r.Scratch = append(append(append(r.Scratch, file.Media...), ";base64,"...), file.Data...)
	r.MemberText(name, r.Scratch)
}
