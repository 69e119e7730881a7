package wire

import (
	"context"
	"net/http"
	"strconv"

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
	if x.Sent.PassesTo(x.Target) || x.Target.EmbeddingsDialect() == llm.OpenAI {
		if err := checkBatch(x, "input"); err != nil {
			return llm.Call{}, err
		}
		body := patchedEmbeddings(x)
		if x.Route.RejectUnsupported && len(x.Dropped) > 0 {
			return llm.Call{}, unsupported(x)
		}
		return openAIEmbeddings(x.Target, body), nil
	}
	in, err := readInputs(x)
	if err != nil {
		return llm.Call{}, err
	}
	return in.call(x)
}

// maxBatch is how many texts providers take at once, by their name in the catalog, where that
// is fewer than OpenAI's 2048.
var maxBatch = map[string]int{"cohere": 96, "gemini": 100, "voyage": 1000}

// checkBatch refuses a target whose provider takes fewer texts at once.
func checkBatch(x *llm.Exchange, param string) error {
	if limit, ok := maxBatch[x.Target.Catalog]; ok && x.Sent.Facts.Inputs > limit {
		return unsupportedEmbeddings(x, param, "more than "+strconv.Itoa(limit)+" texts at once, and there are "+strconv.Itoa(x.Sent.Facts.Inputs)+": send fewer in one request")
	}
	return nil
}

// unsupportedEmbeddings refuses a target that can't do something that a member asks for.
func unsupportedEmbeddings(x *llm.Exchange, param, what string) error {
	return &llm.Error{Code: llm.CodeUnsupported, Status: http.StatusBadRequest, Fault: llm.FaultUnsupported, Param: param,
		Message: x.Target.ID + " has no equivalent for " + what + "."}
}

// readInputs reads a request that is to be translated. Tokens are those of OpenAI's models
// and mean nothing to others.
func readInputs(x *llm.Exchange) (*inputs, error) {
	in := &inputs{param: "input", purposeName: "input_type"}
	if e := x.Sent.Facts.Encoding; e != "" && e != "float" && e != base64Format {
		return nil, unsupportedEmbeddings(x, "encoding_format", "the encoding_format "+llm.Quote(e)+": ask for float or base64")
	}
	s := newScan(x.Sent.Body)
	for object := s.enter('{'); object && s.More('}'); {
		switch name := s.Name().String(); name {
		case "model", "encoding_format":
			s.Skip()
		case "input":
			if !in.readTexts(&s) {
				return nil, unsupportedEmbeddings(x, "input", "input that is a list of tokens: send texts")
			}
		case "dimensions":
			in.dimensions = s.number()
		case "input_type":
			in.purpose = s.unquoted()
		default:
			in.dropMember(name, s.Raw())
		}
	}
	return in, nil
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

// readEmbeddings reads a reply, in whichever provider's form, and gives OpenAI's, with
// vectors encoded as the client has asked for. What is in that form already passes byte
// for byte.
func readEmbeddings(d *Dialects, _ context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	v, err := d.readVectors(x, a)
	if err != nil {
		return nil, err
	}
	body := v.body
	if !v.native || v.totalOnly || !v.encodedAs(x.Sent.Facts.Encoding) {
		if body, err = v.render(x); err != nil {
			return nil, malformed("an embedding that is no vector", err)
		}
		if err := hold(x.Request, body); err != nil {
			return nil, err
		}
	}
	return &plain{body: body, info: v.info()}, nil
}

// readVectors reads a whole answer, which must hold a vector for each input.
func (d *Dialects) readVectors(x *llm.Exchange, a *llm.Answer) (*vectors, error) {
	defer a.Body.Close()
	body, err := d.body(x, a)
	if err != nil {
		return nil, err
	}
	failure := d.errorOf
	if x.Sent.Form == llm.Gemini && x.Sent.PassesTo(x.Target) {
		failure = d.geminiError
	}
	if !succeeded(a) {
		return nil, failure(a, body)
	}
	v, ok := readVectors(body)
	switch {
	case ok && v.failed:
		return nil, failure(a, body)
	case !ok || len(v.raw) == 0 || len(v.raw) != x.Sent.Facts.Inputs:
		return nil, malformed("something that is not an embedding of each input", nil)
	}
	v.int8 = x.Target.Catalog == "perplexity"
	v.count(boundsOf(x))
	return &v, nil
}

// hold counts what is rendered beside the provider's own body.
func hold(r *llm.Request, body []byte) error {
	if r.Hold == nil {
		return nil
	}
	return r.Hold(int64(len(body)))
}
