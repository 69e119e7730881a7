package dialects

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
	if len(s.citations)+len(s.annotations)+len(w.b) > maxPending {
		return
	}
	// A line each: JSON in one line holds no line feed.
	s.citations = append(append(s.citations, w.b...), '\n')
}

// keepAnnotations gives the citations of the text that ends now their span.
func (t *translator) keepAnnotations() {
	s := &t.stream
	for line := range bytes.Lines(s.citations) {
		w := writer{b: t.raw[:0]}
		beginAnnotation(&w, s.textStart, s.text)
		w.value(line[:len(line)-1])
		endAnnotation(&w)
		t.raw = append(w.b, '\n')
		s.annotations = append(s.annotations, t.raw...)
	}
	s.citations = nil
}

// sendAnnotations sends all annotations in one chunk. OpenAI's own clients join the
// lists of several chunks by an index that annotations do not have: one of them fails,
// another keeps the last list only.
func (t *translator) sendAnnotations() {
	s := &t.stream
	if len(s.annotations) == 0 {
		return
	}
	w := t.beginChunk()
	w.name("annotations")
	w.open('[')
	for line := range bytes.Lines(s.annotations) {
		w.value(line[:len(line)-1])
	}
	w.close(']')
	t.endChunk()
	s.annotations = nil
}
