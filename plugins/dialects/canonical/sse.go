package canonical

// BeginEvent begins a Server-Sent Event that is named by its type, up to the other members
// of its data.
func (w *Writer) BeginEvent(name string) {
	w.Raw("event: ")
	w.Raw(name)
	w.Raw("\ndata: {\"type\":\"")
	w.Raw(name)
	w.Byte('"')
}

// EndEvent ends the event and its data.
func (w *Writer) EndEvent() { w.Raw("}\n\n") }
