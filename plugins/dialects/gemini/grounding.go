package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// reference is a page that a text refers to. From and to are the span of the text that does,
// in bytes of UTF-8; a whole one has no span.
type reference struct {
	page     canonical.Citation
	part     int64
	from, to int64
	whole    bool
}

// references yields the pages that an answer refers to: those that a search has found, and
// those that Google recognizes in the text.
func (c *candidate) references(yield func(reference) bool) {
	pages := groundingPages(c.grounding.Member("groundingChunks"))
	supports := c.grounding.Member("groundingSupports")
	for v := range supports.Items {
		r := readSegment(v.Member("segment"))
		for index := range v.Member("groundingChunkIndices").Items {
			n, ok := index.Whole()
			if !ok || n < 0 || n >= int64(len(pages)) || pages[n].URL == nil {
				continue
			}
			r.page = pages[n]
			if !yield(r) {
				return
			}
		}
	}
	if !canonical.Filled(supports) {
		for _, page := range pages {
			if page.URL != nil && !yield(reference{page: page, whole: true}) {
				return
			}
		}
	}
	for _, list := range [...]string{"citationSources", "citations"} {
		for v := range c.citations.Member(list).Items {
			r := readSegment(v)
			r.page = canonical.Citation{URL: v.Member("uri"), Title: v.Member("title")}
			if len(canonical.Inside(r.page.URL)) > 0 && !yield(r) {
				return
			}
		}
	}
}

// groundingPages are the pages that were found; what has no address, such as a passage of an
// uploaded file, has no URL.
func groundingPages(chunks canonical.Value) (pages []canonical.Citation) {
	for v := range chunks.Items {
		var page canonical.Citation
		for _, source := range v.Members { // web, retrievedContext, maps
			if url := source.Member("uri"); len(canonical.Inside(url)) > 0 {
				page = canonical.Citation{URL: url, Title: source.Member("title")}
			}
		}
		pages = append(pages, page)
	}
	return pages
}

func readSegment(v canonical.Value) (r reference) {
	for key, member := range v.Members {
		switch string(key) {
		case "partIndex":
			r.part = canonical.Whole(member)
		case "startIndex":
			r.from = canonical.Whole(member)
		case "endIndex":
			r.to = canonical.Whole(member)
		}
	}
	return r
}

// citeBlocks gives the texts of an answer the pages that they refer to. Spans count from the
// beginning of the text as a whole, unless they name a part. Parts are which of the answer's
// the blocks have been.
func citeBlocks(blocks []canonical.Block, parts []int64, c *candidate) {
	for r := range c.references {
		i, from, to, ok := locate(blocks, parts, &r)
		if !ok {
			continue
		}
		text := canonical.Inside(blocks[i].Text)
		if !r.whole {
			r.page.Exact, r.page.From, r.page.To = true, runesAt(text, from), runesAt(text, to)
		}
		blocks[i].Citations = append(blocks[i].Citations, r.page)
	}
}

// locate finds the text block with a span's beginning, and the span within it.
func locate(blocks []canonical.Block, parts []int64, r *reference) (i int, from, to int64, ok bool) {
	from, to = r.from, r.to
	for i = range blocks {
		if blocks[i].Kind != canonical.TextBlock {
			continue
		}
		if r.part > 0 {
			if parts[i] == r.part {
				return i, from, to, true
			}
			continue
		}
		size := decodedSize(canonical.Inside(blocks[i].Text))
		if r.whole || from < size {
			return i, from, to, true
		}
		from, to = from-size, to-size
	}
	return 0, 0, 0, false
}

// The functions below take the inside of a JSON string.

// nextRune is the size of the first character, as it is written and in UTF-8.
func nextRune(raw []byte) (written, size int) {
	switch c := raw[0]; {
	case c != '\\':
		switch {
		case c < 0x80:
			return 1, 1
		case c < 0xe0:
			size = 2
		case c < 0xf0:
			size = 3
		default:
			size = 4
		}
		return min(size, len(raw)), size
	case len(raw) < 6 || raw[1] != 'u':
		return min(2, len(raw)), 1
	}
	switch code := hexadecimal(raw[2:6]); {
	case code < 0x80:
		return 6, 1
	case code < 0x800:
		return 6, 2
	case code >= 0xd800 && code < 0xdc00 && len(raw) >= 12 && raw[6] == '\\':
		return 12, 4 // a surrogate pair
	}
	return 6, 3
}

func hexadecimal(digits []byte) (n int) {
	for _, c := range digits {
		switch {
		case c <= '9':
			n = n<<4 | int(c-'0')
		default:
			n = n<<4 | int((c|0x20)-'a'+10)
		}
	}
	return n
}

// decodedSize is the length of the text in bytes of UTF-8.
func decodedSize(raw []byte) (n int64) {
	for len(raw) > 0 {
		written, size := nextRune(raw)
		raw, n = raw[written:], n+int64(size)
	}
	return n
}

// runesAt counts the characters in the first so many bytes of UTF-8.
func runesAt(raw []byte, bytes int64) (n int64) {
	for len(raw) > 0 && bytes > 0 {
		written, size := nextRune(raw)
		raw, bytes, n = raw[written:], bytes-int64(size), n+1
	}
	return n
}
