package demo

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// reply is the model's answer: text or one tool call, in the pieces in which it is
// streamed.
type reply struct {
	pieces []string
	// call is the name of the tool whose arguments the pieces are.
	call   string
	finish string
	// size is the reply's length in billed tokens.
	size int64
}

// compose returns the reply to a request.
func compose(q *request) reply {
	r := reply{finish: "stop"}
	text := ""
	if t, ok := q.requiredTool(); ok {
		r.call, r.finish = t.Function.Name, "tool_calls"
		text = example(t.Function.Parameters)
	} else {
		text = q.content()
	}
	text, whole := cut(text, q.limit())
	if !whole {
		r.finish = "length"
	}
	r.size = tokens(text)
	r.pieces = words(text)
	return r
}

// content returns the answer in the format that the request asks for.
func (q *request) content() string {
	switch q.Format.Type {
	case "json_schema":
		return example(q.Format.Schema.Schema)
	case "json_object":
		b, err := json.Marshal(map[string]string{"answer": q.prose()})
		if err != nil { // strings always encode
			return "{}"
		}
		return string(b)
	}
	return q.prose()
}

const (
	intro = "Hello! I am Penstock's built-in demo model. "
	about = "Penstock is an open AI gateway: one endpoint in front of many model providers, with routing, fallback, budgets and a bill for every request. "
	next  = "Set a provider's key, such as OPENAI_API_KEY, and start Penstock again to talk to a real model."
	tour  = "Ask for demo-fail-503, demo-stall, demo-cut or demo-slow to see how it copes with a faulty provider. "
)

// prose returns a text that repeats the beginning of the question.
func (q *request) prose() string {
	if q.last().Role == "tool" {
		return "The tool answered " + quote(q.last().text()) + " The demo model does not check it."
	}
	var b strings.Builder
	b.WriteString(intro)
	if question := q.lastUser(); question != "" {
		b.WriteString("You said " + quote(question) + " ")
	}
	switch q.spec.name {
	case "demo-fast":
		b.WriteString("I am the fast one.")
	case "demo-smart":
		b.WriteString(about + tour + next)
	default:
		b.WriteString(about + next)
	}
	return b.String()
}

// maxQuote is how much of the question is repeated, in bytes.
const maxQuote = 120

// quote shortens text to one line and puts it in quotation marks.
func quote(s string) string {
	s = strings.Join(strings.Fields(clip(s, 8*maxQuote)), " ")
	if len(s) > maxQuote {
		s = clip(s, maxQuote) + "…"
	}
	return "“" + s + "”."
}

// clip shortens s to at most n bytes, between runes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// cut shortens text to at most limit tokens.
func cut(text string, limit int64) (short string, whole bool) {
	if tokens(text) <= limit {
		return text, true
	}
	return clip(text, int(limit)*4), false
}

// words splits text after its spaces. An empty text gives one empty piece.
func words(text string) []string { return strings.SplitAfter(text, " ") }
