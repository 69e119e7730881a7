package completions

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Render appends the completion that a canonical one becomes, or the error.
func (c *Client) Render(out []byte, env *canonical.Envelope) []byte {
	w := canonical.Writer{B: out}
	w.Raw(`{"body":`)
	reply := canonical.ReadCompletion(env.Body)
	if reply.Error != nil { // errors are those of chat completions
		w.Open('{')
		w.MemberValue("error", reply.Error)
		w.Close('}')
	} else {
		writeReply(&w, &reply, env)
	}
	w.Byte('}')
	return w.B
}

func writeReply(w *canonical.Writer, reply *canonical.Completion, env *canonical.Envelope) {
	echo := canonical.Inside(env.Context.Member("echo"))
	begin(w, env.RequestID, env.Created, reply.Model)
	for a := range reply.Answers {
		writeChoice(w, &a, choice{echo: echo, offset: canonical.CountRunes(echo)})
	}
	w.Close(']')
	w.MemberValue("usage", reply.Usage)
	w.Close('}')
}

// begin writes a completion, or a piece of one, up to its choices.
func begin(w *canonical.Writer, request []byte, created int64, model canonical.Value) {
	w.Byte('{') // no comma: what stands before it is not JSON
	w.Name("id")
	w.Raw(`"cmpl-`)
	w.B = append(penstock.AppendInside(w.B, request), '"')
	w.MemberLiteral("object", `"text_completion"`)
	w.MemberInt("created", created)
	w.Name("model")
	if model.Kind() == '"' {
		w.Value(model)
	} else {
		w.Literal(`""`)
	}
	w.Name("choices")
	w.Open('[')
}

// choice is where in its text a choice, or a piece of one, begins.
type choice struct {
	// echo is what stands before the answer, the inside of a JSON string.
	echo []byte
	// offset is the length of the text before the answer, in characters.
	offset int64
}

// writeChoice writes a choice, or a piece of one. A refusal is all that there is of a text.
func writeChoice(w *canonical.Writer, a *canonical.Answer, c choice) {
	w.Open('{')
	w.Name("text")
	w.Byte('"')
	w.B = append(append(append(w.B, c.echo...), canonical.Inside(a.Content)...), canonical.Inside(a.Refusal)...)
	w.Byte('"')
	w.MemberInt("index", a.Index)
	w.Name("logprobs")
	writeLogprobs(w, a.Logprobs, c.offset)
	w.MemberLiteral("finish_reason", finish(a.FinishReason))
	w.Close('}')
}

// finish is why a text ended, in the three words of this API.
func finish(reason canonical.Value) string {
	switch canonical.FinishOf(reason) {
	case canonical.Unfinished:
		return "null"
	case canonical.CutShort:
		return `"length"`
	case canonical.Filtered:
		return `"content_filter"`
	}
	return `"stop"`
}

// writeLogprobs writes the probabilities of a text's tokens, of which the first begins at an
// offset in characters.
func writeLogprobs(w *canonical.Writer, tokens canonical.Value, offset int64) {
	if !canonical.Filled(tokens) {
		w.Literal("null")
		return
	}
	w.Open('{')
	w.Name("tokens")
	w.Open('[')
	for t := range tokens.Items {
		w.Quoted(canonical.Inside(t.Member("token")))
	}
	w.Close(']')
	w.Name("token_logprobs")
	w.Open('[')
	for t := range tokens.Items {
		writeNumber(w, t.Member("logprob"))
	}
	w.Close(']')
	w.Name("top_logprobs")
	writeTop(w, tokens)
	w.Name("text_offset")
	w.Open('[')
	for t := range tokens.Items {
		w.Int(offset)
		offset += canonical.CountRunes(canonical.Inside(t.Member("token")))
	}
	w.Close(']')
	w.Close('}')
}

// writeTop writes for each token how likely it was, and which others in its place.
func writeTop(w *canonical.Writer, tokens canonical.Value) {
	w.Open('[')
	for t := range tokens.Items {
		w.Open('{')
		seen := map[string]bool{}
		writeLikely(w, t, seen)
		for other := range t.Member("top_logprobs").Items {
			writeLikely(w, other, seen)
		}
		w.Close('}')
	}
	w.Close(']')
}

// writeLikely writes a token with its probability, once: several may be the same text.
func writeLikely(w *canonical.Writer, token canonical.Value, seen map[string]bool) {
	text := canonical.Text(token.Member("token"))
	if seen[string(text)] {
		return
	}
	seen[string(text)] = true
	w.Key(text)
	writeNumber(w, token.Member("logprob"))
}

func writeNumber(w *canonical.Writer, v canonical.Value) {
	if v.Kind() != '0' {
		v = canonical.Value("null")
	}
	w.Value(v)
}
