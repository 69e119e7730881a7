package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// clientPage is a page that an answer refers to: a JSON string each, and the span of the text
// that does in characters, 0 and 0 for none.
type clientPage struct {
	url, title canonical.Value
	start, end int64
}

// writeGrounding writes the pages that a text refers to, each once, and where it does. Google
// counts in bytes of UTF-8, which bytesAt gives of a number of characters; it is nil when that
// is not known.
func writeGrounding(w *canonical.Writer, pages []clientPage, bytesAt func(runes int64) int64) {
	if len(pages) == 0 {
		return
	}
	w.Name("groundingMetadata")
	w.Raw(`{"groundingChunks":[`)
	var known []canonical.Value
	numbers := make([]int64, len(pages))
	for i := range pages {
		p := &pages[i]
		n := 0
		for n < len(known) && !bytes.Equal(known[n], p.url) {
			n++
		}
		if numbers[i] = int64(n); n < len(known) {
			continue
		}
		known = append(known, p.url)
		w.Literal(`{"web":{`)
		w.MemberValue("uri", p.url)
		if p.title.Kind() == '"' {
			w.MemberValue("title", p.title)
		}
		w.Raw("}}")
	}
	w.Close(']')
	mark := len(w.B)
	w.Name("groundingSupports")
	w.Open('[')
	start := len(w.B)
	for i := range pages {
		if p := &pages[i]; bytesAt != nil && p.end > p.start {
			w.Literal(`{"segment":{`)
			w.MemberInt("startIndex", bytesAt(p.start))
			w.MemberInt("endIndex", bytesAt(p.end))
			w.Raw(`},"groundingChunkIndices":[`)
			w.Int(numbers[i])
			w.Raw("]}")
		}
	}
	if len(w.B) == start {
		w.B = w.B[:mark]
	} else {
		w.Close(']')
	}
	w.Close('}')
}

// bytesAt counts the bytes of UTF-8 of the first so many characters, given the inside of a JSON
// string.
func bytesAt(raw []byte, runes int64) (n int64) {
	for len(raw) > 0 && runes > 0 {
		written, size := nextRune(raw)
		raw, runes, n = raw[written:], runes-1, n+int64(size)
	}
	return n
}
