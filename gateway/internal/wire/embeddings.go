package wire

import (
	"context"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// embeddings is OpenAI's embeddings API
// (https://platform.openai.com/docs/api-reference/embeddings). Requests and replies of
// other providers are so simple, and vectors so large, that they are translated here and
// not by a module.
var embeddings = &Format{
	Endpoint: llm.Embeddings,
	Dialect:  llm.OpenAI,
	Paths:    []string{"/v1/embeddings", "/embeddings"},
	Title:    "OpenAI embeddings",
	facts:    intake.ScanEmbeddings,
	call:     callEmbeddings,
	read:     readEmbeddings,
	render:   renderOpenAI,
	breakOff: breakOpenAI,
}

// callEmbeddings makes the call to a target: the client's bytes with the model changed
// where it speaks OpenAI's format.
func callEmbeddings(_ *Dialects, x *llm.Exchange) (llm.Call, error) {
	switch x.Target.Dialect {
	case llm.OpenAI, llm.Responses:
		return openAICall(x.Target, "/embeddings", patchedEmbeddings(x)), nil
	}
	in, err := readInputs(x)
	if err != nil {
		return llm.Call{}, err
	}
	switch x.Target.Dialect {
	case llm.Gemini:
		return geminiEmbeddings(x, in), nil
	case llm.Cohere:
		return cohereEmbeddings(x, in), nil
	case llm.Ollama:
		return ollamaEmbeddings(x, in), nil
	}
	return llm.Call{}, unsupportedEmbeddings(x, "embeddings")
}

// unsupportedEmbeddings refuses a target that can't do something.
func unsupportedEmbeddings(x *llm.Exchange, what string) error {
	return &llm.Error{Code: llm.CodeUnsupported, Status: 400, Fault: llm.FaultUnsupported, Param: "input",
		Message: x.Target.ID + " has no equivalent for " + what + "."}
}

// patchedEmbeddings is the client's body with what must differ at the target: the model's
// name, and the names that some providers have for members.
func patchedEmbeddings(x *llm.Exchange) []byte {
	edits := setModel(nil, x)
	s := newScan(x.Sent.Body)
	for in := s.enter('{'); in && s.More('}'); {
		s.Peek()
		at := s.Pos()
		name := string(s.Name().Raw)
		if as := embeddingName(x.Target.Catalog, name); as != name {
			edits = append(edits, edit{llm.Span{Start: at, End: at + len(name) + 2}, jsontext.AppendQuote(nil, as)})
		}
		s.Skip()
	}
	return apply(x.Sent.Body, edits)
}

// embeddingName is a provider's name for a member of the request.
func embeddingName(catalog, name string) string {
	if name == "dimensions" && (catalog == "mistral" || catalog == "voyage") {
		return "output_dimension"
	}
	return name
}

// inputs are what a translated embeddings request is about.
type inputs struct {
	// texts are JSON strings as the client wrote them.
	texts [][]byte
	// dimensions is the wanted length of vectors as it was written, kind the purpose that
	// some providers want to know (input_type); nil when not given.
	dimensions, kind []byte
}

// readInputs reads a request that is to be translated. Tokens are those of OpenAI's models
// and mean nothing to others.
func readInputs(x *llm.Exchange) (inputs, error) {
	var in inputs
	s := newScan(x.Sent.Body)
	for object := s.enter('{'); object && s.More('}'); {
		switch string(s.Name().Raw) {
		case "input":
			if !in.readTexts(&s) {
				return in, unsupportedEmbeddings(x, "input that is a list of tokens")
			}
		case "dimensions":
			in.dimensions = s.number()
		case "input_type":
			if v := s.Raw(); len(v) > 0 && v[0] == '"' {
				in.kind = v
			}
		default:
			s.Skip()
		}
	}
	return in, nil
}

// number reads a value that should be a number; nil for any other.
func (s *scan) number() []byte {
	v := s.Raw()
	if len(v) == 0 || v[0] < '0' || v[0] > '9' {
		return nil
	}
	return v
}

func (in *inputs) readTexts(s *scan) bool {
	if s.Peek() == '"' {
		in.texts = append(in.texts, s.Raw())
		return true
	}
	for list := s.enter('['); list && s.More(']'); {
		v := s.Raw()
		if len(v) == 0 || v[0] != '"' {
			return false
		}
		in.texts = append(in.texts, v)
	}
	return true
}

// geminiEmbeddings makes a call of batchEmbedContents.
func geminiEmbeddings(x *llm.Exchange, in inputs) llm.Call {
	model := jsontext.AppendQuote(nil, "models/"+x.Target.Model)
	b := []byte(`{"requests":[`)
	for i, text := range in.texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, `{"model":`...), model...), `,"content":{"parts":[{"text":`...)
		b = append(append(b, text...), `}]}`...)
		if in.dimensions != nil {
			b = append(append(b, `,"outputDimensionality":`...), in.dimensions...)
		}
		b = append(b, '}')
	}
	return llm.Call{Path: "/models/" + pathEscape(x.Target.Model) + ":batchEmbedContents", Body: append(b, `]}`...)}
}

