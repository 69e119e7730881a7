package gemini

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// part is a part of an answer with its members; nil when absent. Of those that Google's own
// tools leave there is nothing to read.
type part struct {
	text, thought, signature, call, inline canonical.Value
}

func readPart(v canonical.Value) (p part) {
	for key, member := range v.Members {
		switch string(key) {
		case "text":
			p.text = member
		case "thought":
			p.thought = member
		case "thoughtSignature":
			p.signature = member
		case "functionCall":
			p.call = member
		case "inlineData":
			p.inline = member
		}
	}
	return p
}

func (p *part) isThought() bool { return p.thought.Kind() == 't' }

// source is what the blocks of an answer need to know of their reply.
type source struct {
	// request is the request's id, from which the ids of calls are made: Google gives most
	// calls none.
	request []byte
	// custom is the context, or a part of it, that names the custom tools.
	custom canonical.Value
	origin canonical.Origin
	// calls counts the calls so far.
	calls int64
}

// answer reads a whole answer.
func (s *source) answer(c *candidate) canonical.Reply {
	a := canonical.Reply{Origin: s.origin, Finish: c.stop(), Refusal: c.refusal()}
	var parts []int64 // of the blocks
	k := int64(0)
	for v := range c.parts.Items {
		p := readPart(v)
		b, ok := s.block(&p)
		if ok {
			a.Blocks, parts = append(a.Blocks, b), append(parts, k)
		}
		k++
		if d, signed := detail(&p, &b); signed {
			a.Details = append(a.Details, d)
		}
	}
	if list := appendLogprobs(nil, c.chances); list != nil {
		a.Logprobs = append(a.Logprobs, list)
	}
	citeBlocks(a.Blocks, parts, c)
	return a
}

// block is what a part is in a completion; false for what has no place there.
func (s *source) block(p *part) (canonical.Block, bool) {
	switch {
	case p.call.Kind() == '{':
		b := s.call(p)
		return b, len(canonical.Inside(b.Name)) > 0
	case p.inline.Kind() == '{':
		b := canonical.Block{Kind: canonical.MediaBlock, Media: p.inline.Member("mimeType"), Data: p.inline.Member("data")}
		return b, !p.isThought() && len(canonical.Inside(b.Data)) > 0 // a drawing on the way to the answer is none
	case len(canonical.Inside(p.text)) == 0:
		return canonical.Block{}, false
	case p.isThought():
		return canonical.Block{Kind: canonical.ThinkingBlock, Thinking: p.text}, true
	}
	return canonical.Block{Kind: canonical.TextBlock, Text: p.text}, true
}

func (s *source) call(p *part) canonical.Block {
	b := canonical.Block{Kind: canonical.CallBlock, Signature: p.signature}
	for key, v := range p.call.Members {
		switch string(key) {
		case "id":
			b.ID = v
		case "name":
			b.Name = v
		case "args":
			b.Input = v
		}
	}
	if s.calls++; len(canonical.Inside(b.ID)) == 0 {
		b.ID = penstock.AppendInside(canonical.Value(`"call_`), s.request)
		b.ID = append(penstock.AppendWhole(append(b.ID, '_'), s.calls), '"')
	}
	if canonical.IsCustom(s.custom, b.Name) {
		b.Kind, b.Input = canonical.CustomBlock, b.Input.Member(customInput)
	}
	return b
}

// detail is the signature of a part, for the next request to bring back with the call or the
// text that it stands at.
func detail(p *part, b *canonical.Block) (canonical.Detail, bool) {
	return canonical.Detail{Kind: canonical.EncryptedDetail, Text: p.signature, ID: b.ID},
		len(canonical.Inside(p.signature)) > 0 && (b.ID != nil || !p.text.Null() && !p.isThought())
}

// appendLogprobs appends the probabilities of an answer's tokens as OpenAI lists them; nil
// when there are none.
func appendLogprobs(dst []byte, result canonical.Value) []byte {
	chosen := result.Member("chosenCandidates")
	if !canonical.Filled(chosen) {
		return nil
	}
	w := canonical.Writer{B: dst}
	w.Open('[')
	var tops []canonical.Value
	for v := range result.Member("topCandidates").Items {
		tops = append(tops, v.Member("candidates"))
	}
	k := 0
	for v := range chosen.Items {
		w.Open('{')
		writeLogprob(&w, v)
		w.Name("top_logprobs")
		w.Open('[')
		if k < len(tops) {
			for top := range tops[k].Items {
				w.Open('{')
				writeLogprob(&w, top)
				w.Close('}')
			}
		}
		w.Close(']')
		w.Close('}')
		k++
	}
	w.Close(']')
	return w.B
}

func writeLogprob(w *canonical.Writer, v canonical.Value) {
	w.MemberValue("token", canonical.Or(v.Member("token"), canonical.Value(`""`)))
	w.MemberValue("logprob", canonical.Or(v.Member("logProbability"), canonical.Value("0")))
	w.MemberLiteral("bytes", "null")
}
