package canonical

// Call begins a tool call and returns its number.
func (c *Chunks) Call(id, name Value) int64 {
	number := c.calls
	c.calls++
	w := c.begin()
	if c.legacyCall(number) {
		w.Name("function_call")
	} else {
		c.beginCall(number)
		writeCallID(w, id, number)
		w.MemberLiteral("type", `"function"`)
		w.Name("function")
	}
	w.Open('{')
	w.MemberValue("name", callerName(c.names, name))
	w.MemberLiteral("arguments", `""`)
	c.endCall(number)
	return number
}

// Arguments sends a piece of a call's arguments, given as the inside of a JSON string.
func (c *Chunks) Arguments(number int64, raw []byte) {
	w := c.begin()
	if c.legacyCall(number) {
		w.Name("function_call")
	} else {
		c.beginCall(number)
		w.Name("function")
	}
	w.Open('{')
	w.Name("arguments")
	w.Quoted(raw)
	c.endCall(number)
}

// legacyCall reports whether a call is sent in the deprecated form, which can hold one.
func (c *Chunks) legacyCall(number int64) bool { return c.legacy && number == 0 }

func (c *Chunks) beginCall(number int64) {
	if c.legacy {
		number-- // the first is not among them
	}
	w := &c.lines
	w.Name("tool_calls")
	w.Open('[')
	w.Open('{')
	w.MemberInt("index", number)
}

func (c *Chunks) endCall(number int64) {
	if c.legacyCall(number) {
		c.lines.Byte('}')
	} else {
		c.lines.Raw("}}]")
	}
	c.end()
}
