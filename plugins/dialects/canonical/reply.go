package canonical

import (
	"strconv"

	penstock "github.com/penstock/penstock/sdk/go"
)

// BlockKind is what a block of a reply's content is.
type BlockKind byte

// The kinds. OtherBlock is the provider's own business and no part of the completion.
const (
	OtherBlock BlockKind = iota
	TextBlock
	CallBlock
	CustomBlock
	ThinkingBlock
	RedactedBlock
	MediaBlock
)

// Block is a piece of a reply's content; its values are nil when absent.
type Block struct {
	Kind BlockKind
	// Text is that of a TextBlock, with the pages that it refers to.
	Text      Value
	Citations []Citation
	// ID, Name and Input are those of a CallBlock, whose input is an object or a text with one,
	// or of a CustomBlock, whose input is any text.
	ID, Name, Input Value
	// Verbatim says that the input of a CallBlock is a text to be passed as it came.
	Verbatim bool
	// Thought is a thought as the next request has to bring it back, Thinking its text.
	Thought, Thinking Value
	// Signature is that of a thought, or of a call of Gemini's.
	Signature Value
	// Data is that of a RedactedBlock or, in base64, of a MediaBlock, and Media its type.
	Data, Media Value
}

// Reply is a provider's plain reply; its values are nil when absent.
type Reply struct {
	Model  Value
	Blocks []Block
	// Details are what the model thought, as Origin has made it, if not as blocks.
	Details []Detail
	Origin  Origin
	// Logprobs are lists of the text's tokens with their probabilities.
	Logprobs []Value
	// Refusal is why the model would not answer.
	Refusal Value
	Finish  Finish
	// NativeFinish is the provider's own word for that, where it says more, and StopSequence
	// the stop sequence that was met.
	NativeFinish, StopSequence Value
	// Others are the further answers of a reply that has several. What a reply has once is
	// not read of them.
	Others      []Reply
	Usage       Usage
	ServiceTier string
}

// Write writes the reply as a completion.
func (r *Reply) Write(w *Writer, env *Envelope) {
	context := readContext(env.Context)
	w.Open('{')
	writeIdentity(w, "chat.completion", env)
	if r.Model.Null() {
		w.MemberText("model", env.Model)
	}
	w.MemberValue("model", r.Model)
	w.Name("choices")
	w.Open('[')
	r.writeChoice(w, 0, &context)
	for i := range r.Others {
		r.Others[i].writeChoice(w, int64(i)+1, &context)
	}
	w.Close(']')
	if r.Usage.Known {
		w.Name("usage")
		r.Usage.Write(w)
	}
	if r.ServiceTier != "" {
		w.MemberText("service_tier", []byte(r.ServiceTier))
	}
	w.Close('}')
}

func (r *Reply) writeChoice(w *Writer, index int64, context *replyContext) {
	w.Open('{')
	w.MemberInt("index", index)
	r.writeMessage(w, context)
	w.Name("logprobs")
	writeLogprobs(w, r.Logprobs)
	w.MemberLiteral("finish_reason", r.Finish.json(r.calls(), context.legacy))
	w.MemberValue("native_finish_reason", r.NativeFinish)
	w.MemberValue("stop_reason", r.StopSequence)
	w.Close('}')
}

// writeIdentity writes what is the same in every piece of a reply.
func writeIdentity(w *Writer, object string, env *Envelope) {
	w.Name("id")
	w.Raw(`"chatcmpl-`)
	w.B = penstock.AppendInside(w.B, env.RequestID)
	w.Byte('"')
	w.MemberText("object", []byte(object))
	w.MemberInt("created", env.Created)
}

// writeMessage writes the assistant's message.
func (r *Reply) writeMessage(w *Writer, context *replyContext) {
	w.Name("message")
	w.Raw(`{"role":"assistant"`)
	r.writeText(w)
	w.Name("refusal")
	if r.Refusal.Null() {
		w.Literal("null")
	} else {
		w.Value(r.Refusal)
	}
	r.writeReasoning(w)
	r.writeCalls(w, context)
	r.writeMedia(w)
	r.writeAnnotations(w)
	w.Close('}')
}

// writeText joins the text blocks. The content is null only beside calls.
func (r *Reply) writeText(w *Writer) {
	w.Name("content")
	mark := len(w.B)
	w.Byte('"')
	written := false
	for i := range r.Blocks {
		if b := &r.Blocks[i]; b.Kind == TextBlock {
			written = true
			w.B = append(w.B, Inside(b.Text)...)
		}
	}
	w.Byte('"')
	if !written && r.calls() > 0 {
		w.B = w.B[:mark]
		w.Raw("null")
	}
}

