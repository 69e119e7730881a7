package responses

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// The bounds of what a reply repeats of its request, in bytes: of one member, and of all.
const (
	maxEcho     = 1 << 10
	maxEchoes   = 8 << 10
	maxToolList = 16 << 10
)

// writeContext writes what the reply needs to know of the request: the tools whose calls have
// another form in this API, and the members that a response repeats.
func (a *accepted) writeContext(body canonical.Value) {
	a.Name("context")
	a.Open('{')
	a.writeNames("custom", a.tools.custom)
	a.writeNames("namespaces", a.tools.namespaces)
	a.Name("echo")
	a.Open('{')
	start := len(a.B)
	for key, v := range body.Members {
		if echoes(string(key)) && !v.Null() && len(v) <= maxEcho && len(a.B)-start+len(v) < maxEchoes {
			a.MemberValue(string(key), v)
		}
	}
	a.Raw("}}")
}

// writeNames writes a list of names, cut where it would not be kept.
func (a *accepted) writeNames(name string, list [][]byte) {
	if len(list) == 0 {
		return
	}
	a.Name(name)
	a.Open('[')
	start := len(a.B)
	for _, word := range list {
		if len(a.B)-start+len(word) < maxToolList/2 {
			a.Text(word)
		}
	}
	a.Close(']')
}

// echoes reports whether a response repeats a member of its request.
func echoes(name string) bool {
	switch name {
	case "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key", "reasoning",
		"safety_identifier", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user":
		return true
	}
	return false
}

// clientContext is a context as the reply reads it.
type clientContext struct{ custom, namespaces, echo canonical.Value }

func readClientContext(v canonical.Value) (c clientContext) {
	for key, member := range v.Members {
		switch string(key) {
		case "custom":
			c.custom = member
		case "namespaces":
			c.namespaces = member
		case "echo":
			c.echo = member
		}
	}
	return c
}

// isCustom reports whether a tool is a custom one.
func (c *clientContext) isCustom(name []byte) bool {
	for v := range c.custom.Items {
		if bytes.Equal(canonical.Text(v), name) {
			return true
		}
	}
	return false
}

// split returns the namespace of a tool, nil for none, and its name there. Of several that
// fit it is the longest.
func (c *clientContext) split(flat []byte) (namespace, name []byte) {
	name = flat
	for v := range c.namespaces.Items {
		space := canonical.Text(v)
		rest, ok := bytes.CutPrefix(flat, space)
		if rest, found := bytes.CutPrefix(rest, []byte(separator)); ok && found && len(space) > len(namespace) {
			namespace, name = space, rest
		}
	}
	return namespace, name
}
