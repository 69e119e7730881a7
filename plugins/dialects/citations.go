package main

import "bytes"

// keepCitation remembers a citation until the text it backs has come: Anthropic
// sends it before. Beyond the bound of the state citations are left out.
func (t *translator) keepCitation(citation value) {
	c := readCitation(citation)
	if c.url.Null() {
		return
	}
	w := writer{b: t.raw[:0]}
	c.write(&w)
	t.raw = w.b
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
		beginAnnotation(w, s.textStart, s.text)
		w.value(line[:len(line)-1])
		endAnnotation(w)
	}
	w.close(']')
	t.endChunk()
	s.citations = nil
}
