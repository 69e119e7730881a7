package responses

// event begins an event up to the members of its own.
func (r *clientReply) event(name string) {
	r.BeginEvent(name)
	r.MemberInt("sequence_number", r.sequence)
	r.sequence++
}

// itemEvent begins an event about an item.
func (r *clientReply) itemEvent(name string, i int) {
	r.event(name)
	o := r.output(i)
	o.writeID(&r.Writer, "item_id", r.head())
	r.MemberInt("output_index", int64(i))
}

// open begins an item, after ending those of which nothing more is to come; -1 when there are
// too many. Call and name are those of a call.
func (r *clientReply) open(it streamItem, call, name []byte) int {
	for i := range r.items {
		if kind := r.items[i].kind; kind == messageItem || kind == reasoningItem || r.complete(i) {
			r.close(i)
		}
	}
	if len(r.items) == maxItems {
		return -1
	}
	i := len(r.items)
	r.items = append(r.items, it)
	r.addText(i, callText, call)
	r.addText(i, nameText, name)
	r.sendItem("response.output_item.added", i, "in_progress", true)
	return i
}

func (r *clientReply) sendItem(event string, i int, status string, begun bool) {
	r.event(event)
	r.MemberInt("output_index", int64(i))
	r.Name("item")
	o := r.output(i)
	o.write(&r.Writer, r.head(), status, begun)
	r.EndEvent()
}

// partIndex is which part of its message a text is: the refusal stands behind the text.
func (r *clientReply) partIndex(i, text int) int64 {
	if text == extraText && r.items[i].lens[mainText] > 0 {
		return 1
	}
	return 0
}

// piece sends a piece of an item's text, the inside of a JSON string. The input of a custom
// tool is sent when it is whole: it is an argument, with escapes of its own.
func (r *clientReply) piece(i, text int, raw []byte) {
	if i < 0 || len(raw) == 0 {
		return
	}
	first := r.items[i].lens[text] == 0
	r.addText(i, text, raw)
	switch r.items[i].kind {
	case reasoningItem:
		if first {
			r.sendSummaryPart("response.reasoning_summary_part.added", i, nil)
		}
		r.itemEvent("response.reasoning_summary_text.delta", i)
		r.MemberInt("summary_index", 0)
	case callItem:
		r.itemEvent("response.function_call_arguments.delta", i)
	case customItem:
		return
	default:
		if first {
			r.sendPart("response.content_part.added", i, text, true)
		}
		name := "response.output_text.delta"
		if text == extraText {
			name = "response.refusal.delta"
		}
		r.itemEvent(name, i)
		r.MemberInt("content_index", r.partIndex(i, text))
		if text == mainText {
			r.MemberLiteral("logprobs", "[]")
		}
	}
	r.Name("delta")
	r.Quoted(raw)
	r.EndEvent()
}

func (r *clientReply) sendSummaryPart(event string, i int, text []byte) {
	r.itemEvent(event, i)
	r.MemberInt("summary_index", 0)
	r.Name("part")
	o := r.output(i)
	o.writeSummary(&r.Writer, text)
	r.EndEvent()
}

// sendPart sends that a part of a message begins, without its text, or ends.
func (r *clientReply) sendPart(event string, i, text int, begun bool) {
	r.itemEvent(event, i)
	r.MemberInt("content_index", r.partIndex(i, text))
	r.Name("part")
	o := r.output(i)
	if begun {
		o.text, o.extra, o.annotations = nil, nil, nil
	}
	o.writePart(&r.Writer, text == extraText)
	r.EndEvent()
}

// close ends an item, once: it repeats what has been sent of it.
func (r *clientReply) close(i int) {
	if i < 0 || r.items[i].closed {
		return
	}
	r.items[i].closed = true
	switch r.items[i].kind {
	case reasoningItem:
		r.closeThought(i)
	case callItem, customItem:
		r.closeCall(i)
	default:
		r.closeMessage(i)
	}
	r.sendItem("response.output_item.done", i, r.items[i].status(), false)
}

func (r *clientReply) closeThought(i int) {
	text := r.text(i, mainText)
	if len(text) == 0 {
		return
	}
	r.itemEvent("response.reasoning_summary_text.done", i)
	r.MemberInt("summary_index", 0)
	r.Name("text")
	r.Quoted(text)
	r.EndEvent()
	r.sendSummaryPart("response.reasoning_summary_part.done", i, text)
}

func (r *clientReply) closeCall(i int) {
	o := r.output(i)
	input := o.input()
	done, member := "response.function_call_arguments.done", "arguments"
	if o.kind == customItem {
		done, member = "response.custom_tool_call_input.done", "input"
	}
	switch {
	case o.kind == customItem && len(input) > 0:
		r.sendInput("response.custom_tool_call_input.delta", i, "delta", input)
	case o.kind == callItem && len(o.text) == 0:
		r.sendInput("response.function_call_arguments.delta", i, "delta", input)
	}
	r.sendInput(done, i, member, input)
}

func (r *clientReply) sendInput(event string, i int, member string, input []byte) {
	r.itemEvent(event, i)
	if member == "arguments" {
		o := r.output(i)
		_, name := o.toolName(r.head())
		r.MemberText("name", name)
	}
	r.Name(member)
	r.Quoted(input)
	r.EndEvent()
}

func (r *clientReply) closeMessage(i int) {
	if text := r.text(i, mainText); len(text) > 0 {
		r.itemEvent("response.output_text.done", i)
		r.MemberInt("content_index", 0)
		r.Name("text")
		r.Quoted(text)
		r.MemberLiteral("logprobs", "[]")
		r.EndEvent()
		r.sendPart("response.content_part.done", i, mainText, false)
	}
	if refusal := r.text(i, extraText); len(refusal) > 0 {
		r.itemEvent("response.refusal.done", i)
		r.MemberInt("content_index", r.partIndex(i, extraText))
		r.Name("refusal")
		r.Quoted(refusal)
		r.EndEvent()
		r.sendPart("response.content_part.done", i, extraText, false)
	}
}
