package similar

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// The reasons why a request has no place in the similarity cache, as people read them.
const (
	TooLong      = "its text is too long"
	notAsking    = "it does not ask for a conversation's next turn"
	hasTools     = "it has tools or tool calls"
	hasMedia     = "it has images, audio or files"
	manyChoices  = "it asks for several choices"
	wantsSchema  = "it asks for a JSON schema"
	wantsWeb     = "it asks for a web search"
	wantsLogs    = "it asks for log probabilities"
	severalTurns = "it has several user turns"
	severalParts = "its last turn has several parts"
	noUserText   = "its last turn is not a user's text"
	noWords      = "its text has no words"
)

// DefaultMaxChars is the longest text that is looked up by default, in characters. In a
// longer one a single word that matters is too small a part.
const DefaultMaxChars = 500

// maxDepth is how deep a body may nest, above what intake accepts.
const maxDepth = 1024

// Request is what Read finds in a request.
type Request struct {
	// Text is the last user text.
	Text string
	// Rest is the body with an empty text in its place: all that has to be equal.
	Rest []byte
}

// Read returns the last user text of a request and the rest of its body, or why the request
// has no place in the similarity cache. It reads OpenAI's chat and Responses, Anthropic's and
// Gemini's bodies, which intake has checked.
func Read(body []byte, f *llm.Facts, maxChars int) (Request, string) {
	if reason := unsuitable(f); reason != "" {
		return Request{}, reason
	}
	r := reader{Scanner: jsontext.New(body, maxDepth, jsontext.Grammar)}
	r.body()
	switch {
	case r.End() != nil || !r.found:
		return Request{}, notAsking
	case r.reason != "":
		return Request{}, r.reason
	case r.users > 1:
		return Request{}, severalTurns
	case r.texts == 0 || !r.lastIsUser:
		return Request{}, noUserText
	case r.texts > 1:
		return Request{}, severalParts
	case utf8.RuneCountInString(r.text) > maxChars:
		return Request{}, TooLong
	case strings.TrimSpace(r.text) == "":
		return Request{}, noWords
	}
	rest := append(make([]byte, 0, len(body)), body[:r.at.Start]...)
	rest = append(append(rest, `""`...), body[r.at.End:]...)
	return Request{Text: r.text, Rest: rest}, ""
}

// unsuitable returns what in a request's facts keeps it out.
func unsuitable(f *llm.Facts) string {
	switch has := f.Features; {
	case f.Inputs > 0 || f.Free:
		return notAsking
	case has&llm.Tools != 0:
		return hasTools
	case has&(llm.Vision|llm.AudioIn|llm.AudioOut|llm.FileIn) != 0 || len(f.MediaAt) > 0:
		return hasMedia
	case f.Choices > 1:
		return manyChoices
	case has&llm.JSONSchema != 0:
		return wantsSchema
	case has&llm.WebSearch != 0:
		return wantsWeb
	case has&llm.Logprobs != 0:
		return wantsLogs
	}
	return ""
}

// reader finds the last user text of a body.
type reader struct {
	jsontext.Scanner
	// found says that the body has turns.
	found bool
	// users counts the turns of users. lastIsUser says that the last turn is one, texts is how
	// many texts it has, text the last of them and at its JSON string.
	users      int
	lastIsUser bool
	texts      int
	text       string
	at         llm.Span
	reason     string
}

// body reads the outermost object.
func (r *reader) body() {
	for name := range r.Members() {
		switch {
		case name.Is("messages"), name.Is("input"), name.Is("contents"):
			r.found = true
			r.turns()
		default:
			r.Skip()
		}
	}
}

// turns reads the turns; a text alone, or one object, is a user's only turn.
func (r *reader) turns() {
	switch r.Peek() {
	case '[':
		for range r.Elements() {
			r.turn()
		}
	case '{':
		r.turn()
	default:
		r.users, r.lastIsUser = r.users+1, true
		r.content()
	}
}

// turn reads one turn. The role may stand behind the content.
func (r *reader) turn() {
	if r.Peek() != '{' {
		r.reason = notAsking
		r.Skip()
		return
	}
	start := r.Scanner
	role := "user"
	for name := range r.Members() {
		value := r.Raw()
		switch {
		case name.Is("role"):
			role = string(bytes.Trim(value, `"`))
		case name.Is("tool_calls") && string(value) != "null", name.Is("function_call") && string(value) != "null":
			r.reason = hasTools
		case name.Is("type") && string(value) != `"message"`:
			r.reason = hasTools
		}
	}
	if !r.OK() {
		return
	}
	switch role {
	case "user":
		r.users, r.lastIsUser, r.texts = r.users+1, true, 0
		after := r.Scanner
		r.Scanner = start
		r.userTurn()
		r.Scanner = after
	case "system", "developer", "assistant", "model":
		r.lastIsUser = false
	default:
		r.reason = hasTools
	}
}

// userTurn reads the content of a user's turn.
func (r *reader) userTurn() {
	for name := range r.Members() {
		if name.Is("content") || name.Is("parts") {
			r.content()
		} else {
			r.Skip()
		}
	}
}

// content reads a text, or a list of parts of which one may be a text.
func (r *reader) content() {
	switch r.Peek() {
	case '"':
		r.readText()
	case '[':
		for range r.Elements() {
			r.part()
		}
	default:
		r.texts += 2 // not what is known
		r.Skip()
	}
}

// part reads a part of a turn, which should be a text.
func (r *reader) part() {
	if r.Peek() == '"' {
		r.readText()
		return
	}
	for name := range r.Members() {
		switch {
		case name.Is("text") && r.Peek() == '"':
			r.readText()
		case name.Is("type"):
			if kind := string(r.Raw()); kind != `"text"` && kind != `"input_text"` {
				r.reason = hasMedia
			}
		case name.Is("inlineData"), name.Is("fileData"), name.Is("inline_data"), name.Is("file_data"), name.Is("functionCall"), name.Is("functionResponse"):
			r.reason = hasMedia
			r.Skip()
		default:
			r.Skip()
		}
	}
}

// readText reads the JSON string that comes next.
func (r *reader) readText() {
	r.Peek()
	start := r.Pos()
	raw := r.Raw()
	if raw == nil {
		return
	}
	text, ok := jsontext.Unquote(raw)
	if !ok {
		r.reason = noUserText
	}
	r.texts, r.text, r.at = r.texts+1, text, llm.Span{Start: start, End: start + len(raw)}
}
