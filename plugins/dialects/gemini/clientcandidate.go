package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// The functions of this file write the pieces of a candidate, which are the same in a plain
// reply and in an event.

// writeThoughtPart writes what the model thought, given as the inside of a JSON string.
func writeThoughtPart(w *canonical.Writer, raw []byte) {
	w.Literal(`{"text":`)
	w.Quoted(raw)
	w.Raw(`,"thought":true}`)
}

// writeTextPart writes a text, given as the inside of a JSON string.
func writeTextPart(w *canonical.Writer, raw []byte) {
	w.Literal(`{"text":`)
	w.Quoted(raw)
	w.Close('}')
}

// pcm is the type of the sound that OpenAI's models give as pcm16, which the client side asks
// for.
const pcm = `"audio/L16;codec=pcm;rate=24000"`

// writeMediaParts writes the images and the sound that the model has made.
func writeMediaParts(w *canonical.Writer, a *canonical.Answer) {
	for v := range a.Images.Items {
		url := canonical.Text(v.Member("image_url", "url"))
		media, data, inline := canonical.DataURL(url)
		switch {
		case inline:
			w.Literal(`{"inlineData":{`)
			w.MemberText("mimeType", media)
			w.MemberText("data", data)
			w.Raw("}}")
		case len(url) > 0:
			w.Literal(`{"fileData":{`)
			if media := typeOfURI(url); media != nil {
				w.MemberText("mimeType", media)
			}
			w.MemberText("fileUri", url)
			w.Raw("}}")
		}
	}
	if data := a.Audio.Member("data"); len(canonical.Inside(data)) > 0 {
		w.Literal(`{"inlineData":{"mimeType":` + pcm)
		w.MemberValue("data", data)
		w.Raw("}}")
	}
}

// objectOf is a call's arguments as an object in one line; false for anything else. Some
// services give nothing, or null, for none.
func objectOf(arguments canonical.Value) (canonical.Value, bool) {
	if arguments.Kind() == '{' {
		return arguments, true
	}
	text := bytes.TrimSpace(canonical.Text(arguments))
	if len(text) == 0 || string(text) == "null" {
		return canonical.Value("{}"), true
	}
	if text[0] != '{' || !canonical.Valid(text) {
		return nil, false
	}
	return canonical.OneLine(bytes.Clone(text)), true
}

// writeCallPart writes a call: with Google's own signature or, if it is the first of an answer
// of another's model, with one of this package.
func writeCallPart(w *canonical.Writer, id, name, args, signature canonical.Value, carry *carried) {
	w.Literal(`{"functionCall":{`)
	if len(canonical.Inside(id)) > 0 {
		w.MemberValue("id", id)
	}
	w.Name("name")
	if name.Kind() != '"' {
		name = canonical.Value(`""`)
	}
	w.Value(name)
	w.Name("args")
	w.Value(args)
	w.Close('}')
	if len(canonical.Inside(signature)) > 0 {
		w.MemberValue("thoughtSignature", signature)
	} else if carry != nil {
		carry.write(w)
	}
	w.Close('}')
}

// addDetails takes in the details that a provider has encrypted, but for those of Google's
// models, whose signatures have a place of their own, and of Claude's, which come as thoughts.
// It returns Google's signature of the text, if that is among them.
func (c *carried) addDetails(a *canonical.Answer) (textSignature canonical.Value) {
	for v := range a.ReasoningDetails.Items {
		data := v.Member("data")
		if string(canonical.Text(v.Member("type"))) != "reasoning.encrypted" || len(canonical.Inside(data)) == 0 {
			continue
		}
		switch string(canonical.Text(v.Member("format"))) {
		case origin(nil).Format:
			if id := v.Member("id"); id.Null() {
				textSignature = data
			}
		case "anthropic-claude-v1":
		default:
			c.details.Value(v)
		}
	}
	return textSignature
}

// addThought takes in a thought of Claude's, its text given as the inside of a JSON string.
func (c *carried) addThought(text []byte, signature canonical.Value) {
	c.blocks.Literal(`{"type":"thinking","thinking":`)
	c.blocks.Quoted(text)
	c.blocks.MemberValue("signature", signature)
	c.blocks.Close('}')
}

// addRedacted takes in a thought of Claude's that nobody can read.
func (c *carried) addRedacted(data canonical.Value) {
	c.blocks.Literal(`{"type":"redacted_thinking"`)
	c.blocks.MemberValue("data", data)
	c.blocks.Close('}')
}

// signs reports whether there is anything that a provider has signed.
func (c *carried) signs() bool { return len(c.blocks.B)+len(c.details.B) > 0 }

// writeChances writes the probabilities of an answer's tokens.
func writeChances(w *canonical.Writer, tokens canonical.Value) {
	if !canonical.Filled(tokens) {
		return
	}
	w.Name("logprobsResult")
	w.Raw(`{"chosenCandidates":[`)
	tops := false
	for v := range tokens.Items {
		writeChance(w, v)
		tops = tops || canonical.Filled(v.Member("top_logprobs"))
	}
	w.Close(']')
	if tops {
		w.Name("topCandidates")
		w.Open('[')
		for v := range tokens.Items {
			w.Literal(`{"candidates":[`)
			for top := range v.Member("top_logprobs").Items {
				writeChance(w, top)
			}
			w.Raw("]}")
		}
		w.Close(']')
	}
	w.Close('}')
}

func writeChance(w *canonical.Writer, v canonical.Value) {
	w.Open('{')
	w.MemberValue("token", canonical.Or(v.Member("token"), canonical.Value(`""`)))
	w.MemberValue("logProbability", canonical.Or(v.Member("logprob"), canonical.Value("0")))
	w.Close('}')
}
