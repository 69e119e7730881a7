package canonical

import "strings"

// IsServerTool reports whether parts of a type are those of a tool that Anthropic has run
// itself: its call, or what it returned. They mean something to Anthropic alone.
func IsServerTool(kind string) bool {
	return kind == "server_tool_use" || kind == "mcp_tool_use" || strings.HasSuffix(kind, "_tool_result")
}

// Speech is the text of a reply as far as it has come. What is said after a tool of the
// provider's has run is a paragraph of its own: the model has stopped in between.
type Speech struct {
	// spoke is set when there is any text, spaced when it ends in white space, and broken
	// when a tool has run since.
	spoke, spaced, broken bool
}

// RunTool notes that a tool of the provider's has run.
func (s *Speech) RunTool() { s.broken = s.spoke }

// Say notes a piece of text, the inside of a JSON string, and reports whether a paragraph
// begins with it that has to be set off.
func (s *Speech) Say(raw []byte) (paragraph bool) {
	if len(raw) == 0 {
		return false
	}
	paragraph = s.broken && !s.spaced && !startsBlank(raw)
	*s = Speech{spoke: true, spaced: len(TrimRight(raw)) < len(raw)}
	return paragraph
}

// startsBlank reports whether a text begins with a blank or a line break.
func startsBlank(raw []byte) bool {
	return raw[0] == ' ' || len(raw) > 1 && raw[0] == '\\' && (raw[1] == 'n' || raw[1] == 'r' || raw[1] == 't')
}

// Fragments are the texts of an assistant's message in their order. Claude's answers that
// cite are cut into many, in the middle of sentences.
type Fragments struct{ begun, cited bool }

// Continues takes the next text and reports whether it goes on where the one before ends,
// because one of them cites.
func (f *Fragments) Continues(p *Part) bool {
	cited := Filled(p.Citations)
	on := f.begun && (cited || f.cited)
	*f = Fragments{begun: true, cited: cited}
	return on
}

// RunTool notes that a tool of the provider's has run.
func (f *Fragments) RunTool() { *f = Fragments{} }
