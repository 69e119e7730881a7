package canonical

import "bytes"

// maxPending bounds the citations that wait for the end of the reply, in bytes.
const maxPending = 20 << 10

// BeginText begins a text whose citations have a span of their own.
func (c *Chunks) BeginText() { c.textStart, c.citations = c.text, nil }

// BreakText sends a paragraph break before a text that has begun, and of which nothing has
// been sent.
func (c *Chunks) BreakText() {
	c.Text([]byte(Paragraph))
	c.textStart = c.text
}

// Cite remembers a page that the text refers to until the text has come. Beyond the bound
// of the state citations are left out.
func (c *Chunks) Cite(page Citation) {
	w := Writer{B: c.scratch[:0]}
	page.write(&w)
	c.scratch = w.B
	if len(c.citations)+len(c.annotations)+len(w.B) > maxPending {
		return
	}
	// A line each: JSON in one line holds no line feed.
	c.citations = append(append(c.citations, w.B...), '\n')
}

// TextLen is how many characters of content have been sent.
func (c *Chunks) TextLen() int64 { return c.text }

// CiteIn remembers a page that a text refers to whose characters are from start to end.
// Beyond the bound of the state citations are left out.
func (c *Chunks) CiteIn(page Citation, start, end int64) {
	from, to := page.span(start, end)
	w := Writer{B: c.scratch[:0]}
	beginAnnotation(&w, from, to)
	page.write(&w)
	endAnnotation(&w)
	c.scratch = append(w.B, '\n')
	if len(c.citations)+len(c.annotations)+len(c.scratch) <= maxPending {
		c.annotations = append(c.annotations, c.scratch...)
	}
}

// EndText gives the citations of the text that ends now its span.
func (c *Chunks) EndText() {
	for line := range bytes.Lines(c.citations) {
		w := Writer{B: c.scratch[:0]}
		beginAnnotation(&w, c.textStart, c.text)
		w.Value(line[:len(line)-1])
		endAnnotation(&w)
		c.scratch = append(w.B, '\n')
		c.annotations = append(c.annotations, c.scratch...)
	}
	c.citations = nil
}

// sendAnnotations sends all annotations in one chunk. OpenAI's own clients join the lists
// of several chunks by an index that annotations do not have: one of them fails, another
// keeps the last list only.
func (c *Chunks) sendAnnotations() {
	if len(c.annotations) == 0 {
		return
	}
	w := c.begin()
	w.Name("annotations")
	w.Open('[')
	for line := range bytes.Lines(c.annotations) {
		w.Value(line[:len(line)-1])
	}
	w.Close(']')
	c.end()
	c.annotations = nil
}
