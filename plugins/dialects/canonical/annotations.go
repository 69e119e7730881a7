package canonical

// Citation is a page that a text refers to.
type Citation struct {
	URL, Title Value
	// Exact says that the page is referred to by the characters from From to To of the text,
	// not by the whole text.
	Exact    bool
	From, To int64
}

// span returns the characters that refer to the page, when those of the text are from start
// to end.
func (c *Citation) span(start, end int64) (from, to int64) {
	if !c.Exact {
		return start, end
	}
	from = start + min(max(c.From, 0), end-start)
	return from, max(from, start+min(c.To, end-start))
}

// write writes the members of a url_citation that name the page.
func (c *Citation) write(w *Writer) {
	w.MemberValue("url", c.URL)
	if c.Title.Null() {
		w.MemberLiteral("title", `""`)
	}
	w.MemberValue("title", c.Title)
}

// beginAnnotation writes an annotation of a span of characters, up to the members that
// name the page.
func beginAnnotation(w *Writer, from, to int64) {
	w.Open('{')
	w.MemberLiteral("type", `"url_citation"`)
	w.Name("url_citation")
	w.Open('{')
	w.MemberInt("start_index", from)
	w.MemberInt("end_index", to)
}

func endAnnotation(w *Writer) { w.Raw("}}") }
