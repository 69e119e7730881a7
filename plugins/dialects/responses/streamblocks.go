package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// itemAdded begins an item, once. Of items that are not translated nothing is kept.
func (r *reader) itemAdded(index int64, v canonical.Value) *openItem {
	r.Open()
	r.began = true
	if it := r.item(index); it != nil {
		return it
	}
	content := readItem(v)
	switch content.kind {
	case otherItem, searchItem:
		return nil
	}
	return r.beginItem(index, &content)
}

func (r *reader) beginItem(index int64, content *item) *openItem {
	it := r.begin(openItem{index: index, kind: content.kind, part: -1})
	switch {
	case it == nil:
		r.Fail(canonical.ServerError(canonical.Upstream, "The provider's stream opens too many items at once."))
	case it.kind == callItem:
		it.number = r.Call(content.call(), content.name)
	case it.kind == customItem:
		it.number = r.CustomCall(content.call(), content.name)
	}
	return it
}

// opened returns the open item that a piece belongs to. One that has not begun is begun, as
// some services leave that out, unless it is a call: that has no name then, and comes whole
// at its end.
func (r *reader) opened(e *event, kind itemKind) *openItem {
	it := r.item(e.index)
	if it == nil && kind != callItem {
		r.Open()
		it = r.beginItem(e.index, &item{kind: kind})
	}
	if it == nil || it.kind != kind && !(kind == callItem && it.kind == customItem) {
		return nil
	}
	return it
}

// text sends a piece of a message's text.
func (r *reader) text(e *event, piece canonical.Value) {
	it := r.opened(e, messageItem)
	if raw := canonical.Inside(piece); it != nil && len(raw) > 0 {
		r.textPiece(it, e.part, raw, e.logprobs)
	}
}

// textPiece sends raw, the inside of a JSON string. Messages are paragraphs of one text.
func (r *reader) textPiece(it *openItem, part int64, raw []byte, logprobs canonical.Value) {
	if !it.began {
		if r.texts {
			r.Text([]byte(canonical.Paragraph))
		}
		it.start = r.TextLen()
	}
	if it.part != part {
		it.part, it.partStart = part, r.TextLen()
	}
	it.began, it.filled, r.texts = true, true, true
	r.TextWith(raw, logprobs)
}

func (r *reader) refusal(e *event, piece canonical.Value) {
	it := r.opened(e, messageItem)
	if raw := canonical.Inside(piece); it != nil && len(raw) > 0 {
		it.part, it.began, it.filled = e.part, true, true
		r.RefusalPiece(raw)
	}
}

func (r *reader) annotation(e *event) {
	it := r.item(e.index)
	if page, ok := readCitation(e.annotation); ok && it != nil && it.kind == messageItem {
		it.cited = true
		r.CiteIn(page, it.partStart, r.TextLen())
	}
}

// arguments sends a piece of a call's arguments, or of a custom tool's input.
func (r *reader) arguments(e *event, piece canonical.Value) {
	it := r.opened(e, callItem)
	if raw := canonical.Inside(piece); it != nil && len(raw) > 0 {
		r.argumentsPiece(it, raw)
	}
}

func (r *reader) argumentsPiece(it *openItem, raw []byte) {
	it.part, it.began, it.filled = 0, true, true
	if it.kind == customItem {
		r.Input(it.number, raw)
		return
	}
	r.Arguments(it.number, raw)
}

// thought sends a piece of an item of reasoning. Of its summary and its text the one that
// comes second is hidden.
func (r *reader) thought(e *event, kind canonical.DetailKind, piece canonical.Value) {
	it := r.opened(e, reasoningItem)
	if it == nil || len(canonical.Inside(piece)) == 0 {
		return
	}
	d := canonical.Detail{Kind: kind, Text: piece, ID: e.whole.Member("item_id")}
	first := !it.began || it.part != e.part || it.partKind != kind
	if first {
		it.part, it.partKind, it.began, it.number = e.part, kind, true, r.NewDetail()
	}
	if !it.visible {
		it.visible, it.visibleKind = true, kind
	}
	d.Hidden = it.visibleKind != kind
	from := origin(r.provider)
	r.Detail(it.number, d, &from, first)
}

// itemDone ends an item and sends what of it has not come before.
func (r *reader) itemDone(index int64, v canonical.Value) {
	content := readItem(v)
	if content.kind == searchItem {
		r.began = true
		r.searches++
		return
	}
	it := r.item(index)
	if it == nil {
		if it = r.itemAdded(index, v); it == nil {
			return
		}
	}
	switch it.kind {
	case messageItem:
		r.messageDone(it, content.content)
	case callItem, customItem:
		r.callDone(it, &content)
	case reasoningItem:
		r.reasoningDone(it, &content)
	}
	r.stream.end(index)
}

// messageDone sends the text of a message without any before, and the pages that it refers
// to.
func (r *reader) messageDone(it *openItem, content canonical.Value) {
	silent, part, at := !it.began, int64(0), it.start
	for v := range content.Items {
		p := readOutputPart(v)
		raw := canonical.Inside(p.text)
		if silent && len(raw) > 0 {
			r.textPiece(it, part, raw, p.logprobs)
			at = it.partStart
		}
		if silent && !p.refusal.Null() {
			r.RefusalPiece(canonical.Inside(p.refusal))
		}
		end := at + canonical.CountRunes(raw)
		if !it.cited {
			for _, page := range p.citations() {
				r.CiteIn(page, at, end)
			}
		}
		at, part = end, part+1
	}
}

// callDone sends the arguments of a call without any before: an empty object, if there are
// none.
func (r *reader) callDone(it *openItem, content *item) {
	if it.filled {
		return
	}
	raw := canonical.Inside(content.args)
	if it.kind == customItem {
		raw = canonical.Inside(content.input)
	} else if len(raw) == 0 {
		raw = []byte("{}")
	}
	if len(raw) > 0 {
		r.argumentsPiece(it, raw)
	}
}

// reasoningDone sends the encrypted form of an item of reasoning, and its text if none has
// come before.
func (r *reader) reasoningDone(it *openItem, content *item) {
	from := origin(r.provider)
	for _, d := range content.appendDetails(nil) {
		if it.began && d.Kind != canonical.EncryptedDetail {
			continue
		}
		r.Detail(r.NewDetail(), d, &from, true)
	}
}
