package main

// writeAnnotations writes the citations that point to an address, with the span of
// characters that they back. Citations of documents in the request have no
// counterpart.
func (t *translator) writeAnnotations(w *writer) {
	if !t.cites() {
		return
	}
	at, first := int64(0), true
	for i := range t.blocks {
		b := &t.blocks[i]
		if b.kind != textBlock {
			continue
		}
		end := at
		if inside, ok := b.text.Inside(); ok {
			end += runes(inside)
		}
		for v := range b.citations.Items {
			c := readCitation(v)
			if c.url.Null() {
				continue
			}
			if first {
				w.name("annotations")
				w.open('[')
				first = false
			}
			beginAnnotation(w, at, end)
			c.write(w)
			endAnnotation(w)
		}
		at = end
	}
	if !first {
		w.close(']')
	}
}

// cites reports whether there is a citation at all: counting characters takes time.
func (t *translator) cites() bool {
	for i := range t.blocks {
		if filled(t.blocks[i].citations) {
			return true
		}
	}
	return false
}

// citation is what a text block says about where its text comes from; url is nil when
// it points to no address.
type citation struct{ url, title value }

func readCitation(v value) (c citation) {
	var kind, url, source value
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			kind = member
		case "url":
			url = member
		case "source":
			source = member
		case "title":
			c.title = member
		}
	}
	switch string(text(kind)) {
	case "web_search_result_location":
		c.url = url
	case "search_result_location":
		c.url = source
	}
	return c
}

// write writes the members of a url_citation that name the source.
func (c citation) write(w *writer) {
	w.memberValue("url", c.url)
	if c.title.Null() {
		w.memberLiteral("title", `""`)
	}
	w.memberValue("title", c.title)
}

// beginAnnotation writes an annotation up to the members that name the source.
func beginAnnotation(w *writer, from, to int64) {
	w.open('{')
	w.memberLiteral("type", `"url_citation"`)
	w.name("url_citation")
	w.open('{')
	w.memberInt("start_index", from)
	w.memberInt("end_index", to)
}

func endAnnotation(w *writer) {
	w.close('}')
	w.close('}')
}
