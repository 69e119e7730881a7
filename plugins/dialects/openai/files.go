package openai

import (
	"bytes"
	"encoding/base64"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeFile writes a file. OpenAI takes PDF; what is text is sent as such.
func (r *request) writeFile(v canonical.Value, p *canonical.Part, at string) error {
	file := p.File()
	switch {
	case file.Inline && canonical.IsTextType(file.Media):
		text := r.textOfFile(&file)
		if len(text) == 0 {
			return canonical.Reject(at+".file", "the file is empty, or its data is not base64")
		}
		r.writeTextPart(text)
	case file.Inline:
		r.Literal(`{"type":"file","file":{"filename":`)
		if len(file.Name) == 0 {
			file.Name = []byte("document.pdf") // OpenAI requires a name
		}
		r.Text(file.Name)
		r.Raw(`,"file_data":"data:`)
		r.B = append(append(append(r.B, file.Media...), ";base64,"...), file.Data...)
		r.Raw(`"}}`)
	case len(file.ID) > 0:
		r.Literal(`{"type":"file"`)
		r.MemberValue("file", v.Member("file"))
		r.Close('}')
	default:
		return canonical.Reject(at+".file", "OpenAI's chat completions take no file by its address; send its data")
	}
	return nil
}

// textOfFile returns a text file's name and text, as the inside of a JSON string. It is empty
// when the data is not base64.
func (r *request) textOfFile(file *canonical.File) []byte {
	encoding := base64.StdEncoding
	if !bytes.HasSuffix(file.Data, []byte("=")) {
		encoding = base64.RawStdEncoding
	}
	text, err := encoding.AppendDecode(nil, file.Data)
	if err != nil || len(text) == 0 {
		return nil
	}
	var inside []byte
	if len(file.Name) > 0 {
		inside = append(penstock.AppendInside(inside, file.Name), `:\n`...)
	}
	return penstock.AppendInside(inside, bytes.ToValidUTF8(text, []byte("\ufffd")))
}
