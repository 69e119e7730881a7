package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Response appends the completion that a plain reply of Cohere's becomes, or its error.
func (p *Provider) Response(out []byte, env *canonical.Envelope) []byte {
	w := canonical.Writer{B: out}
	body := readReply(env.Body)
	message := readMessage(body.message)
	switch {
	case env.Status < 200 || env.Status > 299 || !message.isReply():
		writeFailure(&w, env)
		return w.B
	case broken(body.finish):
		f := brokenFailure(body.finish, nil)
		f.Write(&w, badGateway)
		return w.B
	}
	p.blocks = message.blocks(p.blocks[:0])
	var used usage
	used.read(body.usage)
	reply := canonical.Reply{Blocks: p.blocks, Finish: finishOf(body.finish), Usage: used.canonical()}
	reply.Write(&w, env)
	return w.B
}

// reply is Cohere's reply with its members; nil when absent.
type reply struct{ message, finish, usage canonical.Value }

func readReply(body canonical.Value) (r reply) {
	for key, v := range body.Members {
		switch string(key) {
		case "message":
			r.message = v
		case "finish_reason":
			r.finish = v
		case "usage":
			r.usage = v
		}
	}
	return r
}

// message is the assistant's message with its members; nil when absent. In the events of a
// stream, content and toolCalls are one element instead of a list.
type message struct{ role, content, plan, toolCalls, citations canonical.Value }

func readMessage(v canonical.Value) (m message) {
	for key, member := range v.Members {
		switch string(key) {
		case "role":
			m.role = member
		case "content":
			m.content = member
		case "tool_plan":
			m.plan = member
		case "tool_calls":
			m.toolCalls = member
		case "citations":
			m.citations = member
		}
	}
	return m
}

// isReply reports whether this is an assistant's message and not something else.
func (m *message) isReply() bool {
	return string(canonical.Text(m.role)) == "assistant" || m.content.Kind() == '[' || m.toolCalls.Kind() == '['
}

// finishOf maps finish_reason. Any other one is an ordinary end.
func finishOf(finish canonical.Value) canonical.Finish {
	switch string(canonical.Text(finish)) {
	case "":
		return canonical.Unfinished
	case "MAX_TOKENS", "ERROR_LIMIT":
		return canonical.CutShort
	case "TOOL_CALL":
		return canonical.Called
	case "ERROR_TOXIC":
		return canonical.Filtered
	}
	return canonical.Stopped
}
