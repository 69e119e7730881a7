package wire

import (
	"slices"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// inputs are what a translated request for embeddings is about, whichever API it came by.
type inputs struct {
	// texts are JSON strings as the client wrote them.
	texts [][]byte
	// dimensions is the wanted length of vectors as it was written; nil when not given.
	dimensions []byte
	// purpose is what the vectors are for, in the words of any API; empty when not given.
	purpose string
	// param and purposeName are what the client's API calls the texts and the purpose.
	param, purposeName string
	// dropped names the members that have no place in the call.
	dropped []string
}

// call makes the call to a target in its own format.
func (in *inputs) call(x *llm.Exchange) (llm.Call, error) {
	if err := checkBatch(x, in.param); err != nil {
		return llm.Call{}, err
	}
	var call llm.Call
	switch x.Target.EmbeddingsDialect() {
	case llm.OpenAI:
		call = in.openAI(x.Target)
	case llm.Gemini:
		call = in.gemini(x.Target)
	case llm.Cohere:
		call = in.cohere(x.Target)
	case llm.Ollama:
		call = in.ollama(x.Target)
	default:
		return llm.Call{}, unsupportedEmbeddings(x, in.param, "embeddings")
	}
	slices.Sort(in.dropped)
	x.Dropped = slices.Compact(in.dropped)
	if x.Route.RejectUnsupported && len(x.Dropped) > 0 {
		return llm.Call{}, unsupported(x)
	}
	return call, nil
}

// dropMember notes a member that has no place in the call, if it means something.
func (in *inputs) dropMember(name string, value []byte) {
	if meansSomething(name, value) {
		in.dropped = append(in.dropped, name)
	}
}

// purposeAs is the purpose in an API's own word. One that only others know is dropped; one
// that none of them knows is the provider's to judge.
func (in *inputs) purposeAs(api func(*purpose) string) string {
	word := purposeAs(in.purpose, api)
	if word == "" {
		in.dropPurpose()
	}
	return word
}

// dropPurpose notes that the purpose has no place in the call, if there is one.
func (in *inputs) dropPurpose() {
	if in.purpose != "" {
		in.dropped = append(in.dropped, in.purposeName)
	}
}

// openAI makes a call in OpenAI's format, whose numbers need no encoding_format. The purpose
// is for those whose words for it are known.
func (in *inputs) openAI(t *llm.Target) llm.Call {
	d := embeddingDeviations[t.Catalog]
	b := in.begin(t, "input")
	if d.purpose == nil || purposeOf(in.purpose) == nil {
		in.dropPurpose()
	} else if word := in.purposeAs(d.purpose); word != "" {
		b = jsontext.AppendQuote(append(b, `,"input_type":`...), word)
	}
	b = in.appendDimensions(b, d.nameOf("dimensions"))
	return openAIEmbeddings(t, append(b, '}'))
}

// gemini makes a call of batchEmbedContents.
func (in *inputs) gemini(t *llm.Target) llm.Call {
	task := in.purposeAs(func(p *purpose) string { return p.gemini })
	model := jsontext.AppendQuote(nil, geminiName(t.Model))
	b := []byte(`{"requests":[`)
	for i, text := range in.texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, `{"model":`...), model...), `,"content":{"parts":[{"text":`...)
		b = append(append(b, text...), `}]}`...)
		if task != "" {
			b = jsontext.AppendQuote(append(b, `,"taskType":`...), task)
		}
		b = append(in.appendDimensions(b, "outputDimensionality"), '}')
	}
	return llm.Call{Path: geminiPath(t.Model) + ":batchEmbedContents", Body: append(b, `]}`...)}
}

// cohere makes a call of /v2/embed, which must be told what the vectors are for.
func (in *inputs) cohere(t *llm.Target) llm.Call {
	word := in.purposeAs(func(p *purpose) string { return p.cohere })
	if word == "" {
		word = "search_document"
	}
	b := jsontext.AppendQuote(append(in.begin(t, "texts"), `,"input_type":`...), word)
	b = in.appendDimensions(b, "output_dimension")
	return llm.Call{Path: "/embed", Body: append(b, `,"embedding_types":["float"]}`...)}
}

// ollama makes a call of /api/embed.
func (in *inputs) ollama(t *llm.Target) llm.Call {
	in.dropPurpose()
	return llm.Call{Path: "/embed", Body: append(in.appendDimensions(in.begin(t, "input"), "dimensions"), '}')}
}

// begin is an object with the model, and with the texts under a name.
func (in *inputs) begin(t *llm.Target, name string) []byte {
	b := jsontext.AppendQuote([]byte(`{"model":`), t.Model)
	b = append(append(append(b, `,"`...), name...), `":[`...)
	for i, text := range in.texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, text...)
	}
	return append(b, ']')
}

// appendDimensions appends the wanted length of vectors as a member with a name.
func (in *inputs) appendDimensions(b []byte, name string) []byte {
	if in.dimensions == nil {
		return b
	}
	return append(append(append(append(b, `,"`...), name...), `":`...), in.dimensions...)
}

// number reads a value that should be a number; nil for any other.
func (s *scan) number() []byte {
	v := s.Raw()
	if len(v) == 0 || v[0] < '0' || v[0] > '9' {
		return nil
	}
	return v
}

// unquoted reads a value that should be a text; empty for any other.
func (s *scan) unquoted() string {
	text, _ := jsontext.Unquote(s.Raw())
	return text
}
