package cohere

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeToolCalls writes the calls of an assistant's message.
func (r *request) writeToolCalls(m *canonical.Message, i int) error {
	r.Name("tool_calls")
	r.Open('[')
	k := 0
	for call := range m.ToolCalls.Items {
		function := call.Member("function")
		if function.Null() {
			return canonical.Reject(canonical.At(canonical.At("messages", i)+".tool_calls", k), "only function calls can be sent to Cohere")
		}
		r.writeToolCall(r.ids.ID(m, k), function)
		k++
	}
	if m.FunctionCall.Kind() == '{' {
		r.writeToolCall(r.ids.ID(m, k), m.FunctionCall)
	}
	r.Close(']')
	return nil
}

func (r *request) writeToolCall(id []byte, function canonical.Value) {
	r.Literal(`{"id":`)
	r.Text(id)
	r.Raw(`,"type":"function","function":{`)
	r.MemberValue("name", function.Member("name"))
	r.Name("arguments")
	r.writeArguments(function.Member("arguments"))
	r.Raw("}}")
}

// writeArguments writes a call's arguments, a JSON object in a string. Anything else than an
// object becomes an empty one.
func (r *request) writeArguments(arguments canonical.Value) {
	if arguments.Kind() == '{' {
		r.Text(arguments)
		return
	}
	r.Scratch, _ = arguments.Text(r.Scratch[:0])
	if text := bytes.TrimSpace(r.Scratch); len(text) == 0 || text[0] != '{' || !canonical.Valid(text) {
		arguments = canonical.Value(`"{}"`)
	}
	r.Value(arguments)
}

// resultImage is an image among the parts of a tool's result, with its place in the request.
type resultImage struct {
	part       canonical.Part
	message, k int
}

// writeResultImages writes the images of the results before it as a message of the user: a
// result can hold none.
func (r *request) writeResultImages() error {
	if len(r.images) == 0 {
		return nil
	}
	r.Literal(`{"role":"user","content":[{"type":"text","text":"(Images that the tools returned.)"}`)
	for i := range r.images {
		image := &r.images[i]
		if err := r.writeImage(&image.part, image.message, image.k); err != nil {
			return err
		}
	}
	r.Raw("]}")
	r.images = r.images[:0]
	return nil
}

// writeToolResult writes a tool message: its content is a text, or a list of texts and of
// Cohere's own documents.
func (r *request) writeToolResult(m *canonical.Message, i int) error {
	r.Literal(`{"role":"tool","tool_call_id":`)
	r.Text(m.ResultID)
	switch m.Content.Kind() {
	case '[':
		r.Name("content")
		r.Open('[')
		k := 0
		for v := range m.Content.Items {
			if err := r.writeResultPart(v, i, k); err != nil {
				return err
			}
			k++
		}
		r.Close(']')
	case '"':
		r.MemberValue("content", m.Content)
	default:
		r.MemberLiteral("content", `""`)
	}
	r.Close('}')
	return nil
}

func (r *request) writeResultPart(v canonical.Value, i, k int) error {
	switch string(canonical.Text(v.Member("type"))) {
	case "document":
		r.Value(v)
		return nil
	case "image_url", "input_image":
		r.images = append(r.images, resultImage{canonical.ReadPart(v), i, k})
		return nil
	}
	return r.writePart(v, i, k, false)
}
