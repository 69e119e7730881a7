package canonical

// NewDetail returns the number of a detail that begins now. Clients join the pieces of one by
// their index.
func (c *Chunks) NewDetail() int64 {
	c.details++
	return c.details - 1
}

// Detail sends a piece of a detail. First marks the first piece of a text, which begins a
// paragraph if others are visible before it.
func (c *Chunks) Detail(number int64, d Detail, from *Origin, first bool) {
	if len(Inside(d.Text)) == 0 {
		return
	}
	w := c.begin()
	if d.visible() {
		w.Name("reasoning_content")
		w.Byte('"')
		if first && c.reasoned {
			w.Raw(Paragraph)
		}
		w.B = append(w.B, Inside(d.Text)...)
		w.Byte('"')
		c.reasoned = true
	}
	w.Name("reasoning_details")
	w.Open('[')
	d.write(w, number, from)
	w.Close(']')
	c.end()
}
