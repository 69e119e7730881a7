package main

import "github.com/valyala/fastjson"

// writeAnnotations writes the citations that point to an address, with the span of
// characters that they back. Citations of documents in the request have no
// counterpart.
func (t *translator) writeAnnotations(w *writer, blocks []*fastjson.Value) {
	at, first := int64(0), true
	for _, b := range blocks {
		if blockType(b) != textBlock {
			continue
		}
		raw, _ := rawString(t.raw[:0], b.Get("text"))
		t.raw = raw
		end := at + runes(raw)
		for _, citation := range b.GetArray("citations") {
			url := cited(citation)
			if missing(url) {
				continue
			}
			if first {
				w.name("annotations")
				w.open('[')
				first = false
			}
			writeAnnotation(w, url, citation.Get("title"), at, end)
		}
		at = end
	}
	if !first {
		w.close(']')
	}
}

// cited is the address that a citation points to; nil when it points to none.
func cited(citation *fastjson.Value) *fastjson.Value {
	switch string(citation.GetStringBytes("type")) {
	case "web_search_result_location":
		return citation.Get("url")
	case "search_result_location":
		return citation.Get("source")
	}
	return nil
}

func writeAnnotation(w *writer, url, title *fastjson.Value, from, to int64) {
	w.open('{')
	w.memberLiteral("type", `"url_citation"`)
	w.name("url_citation")
	w.open('{')
	w.memberInt("start_index", from)
	w.memberInt("end_index", to)
	w.memberValue("url", url)
	if missing(title) {
		w.memberLiteral("title", `""`)
	}
	w.memberValue("title", title)
	w.close('}')
	w.close('}')
}
