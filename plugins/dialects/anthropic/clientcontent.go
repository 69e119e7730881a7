package anthropic

import (
	"encoding/base64"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// clientBlock is a content block of a client's request with its members, nil when absent.
type clientBlock struct {
	kind, text, source, title      canonical.Value
	context, citations, cacheMark  canonical.Value
	sourceKind, media, data, where canonical.Value
}

func readClientBlock(v canonical.Value) (b clientBlock) {
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			b.kind = member
		case "text":
			b.text = member
		case "source":
			b.source = member
		case "title":
			b.title = member
		case "context":
			b.context = member
		case "citations":
			b.citations = member
		case "cache_control":
			b.cacheMark = member
		}
	}
	for key, member := range b.source.Members {
		switch string(key) {
		case "type":
			b.sourceKind = member
		case "media_type":
			b.media = member
		case "data":
			b.data = member
		case "url", "file_id":
			b.where = member
		}
	}
	return b
}

// writePart writes a block as a part. Blocks that OpenAI has nothing like pass as they are.
func (a *accepted) writePart(v canonical.Value, at place, k int) error {
	if v.Kind() != '{' {
		return at.reject(k, "", "must be a content block")
	}
	b := readClientBlock(v)
	switch string(canonical.Text(b.kind)) {
	case "text":
		a.Open('{')
		a.MemberLiteral("type", `"text"`)
		a.MemberValue("text", b.text)
		a.writeCitations(b.citations)
		a.endPart(&b)
		return nil
	case "image":
		return a.writeImage(&b, v, at, k)
	case "document":
		return a.writeDocument(&b, v, at, k)
	}
	a.Value(v)
	return nil
}

func (a *accepted) endPart(b *clientBlock) {
	a.MemberValue("cache_control", b.cacheMark)
	a.Close('}')
}

// writeCitations writes the citations of an earlier answer for Anthropic to see again. Those
// that another provider's answer was given can't be: they name no place that Anthropic knows.
func (a *accepted) writeCitations(list canonical.Value) {
	if !canonical.Filled(list) {
		return
	}
	mark := len(a.B)
	a.Name("citations")
	a.Open('[')
	start := len(a.B)
	for v := range list.Items {
		if index := v.Member("encrypted_index"); index == nil || len(canonical.Inside(index)) > 0 {
			a.Value(v)
		}
	}
	if len(a.B) == start {
		a.B = a.B[:mark]
		return
	}
	a.Close(']')
}

// writeImage writes an image, unless it is one that the provider keeps: that passes as it is.
func (a *accepted) writeImage(b *clientBlock, v canonical.Value, at place, k int) error {
	url := b.where
	switch string(canonical.Text(b.sourceKind)) {
	case "base64":
		if b.data.Kind() != '"' || b.media.Kind() != '"' {
			return at.reject(k, ".source", "must have media_type and data")
		}
		url = nil
	case "url":
		if url.Kind() != '"' {
			return at.reject(k, ".source.url", "must be a string")
		}
	default:
		a.Value(v)
		return nil
	}
	a.Open('{')
	a.MemberLiteral("type", `"image_url"`)
	a.Name("image_url")
	a.Open('{')
	a.Name("url")
	if url != nil {
		a.Value(url)
	} else {
		a.writeDataURL(b.media, b.data)
	}
	a.Close('}')
	a.endPart(b)
	return nil
}

// writeDataURL writes a data: URL. Both values are strings.
func (a *accepted) writeDataURL(media, data canonical.Value) {
	a.Raw(`"data:`)
	a.B = append(a.B, canonical.Inside(media)...)
	a.Raw(";base64,")
	a.B = append(a.B, canonical.Inside(data)...)
	a.Byte('"')
}

// writeDocument writes a document as a file, unless it is made of blocks: that passes as it
// is.
func (a *accepted) writeDocument(b *clientBlock, v canonical.Value, at place, k int) error {
	kind := string(canonical.Text(b.sourceKind))
	switch kind {
	case "base64", "text":
		if b.data.Kind() != '"' {
			return at.reject(k, ".source.data", "must be a string")
		}
	case "url", "file":
		if b.where.Kind() != '"' {
			return at.reject(k, ".source", "must have a "+kind)
		}
	default:
		a.Value(v)
		return nil
	}
	a.Open('{')
	a.MemberLiteral("type", `"file"`)
	a.Name("file")
	a.Open('{')
	a.MemberValue("filename", b.title)
	a.writeFile(kind, b)
	a.Close('}')
	a.MemberValue("context", b.context)
	a.MemberValue("citations", b.citations)
	a.endPart(b)
	return nil
}

func (a *accepted) writeFile(kind string, b *clientBlock) {
	switch kind {
	case "url":
		a.MemberValue("file_url", b.where)
	case "file":
		a.MemberValue("file_id", b.where)
	case "base64":
		a.Name("file_data")
		a.writeDataURL(canonical.Or(b.media, canonical.Value(`"application/pdf"`)), b.data)
	case "text":
		a.Name("file_data")
		a.Raw(`"data:text/plain;base64,`)
		a.scratch, _ = b.data.Text(a.scratch[:0])
		a.B = append(base64.StdEncoding.AppendEncode(a.B, a.scratch), '"')
	}
}
