package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// clientItem is an item of a client's input with its members, nil when absent.
type clientItem struct {
	kind string
	// used is set once the item stands in the canonical form.
	used                            bool
	role, content                   canonical.Value
	callID, name, namespace         canonical.Value
	arguments, input, output        canonical.Value
	id, summary, encrypted, toolSet canonical.Value
}

// readClientItem reads an item. One without a type is a message.
func readClientItem(v canonical.Value) (it clientItem) {
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			it.kind = string(canonical.Text(member))
		case "role":
			it.role = member
		case "content":
			it.content = member
		case "call_id":
			it.callID = member
		case "name":
			it.name = member
		case "namespace":
			it.namespace = member
		case "arguments":
			it.arguments = member
		case "input":
			it.input = member
		case "output":
			it.output = member
		case "id":
			it.id = member
		case "summary":
			it.summary = member
		case "encrypted_content":
			it.encrypted = member
		case "tools":
			it.toolSet = member
		}
	}
	if it.kind == "" && !it.role.Null() {
		it.kind = "message"
	}
	return it
}

// readItems reads the input, a text or a list of items, and finds the results of calls.
func (a *accepted) readItems() error {
	a.items = a.items[:0]
	if a.outputs == nil {
		a.outputs = map[string][]int{}
	}
	clear(a.outputs)
	switch a.in.input.Kind() {
	case '"':
		a.items = append(a.items, clientItem{kind: "message", role: canonical.Value(`"user"`), content: a.in.input})
		return nil
	case '[':
	default:
		return canonical.Reject("input", "must be a string or an array of items")
	}
	for v := range a.in.input.Items {
		it := readClientItem(v)
		at := canonical.At("input", len(a.items))
		switch it.kind {
		case "function_call_output", "custom_tool_call_output":
			id := string(canonical.Text(it.callID))
			a.outputs[id] = append(a.outputs[id], len(a.items))
		case "item_reference":
			return canonical.Reject(at, "only a target that speaks the Responses API keeps items; send the item itself")
		case "compaction", "compaction_summary", "context_compaction":
			return canonical.Reject(at, "a compacted conversation can be read by the provider that made it only; send the items themselves")
		case "":
			return canonical.Reject(at, "must be an item with a type, or a message with a role")
		}
		a.items = append(a.items, it)
	}
	return nil
}

// writeConversation writes the messages. The instructions and what system and developer say
// at the beginning become one system message, since some services take only one.
func (a *accepted) writeConversation() error {
	a.Name("messages")
	a.Open('[')
	begin := a.writeSystem()
	for i := begin; i < len(a.items); i++ {
		if err := a.writeItem(i); err != nil {
			return err
		}
	}
	if err := a.writeAssistant(); err != nil {
		return err
	}
	a.Close(']')
	return nil
}

// writeSystem writes the system message and returns where the items go on behind it.
func (a *accepted) writeSystem() (next int) {
	mark := len(a.B)
	a.Literal(`{"role":"system","content":"`)
	start := len(a.B)
	a.addParagraph(start, canonical.Inside(a.in.instructions))
	for ; next < len(a.items); next++ {
		it := &a.items[next]
		if it.kind != "message" || !isSystem(it.role) || !textOnly(it.content) {
			break
		}
		a.addParagraph(start, canonical.Inside(it.content))
		for v := range it.content.Items {
			p := canonical.ReadPart(v)
			a.addParagraph(start, canonical.Inside(p.Text()))
		}
	}
	if len(a.B) == start {
		a.B = a.B[:mark]
		return next
	}
	a.Raw(`"}`)
	return next
}

// addParagraph adds a text, the inside of a JSON string, to the one that begins at start.
func (a *accepted) addParagraph(start int, raw []byte) {
	if len(raw) > 0 && len(a.B) > start {
		a.Raw(canonical.Paragraph)
	}
	a.B = append(a.B, raw...)
}

func isSystem(role canonical.Value) bool {
	word := string(canonical.Text(role))
	return word == "system" || word == "developer"
}

// writeItem writes an item, or adds it to the assistant's message. Items of tools that the
// provider ran are left out: what they found is in the texts behind them.
func (a *accepted) writeItem(i int) error {
	it := &a.items[i]
	if it.used {
		return nil
	}
	at := canonical.At("input", i)
	switch it.kind {
	case "message":
		if string(canonical.Text(it.role)) == "assistant" {
			return a.message.addText(it, at)
		}
		return a.writeMessage(it, at)
	case "function_call", "custom_tool_call":
		if len(canonical.Inside(it.name)) == 0 {
			return canonical.Reject(at+".name", "must name the tool that was called")
		}
		a.message.calls = append(a.message.calls, i)
	case "function_call_output", "custom_tool_call_output":
		if err := a.writeAssistant(); err != nil || it.used {
			return err
		}
		return a.writeResult(i)
	case "reasoning":
		a.message.thoughts = append(a.message.thoughts, i)
	}
	return nil
}

// writeMessage writes what system and user say.
func (a *accepted) writeMessage(it *clientItem, at string) error {
	if err := a.writeAssistant(); err != nil {
		return err
	}
	role := string(canonical.Text(it.role))
	switch {
	case isSystem(it.role):
		role = "system"
	case role != "user":
		return canonical.Reject(at+".role", "must be user, assistant, system or developer")
	}
	a.Open('{')
	a.MemberText("role", []byte(role))
	a.Name("content")
	if err := a.writeClientContent(it.content, at+".content"); err != nil {
		return err
	}
	a.Close('}')
	return nil
}

// writeResult writes what a tool returned.
func (a *accepted) writeResult(i int) error {
	it := &a.items[i]
	it.used = true
	a.Literal(`{"role":"tool","tool_call_id":`)
	a.Text(canonical.Text(it.callID))
	a.Name("content")
	if err := a.writeClientContent(it.output, canonical.At("input", i)+".output"); err != nil {
		return err
	}
	a.Close('}')
	return nil
}
