package canonical

// Call begins a tool call and returns its number.
func (c *Chunks) Call(id, name Value) int64 {
	return c.newCall(id, name, `"function"`, "function", "arguments")
}

// CustomCall begins the call of a custom tool and returns its number.
func (c *Chunks) CustomCall(id, name Value) int64 {
	return c.newCall(id, name, `"custom"`, "custom", "input")
}

// newCall begins a call of a type, whose member called tool has the name and the text.
func (c *Chunks) newCall(id, name Value, kind, tool, text string) int64 {
	number := c.calls
	c.calls++
	w := c.begin()
	if c.legacyCall(number) {
		w.Name("function_call")
	} else {
		c.beginCall(number)
		writeCallID(w, id, number)
		w.MemberLiteral("type", kind)
		w.Name(tool)
	}
	w.Open('{')
	w.MemberValue("name", callerName(c.names, name))
	w.MemberLiteral(text, `""`)
	c.endCall(number)
	return number
}

// Arguments sends a piece of a call's arguments, given as the inside of a JSON string.
func (c *Chunks) Arguments(number int64, raw []byte) {
	c.callPiece(number, raw, "function", "arguments")
}

// Input sends a piece of a custom tool's input, given as the inside of a JSON string.
func (c *Chunks) Input(number int64, raw []byte) { c.callPiece(number, raw, "custom", "input") }

// WholeCall sends a call that has come as a whole.
func (c *Chunks) WholeCall(b *Block) {
	number := c.calls
	c.calls++
	w, context := c.begin(), replyContext{names: c.names}
	if c.legacyCall(number) {
		w.Name("function_call")
		b.writeFunction(w, &context)
	} else {
		c.beginCall(number)
		b.writeCallMembers(w, number, &context)
		w.Raw("}]")
	}
	c.end()
}

func (c *Chunks) callPiece(number int64, raw []byte, tool, text string) {
	w := c.begin()
	if c.legacyCall(number) {
		w.Name("function_call")
	} else {
		c.beginCall(number)
		w.Name(tool)
	}
	w.Open('{')
	w.Name(text)
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
