package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// output is what the items of a reply hold.
type output struct {
	blocks   []canonical.Block
	details  []canonical.Detail
	logprobs []canonical.Value
	refusal  canonical.Value
	// searches counts web searches.
	searches int64
}

// read reads the items into the buffers of the reply before.
func (o *output) read(items canonical.Value) {
	*o = output{blocks: o.blocks[:0], details: o.details[:0], logprobs: o.logprobs[:0]}
	for v := range items.Items {
		it := readItem(v)
		switch it.kind {
		case messageItem:
			o.message(it.content)
		case callItem, customItem:
			o.blocks = append(o.blocks, it.block())
		case reasoningItem:
			o.details = it.appendDetails(o.details)
		case searchItem:
			o.searches++
		}
	}
}

// message reads the parts of a message. Messages are paragraphs of one text.
func (o *output) message(content canonical.Value) {
	before := len(o.blocks) > 0 && o.hasText()
	for v := range content.Items {
		part := readOutputPart(v)
		switch {
		case !part.refusal.Null():
			o.refusal = canonical.Or(o.refusal, part.refusal)
		case len(canonical.Inside(part.text)) > 0:
			if before {
				o.blocks = append(o.blocks, canonical.Block{Kind: canonical.TextBlock, Text: canonical.Value(`"` + canonical.Paragraph + `"`)})
				before = false
			}
			o.blocks = append(o.blocks, canonical.Block{Kind: canonical.TextBlock, Text: part.text, Citations: part.citations()})
			if canonical.Filled(part.logprobs) {
				o.logprobs = append(o.logprobs, part.logprobs)
			}
		}
	}
}

func (o *output) hasText() bool {
	for i := range o.blocks {
		if o.blocks[i].Kind == canonical.TextBlock {
			return true
		}
	}
	return false
}

// itemKind is what an item of the output is.
type itemKind byte

// The kinds. otherItem is the provider's own business and no part of the completion.
const (
	otherItem itemKind = iota
	messageItem
	callItem
	customItem
	reasoningItem
	searchItem
)

// item is an item of the output with its members; nil when absent.
type item struct {
	kind                          itemKind
	content, summary, encrypted   canonical.Value
	id, callID, name, args, input canonical.Value
}

func readItem(v canonical.Value) (it item) {
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			it.kind = kindOf(member)
		case "id":
			it.id = member
		case "content":
			it.content = member
		case "summary":
			it.summary = member
		case "encrypted_content":
			it.encrypted = member
		case "call_id":
			it.callID = member
		case "name":
			it.name = member
		case "arguments":
			it.args = member
		case "input":
			it.input = member
		}
	}
	return it
}

func kindOf(kind canonical.Value) itemKind {
	switch string(canonical.Text(kind)) {
	case "message":
		return messageItem
	case "function_call":
		return callItem
	case "custom_tool_call":
		return customItem
	case "reasoning":
		return reasoningItem
	case "web_search_call":
		return searchItem
	}
	return otherItem
}

// call is the id by which results refer to a call.
func (it *item) call() canonical.Value {
	if len(canonical.Inside(it.callID)) > 0 {
		return it.callID
	}
	return it.id
}

// block is a call.
func (it *item) block() canonical.Block {
	if it.kind == customItem {
		return canonical.Block{Kind: canonical.CustomBlock, ID: it.call(), Name: it.name, Input: it.input}
	}
	return canonical.Block{Kind: canonical.CallBlock, ID: it.call(), Name: it.name, Input: it.args, Verbatim: len(canonical.Inside(it.args)) > 0}
}

// appendDetails appends the details of an item of reasoning. Where it has a summary, its
// text is hidden.
func (it *item) appendDetails(to []canonical.Detail) []canonical.Detail {
	summarized := false
	for v := range it.summary.Items {
		if text := v.Member("text"); len(canonical.Inside(text)) > 0 {
			summarized = true
			to = append(to, canonical.Detail{Kind: canonical.SummaryDetail, Text: text, ID: it.id})
		}
	}
	for v := range it.content.Items {
		if text := v.Member("text"); len(canonical.Inside(text)) > 0 {
			to = append(to, canonical.Detail{Kind: canonical.TextDetail, Text: text, ID: it.id, Hidden: summarized})
		}
	}
	if len(canonical.Inside(it.encrypted)) > 0 {
		to = append(to, canonical.Detail{Kind: canonical.EncryptedDetail, Text: it.encrypted, ID: it.id})
	}
	return to
}

// outputPart is a part of a message with its members; nil when absent.
type outputPart struct{ text, refusal, annotations, logprobs canonical.Value }

func readOutputPart(v canonical.Value) (p outputPart) {
	for key, member := range v.Members {
		switch string(key) {
		case "text":
			p.text = member
		case "refusal":
			p.refusal = member
		case "annotations":
			p.annotations = member
		case "logprobs":
			p.logprobs = member
		}
	}
	return p
}

// citations are the pages that the part refers to.
func (p *outputPart) citations() (pages []canonical.Citation) {
	for v := range p.annotations.Items {
		if page, ok := readCitation(v); ok {
			pages = append(pages, page)
		}
	}
	return pages
}

// readCitation reads the citation of a page; those of files have no counterpart.
func readCitation(v canonical.Value) (page canonical.Citation, ok bool) {
	var from, to canonical.Value
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			ok = string(canonical.Text(member)) == "url_citation"
		case "url":
			page.URL = member
		case "title":
			page.Title = member
		case "start_index":
			from = member
		case "end_index":
			to = member
		}
	}
	page.From, page.To = canonical.Whole(from), canonical.Whole(to)
	page.Exact = page.To > page.From
	return page, ok && !page.URL.Null()
}