// cohereEmbeddings makes a call of /v2/embed, which wants to know what the vectors are for.
func cohereEmbeddings(x *llm.Exchange, in inputs) llm.Call {
	b := append([]byte(`{"model":`), jsontext.AppendQuote(nil, x.Target.Model)...)
	b = append(append(b, `,"texts":`...), list(in.texts)...)
	if in.kind == nil {
		in.kind = []byte(`"search_document"`)
	}
	b = append(append(b, `,"input_type":`...), in.kind...)
	if in.dimensions != nil {
		b = append(append(b, `,"output_dimension":`...), in.dimensions...)
	}
	return llm.Call{Path: "/embed", Body: append(b, `,"embedding_types":["float"]}`...)}
}

// ollamaEmbeddings makes a call of /api/embed.
func ollamaEmbeddings(x *llm.Exchange, in inputs) llm.Call {
	b := append([]byte(`{"model":`), jsontext.AppendQuote(nil, x.Target.Model)...)
	b = append(append(b, `,"input":`...), list(in.texts)...)
	if in.dimensions != nil {
		b = append(append(b, `,"dimensions":`...), in.dimensions...)
	}
	return llm.Call{Path: "/embed", Body: append(b, '}')}
}

// list is a JSON array of values.
func list(values [][]byte) []byte {
	b := []byte{'['}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']')
}

// readEmbeddings reads a reply, in whichever provider's form, and gives OpenAI's, with
// vectors encoded as the client has asked for. What is in that form already passes byte
// for byte.
func readEmbeddings(d *Dialects, _ context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	defer a.Body.Close()
	body, err := d.body(x, a)
	switch {
	case err != nil:
		return nil, err
	case !succeeded(a):
		return nil, d.errorOf(a.Status, a.Header, body)
	}
	v, ok := readVectors(body)
	v.int8 = x.Target.Catalog == "perplexity"
	switch {
	case ok && v.failed:
		return nil, d.errorOf(a.Status, a.Header, body)
	case !ok || len(v.raw) == 0 || len(v.raw) != x.Sent.Facts.Inputs:
		return nil, malformed("something that is not an embedding of each input", nil)
	}
	usage := usageOf(v.usage, boundsOf(x))
	if usage == nil && v.tokens > 0 {
		usage = &llm.Usage{Input: v.tokens}
	}
	info := llm.ReplyInfo{Usage: usage, Finish: "stop", Model: string(v.model), Content: true, Whole: true}
	if !v.native || !v.encodedAs(x.Sent.Facts.Encoding) {
		if body, err = v.render(x, usage); err != nil {
			return nil, malformed("an embedding that is no vector", err)
		}
		if x.Request.Hold != nil {
			if err := x.Request.Hold(int64(len(body))); err != nil {
				return nil, err
			}
		}
	}
	return &plain{body: body, info: info}, nil
}

// embeddingTokens are the tokens of a reply's usage: what was counted, else the estimate.
func embeddingTokens(x *llm.Exchange, usage *llm.Usage) []byte {
	n := x.Sent.Facts.EstInputTokens
	if usage != nil {
		n = usage.Input
	}
	return strconv.AppendInt(nil, n, 10)
}
