package main

import (
	"encoding/binary"

	"github.com/valyala/fastjson"
)

// keepCitation remembers a citation until the text it backs has come: Anthropic
// sends it before. Beyond the bound of the state citations are left out.
func (t *translator) keepCitation(citation *fastjson.Value) {
	url := cited(citation)
	if missing(url) {
		return
	}
	w := writer{}
	w.memberValue("url", url)
	if title := citation.Get("title"); missing(title) {
		w.memberLiteral("title", `""`)
	} else {
		w.memberValue("title", title)
	}
	s := &t.stream
	if len(s.citations)+len(w.b) > maxPending {
		return
	}
	s.citations = binary.AppendUvarint(s.citations, uint64(len(w.b)))
	s.citations = append(s.citations, w.b...)
}

// sendCitations sends the citations of the text that ends now.
func (t *translator) sendCitations() {
	s := &t.stream
	if len(s.citations) == 0 {
		return
	}
	w := t.beginChunk()
	w.name("annotations")
	w.open('[')
	for d := (decoder{rest: s.citations}); len(d.rest) > 0 && !d.bad; {
		w.open('{')
		w.memberLiteral("type", `"url_citation"`)
		w.name("url_citation")
		w.open('{')
		w.memberInt("start_index", s.textStart)
		w.memberInt("end_index", s.text)
		w.comma()
		w.b = append(w.b, d.bytes()...)
		w.close('}')
		w.close('}')
	}
	w.close(']')
	t.endChunk()
	s.citations = nil
}
