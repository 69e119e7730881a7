package canonical

// Completion is a canonical completion, or a chunk of a streamed one, as the client side of
// a dialect reads it. Its values are nil when absent.
type Completion struct {
	Model, Usage, ServiceTier Value
	// Choices is the list of choices, of which Message and Delta return the first.
	Choices Value
	// Error is set when there is an error in the place of a completion.
	Error Value
}

// ReadCompletion reads the members of a completion or a chunk.
func ReadCompletion(v Value) (c Completion) {
	for key, member := range v.Members {
		switch string(key) {
		case "model":
			c.Model = member
		case "choices":
			c.Choices = member
		case "usage":
			c.Usage = member
		case "service_tier":
			c.ServiceTier = member
		case "error":
			if !member.Null() {
				c.Error = member
			}
		}
	}
	return c
}

// Message returns the choice with the index 0 of a plain reply, which is empty when there is
// none. Perplexity sends an empty delta beside the message.
func (c *Completion) Message() Answer { return c.first("message") }

// Delta is Message for a chunk. Perplexity sends all that was said so far in a message beside
// the delta.
func (c *Completion) Delta() Answer { return c.first("delta") }

func (c *Completion) first(name string) Answer {
	for v := range c.Choices.Items {
		if a := readAnswer(v, name); a.Index == 0 {
			return a
		}
	}
	return Answer{}
}

// Answer is one choice: its message or, in a chunk, what is added to it. Its values are nil
// when absent.
type Answer struct {
	Index                            int64
	Content, Refusal                 Value
	ThinkingBlocks, ReasoningDetails Value
	ToolCalls, FunctionCall          Value
	Annotations                      Value
	reasoningContent, reasoning      Value
	// FinishReason is why the answer ended. NativeFinish is the provider's own word for it,
	// and StopReason, if it is a text, the stop sequence that was met.
	FinishReason, NativeFinish, StopReason Value
}

// readAnswer reads the members of a choice. What it says is in the member with the name or,
// without one, in the other that may have it.
func readAnswer(choice Value, name string) (a Answer) {
	var said, other Value
	for key, member := range choice.Members {
		switch string(key) {
		case name:
			said = member
		case "message", "delta":
			other = member
		case "index":
			a.Index = Whole(member)
		case "finish_reason":
			a.FinishReason = member
		case "native_finish_reason":
			a.NativeFinish = member
		case "stop_reason":
			a.StopReason = member
		}
	}
	if said.Kind() != '{' {
		said = other
	}
	if said.Kind() == '{' {
		a.readMessage(said)
	}
	return a
}

func (a *Answer) readMessage(v Value) {
	for key, member := range v.Members {
		switch string(key) {
		case "content":
			a.Content = member
		case "refusal":
			a.Refusal = member
		case "tool_calls":
			a.ToolCalls = member
		case "function_call":
			a.FunctionCall = member
		case "annotations":
			a.Annotations = member
		case "thinking_blocks":
			a.ThinkingBlocks = member
		case "reasoning_details":
			a.ReasoningDetails = member
		case "reasoning_content":
			a.reasoningContent = member
		case "reasoning":
			a.reasoning = member
		}
	}
}

// Reasoning is the thinking as text, the inside of a JSON string, by either of the names
// that services have for it.
func (a *Answer) Reasoning() []byte {
	if text := Inside(a.reasoningContent); len(text) > 0 {
		return text
	}
	return Inside(a.reasoning)
}

// Piece is a thought, or in a chunk a piece of the one with the number.
type Piece struct {
	Number int64
	Thought
}

// Thoughts yields the thinking that has to be brought back to Claude: thinking_blocks, or
// OpenRouter's reasoning_details of Claude's. Of other models there is only Reasoning.
func (a *Answer) Thoughts(yield func(Piece) bool) {
	position := int64(0)
	if Filled(a.ThinkingBlocks) {
		for v := range a.ThinkingBlocks.Items {
			if p, ok := readPiece(v, "thinking", position, "redacted_thinking"); ok && !yield(p) {
				return
			}
			position++
		}
		return
	}
	for v := range a.ReasoningDetails.Items {
		if string(Text(v.Member("format"))) == "anthropic-claude-v1" {
			if p, ok := readPiece(v, "text", position, "reasoning.encrypted"); ok && !yield(p) {
				return
			}
		}
		position++
	}
}

// readPiece reads a thought whose text is in the member called name, and whose number is its
// position unless it has an index.
func readPiece(v Value, name string, position int64, redacted string) (p Piece, ok bool) {
	p.Number = position
	if n, has := v.Member("index").Whole(); has {
		p.Number = n
	}
	if string(Text(v.Member("type"))) == redacted {
		p.Data = v.Member("data")
		return p, len(Inside(p.Data)) > 0
	}
	p.Thinking, p.Signature = v.Member(name), v.Member("signature")
	return p, len(Inside(p.Thinking))+len(Inside(p.Signature)) > 0
}

// AnswerCall is a tool call of an answer, or in a chunk a piece of the one with the number.
type AnswerCall struct {
	Number   int64
	ID, Name Value
	// Arguments is a text that holds an object or, with some services, the object.
	Arguments Value
}

// Calls yields the tool calls.
func (a *Answer) Calls(yield func(AnswerCall) bool) {
	position := int64(0)
	for v := range a.ToolCalls.Items {
		function := v.Member("function")
		c := AnswerCall{Number: position, ID: v.Member("id"), Name: function.Member("name"), Arguments: function.Member("arguments")}
		if n, has := v.Member("index").Whole(); has {
			c.Number = n
		}
		if !yield(c) {
			return
		}
		position++
	}
	c := AnswerCall{Number: position, Name: a.FunctionCall.Member("name"), Arguments: a.FunctionCall.Member("arguments")}
	if len(Inside(c.Name))+len(Inside(c.Arguments)) > 0 { // Snowflake sends an empty one with every reply
		yield(c)
	}
}

// Cited is a page that an answer refers to.
type Cited struct {
	Citation
	// Start and End are the span of the text that refers to it, in characters.
	Start, End int64
}

// Citations yields the pages that the annotations name.
func (a *Answer) Citations(yield func(Cited) bool) {
	for v := range a.Annotations.Items {
		page := v.Member("url_citation")
		if page.Kind() != '{' {
			page = v // as OpenAI's newer API has it
		}
		c := Cited{Citation: Citation{URL: page.Member("url"), Title: page.Member("title")},
			Start: Whole(page.Member("start_index")), End: Whole(page.Member("end_index"))}
		if len(Inside(c.URL)) > 0 && !yield(c) {
			return
		}
	}
}
