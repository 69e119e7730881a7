package wire

import (
	"bytes"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// leastCached is the shortest prompt, in tokens, that marks are put into: Anthropic's models
// cache none that is shorter
// (https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching).
const leastCached = 1024

// cacheMark is the member that marks the end of a prefix to be cached for five minutes.
const cacheMark = `"cache_control":{"type":"ephemeral"}`

// markPrompt puts cache marks into a call in Anthropic's format, whose providers keep a prompt
// only where they are asked to, if the route wants it and the caller has set none. It counts
// them in x.CacheMarks.
//
// There are at most four, as the API allows: at the last tool, at the end of the system prompt
// and at the end of the last two messages of the user. Messages are marked only where they
// are likely to be sent again, which an agent's and a longer conversation's are: what is
// written to the cache costs more than what is not.
func markPrompt(x *llm.Exchange, body []byte) []byte {
	f := &x.Sent.Facts
	x.CacheMarks = 0
	if !x.Route.PromptCache || f.Free || f.EstInputTokens < leastCached || bytes.Contains(body, []byte(`"cache_control"`)) {
		return body
	}
	p, ok := readPrompt(body)
	if !ok {
		return body
	}
	edits := append(p.tools.mark(body), p.system.mark(body)...)
	if x.Request.Session != "" || f.Features.Has(llm.Tools) || p.messages > 1 {
		edits = append(append(edits, p.before.mark(body)...), p.last.mark(body)...)
	}
	x.CacheMarks = len(edits)
	return apply(body, edits)
}

// prompt are the places of a Messages request where marks may be put.
type prompt struct {
	tools, system place
	// before and last are the ends of the last two messages of the user.
	before, last place
	messages     int
}

// place is a text in quotes, or the end of an object, where a mark may be put; zero for none.
type place struct {
	text llm.Span
	end  int
}

// mark returns the edit that puts a mark there.
func (p place) mark(body []byte) []edit {
	switch {
	case p.end > 0:
		return []edit{{llm.Span{Start: p.end, End: p.end}, []byte("," + cacheMark)}}
	case !p.text.IsZero():
		block := append([]byte(`[{"type":"text","text":`), body[p.text.Start:p.text.End]...)
		return []edit{{p.text, append(block, `,`+cacheMark+`}]`...)}}
	}
	return nil
}

func readPrompt(body []byte) (p prompt, ok bool) {
	s := newScan(body)
	for name := range s.Members() {
		switch {
		case name.Is("tools"):
			p.tools = s.lastBlock()
		case name.Is("system"):
			p.system = s.content()
		case name.Is("messages"):
			s.userMessages(&p)
		default:
			s.Skip()
		}
	}
	return p, s.End() == nil
}

// userMessages reads the messages.
func (s *scan) userMessages(p *prompt) {
	for list := s.enter('['); list && s.More(']'); p.messages++ {
		user, at := false, place{}
		for object := s.enter('{'); object && s.More('}'); {
			switch name := s.Name(); {
			case name.Is("role"):
				user = string(s.Raw()) == `"user"`
			case name.Is("content"):
				at = s.content()
			default:
				s.Skip()
			}
		}
		if user && at != (place{}) {
			p.before, p.last = p.last, at
		}
	}
}

// content reads a text or a list of blocks, and returns where its end can be marked.
func (s *scan) content() place {
	if s.Peek() != '"' {
		return s.lastBlock()
	}
	start := s.Pos()
	if string(s.Raw()) == `""` {
		return place{}
	}
	return place{text: llm.Span{Start: start, End: s.Pos()}}
}

// lastBlock reads a list and returns the end of the last object of it that can be marked.
func (s *scan) lastBlock() (last place) {
	for list := s.enter('['); list && s.More(']'); {
		if s.Peek() != '{' {
			s.Skip()
			continue
		}
		if s.markable() {
			last = place{end: s.Pos() - 1}
		}
	}
	return last
}

// markable reads an object and reports whether it takes a mark: thoughts, empty texts and
// tools that are loaded later take none.
func (s *scan) markable() bool {
	ok, members := true, 0
	for object := s.enter('{'); object && s.More('}'); members++ {
		switch name := s.Name(); {
		case name.Is("type"):
			kind := string(s.Raw())
			ok = ok && kind != `"thinking"` && kind != `"redacted_thinking"`
		case name.Is("text"):
			ok = ok && string(s.Raw()) != `""`
		case name.Is("defer_loading"):
			ok = ok && string(s.Raw()) != "true"
		default:
			s.Skip()
		}
	}
	return ok && members > 0
}
