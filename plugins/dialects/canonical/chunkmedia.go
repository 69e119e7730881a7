package canonical

// Media sends an image or a sound that the model has made.
func (c *Chunks) Media(b *Block) {
	w := c.begin()
	if b.isSound() {
		w.Name("audio")
		w.Raw(`{"id":"audio","data":`)
		w.Value(b.Data)
		w.Byte('}')
	} else {
		w.Name("images")
		w.Open('[')
		b.writeImage(w, c.images)
		w.Close(']')
		c.images++
	}
	c.end()
}

// Reasoning sends a piece of thinking that is for people alone, given as the inside of a JSON
// string.
func (c *Chunks) Reasoning(raw []byte) {
	if len(raw) == 0 {
		return
	}
	c.begin().Name("reasoning_content")
	c.lines.Quoted(raw)
	c.end()
}
