package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// readBlocks appends the blocks of a message's content, which some services give as one
// text.
func readBlocks(dst []canonical.Block, content canonical.Value) []canonical.Block {
	if content.Kind() == '"' {
		return append(dst, canonical.Block{Kind: canonical.TextBlock, Text: content})
	}
	var said canonical.Speech
	for v := range content.Items {
		b := readBlock(v)
		switch {
		case b.Kind == canonical.TextBlock && said.Say(canonical.Inside(b.Text)):
			dst = append(dst, canonical.Block{Kind: canonical.TextBlock, Text: canonical.Value(`"` + canonical.Paragraph + `"`)})
		case isServerTool(v):
			said.RunTool()
		}
		dst = append(dst, b)
	}
	return dst
}

// isServerTool reports whether a block is one of a tool that Anthropic has run.
func isServerTool(v canonical.Value) bool {
	return canonical.IsServerTool(string(canonical.Text(v.Member("type"))))
}

// readBlock reads a content block. Of those of the provider's own, such as a search and its
// results, there is nothing to read.
func readBlock(v canonical.Value) canonical.Block {
	b := canonical.Block{Thought: v}
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			b.Kind = blockKind(member)
		case "text":
			b.Text = member
		case "citations":
			b.Citations = readCitations(member)
		case "id":
			b.ID = member
		case "name":
			b.Name = member
		case "input":
			b.Input = member
		case "thinking":
			b.Thinking = member
		case "signature":
			b.Signature = member
		case "data":
			b.Data = member
		}
	}
	return b
}

func blockKind(kind canonical.Value) canonical.BlockKind {
	switch string(canonical.Text(kind)) {
	case "text":
		return canonical.TextBlock
	case "tool_use":
		return canonical.CallBlock
	case "thinking":
		return canonical.ThinkingBlock
	case "redacted_thinking":
		return canonical.RedactedBlock
	}
	return canonical.OtherBlock
}

func readCitations(list canonical.Value) (pages []canonical.Citation) {
	for v := range list.Items {
		if page := readCitation(v); !page.URL.Null() {
			pages = append(pages, page)
		}
	}
	return pages
}

// readCitation reads the citation of a page. Its URL is nil for others: citations of documents
// in the request have no counterpart.
func readCitation(v canonical.Value) (page canonical.Citation) {
	var kind, url, source canonical.Value
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			kind = member
		case "url":
			url = member
		case "source":
			source = member
		case "title":
			page.Title = member
		}
	}
	switch string(canonical.Text(kind)) {
	case "web_search_result_location":
		page.URL = url
	case "search_result_location":
		page.URL = source
	}
	return page
}