// writeReasoning writes what the model thought, as text for people and as what the next
// request has to bring back.
func (r *Reply) writeReasoning(w *Writer) {
	mark := len(w.B)
	w.Name("reasoning_content")
	w.Byte('"')
	start := len(w.B)
	for i := range r.Blocks {
		if b := &r.Blocks[i]; b.Kind == ThinkingBlock {
			w.B = append(w.B, Inside(b.Thinking)...)
		}
	}
	r.writeShownDetails(w, start)
	if len(w.B) == start {
		w.B = w.B[:mark]
	} else {
		w.Byte('"')
	}
	r.writeThoughts(w)
	r.writeDetails(w)
}

// writeThoughts writes the thoughts that have to be brought back as blocks.
func (r *Reply) writeThoughts(w *Writer) {
	mark := len(w.B)
	w.Name("thinking_blocks")
	w.Open('[')
	start := len(w.B)
	for i := range r.Blocks {
		if b := &r.Blocks[i]; b.Thought != nil && (b.Kind == ThinkingBlock || b.Kind == RedactedBlock) {
			w.Value(b.Thought)
		}
	}
	if len(w.B) == start {
		w.B = w.B[:mark]
		return
	}
	w.Close(']')
}

func (b *Block) isCall() bool { return b.Kind == CallBlock || b.Kind == CustomBlock }

// calls counts the tool calls.
func (r *Reply) calls() (n int64) {
	for i := range r.Blocks {
		if r.Blocks[i].isCall() {
			n++
		}
	}
	return n
}

func (r *Reply) writeCalls(w *Writer, context *replyContext) {
	first, legacy := true, context.legacy
	for i := range r.Blocks {
		b := &r.Blocks[i]
		if !b.isCall() {
			continue
		}
		if legacy {
			legacy = false // the deprecated form can hold one
			w.Name("function_call")
			b.writeFunction(w, context)
			continue
		}
		if first {
			w.Name("tool_calls")
			w.Open('[')
			first = false
		}
		b.writeCall(w, int64(i), context)
	}
	if !first {
		w.Close(']')
	}
}

// writeCallID writes a call's id. Some services give none; clients need one to answer.
func writeCallID(w *Writer, id Value, number int64) {
	if len(Inside(id)) > 0 {
		w.MemberValue("id", id)
		return
	}
	w.MemberText("id", strconv.AppendInt([]byte("call_"), number+1, 10))
}

func (b *Block) writeCall(w *Writer, number int64, context *replyContext) {
	w.Open('{')
	b.writeCallMembers(w, number, context)
	w.Close('}')
}

func (b *Block) writeCallMembers(w *Writer, number int64, context *replyContext) {
	writeCallID(w, b.ID, number)
	if b.Kind == CustomBlock {
		w.Literal(`"type":"custom","custom":{`)
		w.MemberValue("name", callerName(context.names, b.Name))
		w.Name("input")
		w.Quoted(Inside(b.Input))
		w.Close('}')
	} else {
		w.MemberLiteral("type", `"function"`)
		w.Name("function")
		b.writeFunction(w, context)
	}
	if len(Inside(b.Signature)) > 0 { // where Google's own clients look for it
		w.Name("extra_content")
		w.Raw(`{"google":{"thought_signature":`)
		w.Value(b.Signature)
		w.Raw("}}")
	}
}

func (b *Block) writeFunction(w *Writer, context *replyContext) {
	w.Open('{')
	w.MemberValue("name", callerName(context.names, b.Name))
	if b.Verbatim {
		w.Name("arguments")
		w.Quoted(Inside(b.Input))
	} else {
		w.MemberText("arguments", arguments(b.Input))
	}
	w.Close('}')
}

// arguments is a call's input as the text that OpenAI keeps in a string. Some services
// give it as a text already.
func arguments(input Value) []byte {
	if given := Text(input); Valid(given) {
		input = given
	}
	if input.Kind() != '{' {
		return []byte("{}")
	}
	return input
}

// writeAnnotations writes the pages that the texts refer to, with the span of characters
// of each text.
func (r *Reply) writeAnnotations(w *Writer) {
	if !r.cites() {
		return
	}
	w.Name("annotations")
	w.Open('[')
	at := int64(0)
	for i := range r.Blocks {
		b := &r.Blocks[i]
		if b.Kind != TextBlock {
			continue
		}
		end := at + CountRunes(Inside(b.Text))
		for k := range b.Citations {
			from, to := b.Citations[k].span(at, end)
			beginAnnotation(w, from, to)
			b.Citations[k].write(w)
			endAnnotation(w)
		}
		at = end
	}
	w.Close(']')
}

// cites reports whether a text refers to any page: counting characters takes time.
func (r *Reply) cites() bool {
	for i := range r.Blocks {
		if b := &r.Blocks[i]; b.Kind == TextBlock && len(b.Citations) > 0 {
			return true
		}
	}
	return false
}
