package wire

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// embedContent and batchEmbedContents are Google's APIs for embeddings
// (https://ai.google.dev/api/embeddings): of one content, and of a list. As for OpenAI's, what
// other providers need is translated here and not by a module.
var (
	embedContent = &Format{
		Endpoint: llm.Embeddings,
		Dialect:  llm.Gemini,
		Title:    "Gemini embedContent",
		target:   methodTarget("embedContent"),
		facts:    intake.ScanEmbedContent,
		call:     callEmbedContents,
		read:     readEmbedContents,
		render:   renderGemini,
		breakOff: breakGemini,
	}
	batchEmbedContents = &Format{
		Endpoint: llm.Embeddings,
		Dialect:  llm.Gemini,
		Title:    "Gemini batchEmbedContents",
		target:   methodTarget("batchEmbedContents"),
		facts:    intake.ScanBatchEmbedContents,
		call:     callEmbedContents,
		read:     readEmbedContents,
		render:   renderGemini,
		breakOff: breakGemini,
	}
)

// callEmbedContents makes the call to a target: the client's bytes with the models changed
// where it speaks Google's format. A request is found by its endpoint and dialect, so both
// formats make it.
func callEmbedContents(_ *Dialects, x *llm.Exchange) (llm.Call, error) {
	if x.Sent.PassesTo(x.Target) {
		method := ":embedContent"
		if isBatch(x.Sent.Body) {
			method = ":batchEmbedContents"
		}
		return llm.Call{Path: geminiPath(x.Target.Model) + method, Body: apply(x.Sent.Body, renameModels(x))}, nil
	}
	in, err := readContents(x)
	if err != nil {
		return llm.Call{}, err
	}
	return in.call(x)
}

// isBatch reports whether a body is a list of requests, as intake has checked.
func isBatch(body []byte) bool {
	s := newScan(body)
	for in := s.enter('{'); in && s.More('}'); {
		if s.Name().Is("requests") {
			return true
		}
		s.Skip()
	}
	return false
}

// readContents reads a request that is to be translated. Requests with different options can't
// be one call.
func readContents(x *llm.Exchange) (*inputs, error) {
	s := newScan(x.Sent.Body)
	in := newContents("content")
	if !isBatch(x.Sent.Body) {
		return in, in.readRequest(x, &s, "")
	}
	in.param = "requests"
	for object := s.enter('{'); object && s.More('}'); {
		if name := s.Name(); !name.Is("requests") {
			in.dropMember(name.String(), s.Raw())
			continue
		}
		for list := s.enter('['); list && s.More(']'); {
			if err := in.readNext(x, &s); err != nil {
				return nil, err
			}
		}
	}
	return in, nil
}

func newContents(param string) *inputs { return &inputs{param: param, purposeName: "taskType"} }

// readNext reads one of a list of requests, which must have the options of those before it.
func (in *inputs) readNext(x *llm.Exchange, s *scan) error {
	n := len(in.texts)
	path := fmt.Sprintf("requests[%d]", n)
	one := newContents(in.param)
	if err := one.readRequest(x, s, path+"."); err != nil {
		return err
	}
	if n == 0 {
		in.purpose, in.dimensions = one.purpose, one.dimensions
	}
	if one.purpose != in.purpose || !bytes.Equal(one.dimensions, in.dimensions) {
		return unsupportedEmbeddings(x, path, "requests with different options in one batch: "+path+
			" has another taskType or outputDimensionality than requests[0]; send it on its own")
	}
	in.texts, in.dropped = append(in.texts, one.texts...), append(in.dropped, one.dropped...)
	return nil
}

// readRequest reads one request, whose members are named behind a prefix.
func (in *inputs) readRequest(x *llm.Exchange, s *scan, prefix string) error {
	for object := s.enter('{'); object && s.More('}'); {
		switch name := s.Name().String(); name {
		case "model":
			s.Skip()
		case "content":
			text, err := readContent(x, s, prefix+name)
			if err != nil {
				return err
			}
			in.texts = append(in.texts, text)
		case "taskType", "task_type":
			if in.purpose = s.unquoted(); in.purpose == "TASK_TYPE_UNSPECIFIED" {
				in.purpose = ""
			}
		case "outputDimensionality", "output_dimensionality":
			in.dimensions = s.number()
		default:
			in.dropMember(name, s.Raw())
		}
	}
	return nil
}

// readContent returns the texts of a content's parts, as one JSON string with a line for each.
func readContent(x *llm.Exchange, s *scan, path string) ([]byte, error) {
	var text []byte
	for object := s.enter('{'); object && s.More('}'); {
		if !s.Name().Is("parts") {
			s.Skip()
			continue
		}
		i := 0
		err := s.oneOrMore(func() error {
			part, err := readTextPart(x, s, fmt.Sprintf("%s.parts[%d]", path, i))
			switch i++; {
			case err != nil:
				return err
			case text == nil:
				text = append(text, part...)
			default:
				text = append(append(text[:len(text)-1], `\n`...), part[1:]...)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if text == nil {
		return nil, badEmbedding(path+".parts", path+" has no text: send at least one part with text.")
	}
	return text, nil
}

// oneOrMore reads a list, or one element without a list around it, which Google also takes.
func (s *scan) oneOrMore(read func() error) error {
	if s.Peek() == '{' {
		return read()
	}
	for list := s.enter('['); list && s.More(']'); {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// readTextPart returns the text of a part, which can hold nothing else.
func readTextPart(x *llm.Exchange, s *scan, path string) ([]byte, error) {
	var text []byte
	for object := s.enter('{'); object && s.More('}'); {
		name, value := s.Name().String(), s.Raw()
		switch {
		case name == "text" && len(value) > 0 && value[0] == '"':
			text = value
		case meansSomething(name, value):
			return nil, unsupportedEmbeddings(x, path, path+"."+name+": only text can be embedded there")
		}
	}
	if text == nil {
		return nil, badEmbedding(path, path+" has no text: send a part with text.")
	}
	return text, nil
}

// badEmbedding refuses a request that Google would refuse, too.
func badEmbedding(param, message string) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Fault: llm.FaultBadRequest, Param: param, Message: message}
}

// readEmbedContents reads a reply, in whichever provider's form, and gives Google's. What is
// in that form already passes byte for byte.
func readEmbedContents(d *Dialects, _ context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	v, err := d.readVectors(x, a)
	if err != nil {
		return nil, err
	}
	body := v.body
	if !x.Sent.PassesTo(x.Target) {
		if body, err = v.renderGemini(isBatch(x.Sent.Body)); err != nil {
			return nil, malformed("an embedding that is no vector", err)
		}
		if err := hold(x.Request, body); err != nil {
			return nil, err
		}
	}
	return &plain{body: body, dialect: llm.Gemini, info: v.info()}, nil
}

// renderGemini makes the reply in Google's form. It has numbers only, and the provider's count
// of the tokens if there is one.
func (v *vectors) renderGemini(batch bool) (b []byte, err error) {
	b = append(b, `{"embedding":`...)
	if batch {
		b = []byte(`{"embeddings":[`)
	}
	for i, raw := range v.raw {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = v.append(append(b, `{"values":`...), raw, false); err != nil {
			return nil, fmt.Errorf("vector %d: %w", i, err)
		}
		b = append(b, '}')
	}
	if batch {
		b = append(b, ']')
	}
	if v.usage != nil && v.usage.Input > 0 {
		b = append(strconv.AppendInt(append(b, `,"usageMetadata":{"promptTokenCount":`...), v.usage.Input, 10), '}')
	}
	return append(b, '}'), nil
}
