package canonical

// Part is one part of a message's content with its members; nil when absent.
type Part struct {
	// Kind is the part's type.
	Kind          Value
	text, refusal Value
	// CacheControl marks the end of a prompt that is to be cached; breakpoint is OpenAI's
	// member for it.
	CacheControl             Value
	breakpoint               Value
	imageURL, detail         Value
	file, id, data, filename Value
	fileURL                  Value
	// Citations and Context are Anthropic's: what an earlier answer cited or that a document
	// may be cited, and what is said of a document.
	Citations, Context Value
}

// ReadPart reads the members of a part.
func ReadPart(v Value) (p Part) {
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			p.Kind = member
		case "text":
			p.text = member
		case "refusal":
			p.refusal = member
		case "image_url":
			p.imageURL = member
		case "detail":
			p.detail = member
		case "file":
			p.file = member
		case "file_id":
			p.id = member
		case "file_data":
			p.data = member
		case "file_url", "document_url": // the latter is Mistral's
			p.fileURL = member
		case "filename":
			p.filename = member
		case "cache_control":
			p.CacheControl = member
		case "citations":
			p.Citations = member
		case "context":
			p.Context = member
		case "prompt_cache_breakpoint":
			p.breakpoint = member
		}
	}
	return p
}

// IsText reports whether parts of a type are text, by whichever name.
func IsText(kind string) bool {
	switch kind {
	case "text", "input_text", "output_text", "refusal":
		return true
	}
	return false
}

// Text is the text of a part that IsText.
func (p *Part) Text() Value {
	if string(Text(p.Kind)) == "refusal" {
		return p.refusal
	}
	return p.text
}

// ExplicitBreakpoint reports whether the part asks for a cache breakpoint in OpenAI's
// words.
func (p *Part) ExplicitBreakpoint() bool {
	return string(Text(p.breakpoint.Member("mode"))) == "explicit"
}

// Image is the address of a part's image.
func (p *Part) Image() []byte {
	if url := Text(p.imageURL); url != nil {
		return url
	}
	return Text(p.imageURL.Member("url"))
}

// Detail says how closely the model is to look at a part's image.
func (p *Part) Detail() Value { return Or(p.imageURL.Member("detail"), p.detail) }

// File is the file of a part.
type File struct {
	// ID names an uploaded file, URL its address; nil when absent.
	ID, URL []byte
	// Inline is set when Data holds the file itself, in base64, and Media its type.
	Inline      bool
	Media, Data []byte
	Name        []byte
}

// File reads a part's file, whose members may also stand in the part itself.
func (p *Part) File() (f File) {
	file := p
	if p.file.Kind() == '{' {
		inner := ReadPart(p.file)
		file = &inner
	}
	content := Text(file.data)
	if len(content) == 0 {
		content = Text(file.fileURL)
	}
	f.ID, f.Name, f.URL = Text(file.id), Text(file.filename), HTTPSURL(content)
	f.Media, f.Data, f.Inline = DataURL(content)
	if !f.Inline && len(content) > 0 && IsBase64(content) {
		f.Media, f.Data, f.Inline = []byte("application/pdf"), content, true
	}
	return f
}
