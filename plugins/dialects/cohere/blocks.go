package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// blocks appends the pieces of a message: the plan that stands before tool calls, which is a
// text to clients, the content, and the calls.
func (m *message) blocks(dst []canonical.Block) []canonical.Block {
	if len(canonical.Inside(m.plan)) > 0 {
		dst = append(dst, canonical.Block{Kind: canonical.TextBlock, Text: m.plan})
	}
	first := len(dst)
	if m.content.Kind() == '"' {
		dst = append(dst, canonical.Block{Kind: canonical.TextBlock, Text: m.content})
	}
	for v := range m.content.Items {
		dst = append(dst, readContent(v))
	}
	m.cite(dst[first:])
	for v := range m.toolCalls.Items {
		dst = append(dst, readCall(v))
	}
	return dst
}

// readContent reads an element of a content: a text, or what the model thought, which has
// no signature at Cohere's.
func readContent(v canonical.Value) canonical.Block {
	b := canonical.Block{Thought: v}
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			switch string(canonical.Text(member)) {
			case "text":
				b.Kind = canonical.TextBlock
			case "thinking":
				b.Kind = canonical.ThinkingBlock
			}
		case "text":
			b.Text = member
		case "thinking":
			b.Thinking = member
		}
	}
	return b
}

func readCall(v canonical.Value) canonical.Block {
	function := v.Member("function")
	return canonical.Block{Kind: canonical.CallBlock, ID: v.Member("id"), Name: function.Member("name"), Input: function.Member("arguments")}
}

// cite adds the citations to the texts that they are of: that with their index in the
// content, or the first one.
func (m *message) cite(content []canonical.Block) {
	text := -1
	for i := range content {
		if content[i].Kind == canonical.TextBlock {
			text = i
			break
		}
	}
	for v := range m.citations.Items {
		of := text
		if i, ok := v.Member("content_index").Whole(); ok && i >= 0 && i < int64(len(content)) && content[i].Kind == canonical.TextBlock {
			of = int(i)
		}
		if of < 0 {
			return
		}
		for page := range citations(v) {
			content[of].Citations = append(content[of].Citations, page)
		}
	}
}

// citations yields the sources of one citation.
func citations(v canonical.Value) func(yield func(canonical.Citation) bool) {
	return func(yield func(canonical.Citation) bool) {
		from, to := canonical.Whole(v.Member("start")), canonical.Whole(v.Member("end"))
		for source := range v.Member("sources").Items {
			page := readSource(source)
			page.Exact, page.From, page.To = true, from, to
			if !page.URL.Null() && !yield(page) {
				return
			}
		}
	}
}

// readSource reads a document or what a tool returned. Its address is the one that it has
// among its data, or else its id.
func readSource(v canonical.Value) (page canonical.Citation) {
	data := canonical.Or(v.Member("document"), v.Member("tool_output"))
	for key, member := range data.Members {
		switch string(key) {
		case "url":
			if member.Kind() == '"' {
				page.URL = member
			}
		case "title":
			if member.Kind() == '"' {
				page.Title = member
			}
		}
	}
	if id := v.Member("id"); page.URL.Null() && id.Kind() == '"' {
		page.URL = id
	}
	return page
}
