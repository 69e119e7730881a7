package canonical

import "bytes"

// Detail is one element of reasoning_details, OpenRouter's form of what a model thought: a
// text, or data that only the provider that made it can read.
type Detail struct {
	Kind DetailKind
	// Text is the text or the data, ID the provider's name for what it is a part of.
	Text, ID Value
	// Hidden is set when the text is not part of reasoning_content, which has another form of it.
	Hidden bool
}

// DetailKind is what a Detail is.
type DetailKind byte

// The kinds.
const (
	SummaryDetail DetailKind = iota
	TextDetail
	EncryptedDetail
)

// Origin is where details come from: their format, by OpenRouter's name, and the provider, by
// its name in the configuration.
type Origin struct {
	Format   string
	Provider []byte
}

// names returns the type of a detail and the member that holds its text.
func (k DetailKind) names() (kind, member string) {
	switch k {
	case SummaryDetail:
		return `"reasoning.summary"`, "summary"
	case TextDetail:
		return `"reasoning.text"`, "text"
	}
	return `"reasoning.encrypted"`, "data"
}

func (d *Detail) write(w *Writer, number int64, from *Origin) {
	kind, member := d.Kind.names()
	w.Open('{')
	w.MemberInt("index", number)
	w.MemberLiteral("type", kind)
	w.MemberValue(member, d.Text)
	w.MemberValue("id", d.ID)
	w.MemberText("format", []byte(from.Format))
	if len(from.Provider) > 0 {
		w.MemberText("provider", from.Provider)
	}
	w.Close('}')
}

// visible reports whether a detail is part of reasoning_content.
func (d *Detail) visible() bool {
	return d.Kind != EncryptedDetail && !d.Hidden && len(Inside(d.Text)) > 0
}

// Paragraph stands between texts that are joined, as the inside of a JSON string.
const Paragraph = `\n\n`

// DetailsOf yields the details that a provider can take back: those in its format that no
// other provider has made.
func (m *Message) DetailsOf(from Origin) func(yield func(Detail) bool) {
	return func(yield func(Detail) bool) {
		for v := range m.ReasoningDetails.Items {
			if d, ok := readDetail(v, &from); ok && !yield(d) {
				return
			}
		}
	}
}

func readDetail(v Value, from *Origin) (d Detail, ok bool) {
	var kind, format, provider, summary, text, data Value
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			kind = member
		case "format":
			format = member
		case "provider":
			provider = member
		case "summary":
			summary = member
		case "text":
			text = member
		case "data":
			data = member
		case "id":
			d.ID = member
		}
	}
	if string(Text(format)) != from.Format || !provider.Null() && !bytes.Equal(Text(provider), from.Provider) {
		return d, false
	}
	switch string(Text(kind)) {
	case "reasoning.summary":
		d.Kind, d.Text = SummaryDetail, summary
	case "reasoning.text":
		d.Kind, d.Text = TextDetail, text
	case "reasoning.encrypted":
		d.Kind, d.Text = EncryptedDetail, data
	}
	return d, len(Inside(d.Text)) > 0
}

// writeShownDetails writes the details that people are shown, behind a text that begins at
// start.
func (r *Reply) writeShownDetails(w *Writer, start int) {
	for i := range r.Details {
		if d := &r.Details[i]; d.visible() {
			if len(w.B) > start {
				w.Raw(Paragraph)
			}
			w.B = append(w.B, Inside(d.Text)...)
		}
	}
}

// writeDetails writes the details for the next request to bring back.
func (r *Reply) writeDetails(w *Writer) {
	if len(r.Details) == 0 {
		return
	}
	w.Name("reasoning_details")
	w.Open('[')
	for i := range r.Details {
		r.Details[i].write(w, int64(i), &r.Origin)
	}
	w.Close(']')
}
