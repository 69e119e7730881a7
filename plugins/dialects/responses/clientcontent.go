package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeClientPart writes a part of a client's message. Parts that the canonical form has
// nothing like pass as they are.
func (a *accepted) writeClientPart(v canonical.Value, at string) error {
	if v.Kind() != '{' {
		return canonical.Reject(at, "must be a content part")
	}
	p := canonical.ReadPart(v)
	kind := string(canonical.Text(p.Kind))
	switch {
	case canonical.IsText(kind):
		if p.Text().Kind() != '"' {
			return canonical.Reject(at, "must have a text that is a string")
		}
		a.Literal(`{"type":"text","text":`)
		a.Value(p.Text())
		a.endClientPart(&p)
	case kind == "input_image" || kind == "computer_screenshot":
		return a.writeClientImage(v, &p, at)
	case kind == "input_file":
		a.writeClientFile(v, &p)
	default:
		a.Value(v)
	}
	return nil
}

// endClientPart ends a part with its cache breakpoint.
func (a *accepted) endClientPart(p *canonical.Part) {
	if p.ExplicitBreakpoint() {
		a.MemberLiteral("prompt_cache_breakpoint", `{"mode":"explicit"}`)
	}
	a.Close('}')
}

// writeClientImage writes an image, unless it is one that the provider keeps: that passes as
// it is.
func (a *accepted) writeClientImage(v canonical.Value, p *canonical.Part, at string) error {
	url := v.Member("image_url")
	if url.Kind() != '"' {
		if file := p.File(); len(file.ID) > 0 {
			a.Value(v)
			return nil
		}
		return canonical.Reject(at+".image_url", "an image needs a URL or a base64 data: URL")
	}
	a.Literal(`{"type":"image_url","image_url":{"url":`)
	a.Value(url)
	if detail := string(canonical.Text(p.Detail())); detail == "low" || detail == "high" {
		a.MemberValue("detail", p.Detail())
	}
	a.Close('}')
	a.endClientPart(p)
	return nil
}

func (a *accepted) writeClientFile(v canonical.Value, p *canonical.Part) {
	a.Literal(`{"type":"file","file":{`)
	for _, name := range [...]string{"file_id", "file_data", "file_url", "filename"} {
		a.MemberValue(name, v.Member(name))
	}
	a.Close('}')
	a.endClientPart(p)
}
