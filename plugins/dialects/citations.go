package main

import (
	"bytes"

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
	// A line each: JSON in one line holds no line feed.
	s.citations = append(append(s.citations, w.b...), '\n')
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
	for line := range bytes.Lines(s.citations) {
		w.open('{')
		w.memberLiteral("type", `"url_citation"`)
		w.name("url_citation")
		w.open('{')
		w.memberInt("start_index", s.textStart)
		w.memberInt("end_index", s.text)
		w.comma()
		w.b = append(w.b, line[:len(line)-1]...)
		w.close('}')
		w.close('}')
	}
	w.close(']')
	t.endChunk()
	s.citations = nil
}
