package wire

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/url"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// vectors is what an embeddings reply holds, in any provider's form. Its slices are parts
// of the body.
type vectors struct {
	// raw are the vectors as they came: arrays of numbers, or base64 in quotes.
	raw          [][]byte
	model, usage []byte
	// tokens is a count of the input that stands outside of a usage object.
	tokens int64
	// native says that the reply has OpenAI's form, failed that it is an error, int8 that
	// base64 is of bytes and not of floats, as Perplexity has it.
	native, failed, int8 bool
}

// base64Format is the encoding_format of vectors as bytes.
const base64Format = "base64"

// readVectors reads a reply and reports whether it is sound.
func readVectors(body []byte) (v vectors, ok bool) {
	s := newScan(body)
	if !s.Open('{') {
		return v, false
	}
	for s.More('}') {
		switch name := s.Name().Raw; string(name) {
		case "data":
			v.native = true
			v.readItems(&s, "embedding")
		case "embeddings":
			v.readEmbeddings(&s)
		case "model":
			v.model = s.string()
		case "usage":
			v.usage = s.object()
		case "meta":
			v.readMeta(&s)
		case "prompt_eval_count":
			v.tokens = s.count()
		case "error", "detail":
			v.failed = truthy(s.Raw()) || v.failed
		default:
			s.Skip()
		}
	}
	return v, s.End() == nil
}

// readEmbeddings reads Gemini's list of objects, Ollama's list of vectors, or Cohere's
// vectors by their type.
func (v *vectors) readEmbeddings(s *scan) {
	if s.Peek() == '[' {
		v.readItems(s, "values")
		return
	}
	for in := s.enter('{'); in && s.More('}'); {
		switch string(s.Name().Raw) {
		case "float", "base64":
			v.raw = nil // of several types the last
			v.readItems(s, "")
		default:
			s.Skip()
		}
	}
}

// readItems reads a list of vectors, or of objects that have them under a name.
func (v *vectors) readItems(s *scan, name string) {
	if !s.enter('[') {
		return
	}
	for s.More(']') {
		if s.Peek() != '{' {
			v.raw = append(v.raw, s.Raw())
			continue
		}
		for in := s.enter('{'); in && s.More('}'); {
			if string(s.Name().Raw) == name {
				v.raw = append(v.raw, s.Raw())
			} else {
				s.Skip()
			}
		}
	}
}

// readMeta reads what Cohere bills.
func (v *vectors) readMeta(s *scan) {
	for in := s.enter('{'); in && s.More('}'); {
		if string(s.Name().Raw) == "billed_units" {
			v.readBilled(s)
		} else {
			s.Skip()
		}
	}
}

func (v *vectors) readBilled(s *scan) {
	for in := s.enter('{'); in && s.More('}'); {
		if string(s.Name().Raw) == "input_tokens" {
			v.tokens = s.count()
		} else {
			s.Skip()
		}
	}
}

// encodedAs reports whether all vectors are encoded as asked for. What only the provider
// knows is left as it came.
func (v *vectors) encodedAs(format string) bool {
	inBase64 := format == base64Format
	if !inBase64 && format != "" && format != "float" {
		return true
	}
	if v.int8 {
		return false
	}
	for _, raw := range v.raw {
		if len(raw) == 0 || (raw[0] == '"') != inBase64 {
			return false
		}
	}
	return true
}

// render makes the reply in OpenAI's form.
func (v *vectors) render(x *llm.Exchange, usage *llm.Usage) ([]byte, error) {
	b := []byte(`{"object":"list","data":[`)
	for i, raw := range v.raw {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"object":"embedding","index":`...)
		b = append(strconv.AppendInt(b, int64(i), 10), `,"embedding":`...)
		var err error
		if b, err = v.append(b, raw, x.Sent.Facts.Encoding == base64Format); err != nil {
			return nil, fmt.Errorf("vector %d: %w", i, err)
		}
		b = append(b, '}')
	}
	b = append(b, `],"model":`...)
	if model := string(v.model); model != "" {
		b = append(append(append(b, '"'), model...), '"') // as it was written
	} else {
		b = jsontext.AppendQuote(b, x.Target.Model)
	}
	tokens := embeddingTokens(x, usage)
	b = append(append(b, `,"usage":{"prompt_tokens":`...), tokens...)
	return append(append(append(b, `,"total_tokens":`...), tokens...), `}}`...), nil
}

// append appends a vector in base64 or as an array of numbers.
func (v *vectors) append(b, raw []byte, inBase64 bool) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '"' && raw[0] != '[' {
		return nil, fmt.Errorf("neither a list nor a text")
	}
	if v.int8 && raw[0] == '"' {
		numbers, err := appendBytes(nil, raw)
		if err != nil {
			return nil, err
		}
		raw = numbers
	}
	switch {
	case (raw[0] == '"') == inBase64:
		return append(b, raw...), nil
	case inBase64:
		return appendBase64(b, raw)
	}
	return appendNumbers(b, raw)
}

// appendBytes decodes base64 of signed bytes.
func appendBytes(b, quoted []byte) ([]byte, error) {
	text, ok := jsontext.Unquote(quoted)
	numbers, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		return nil, fmt.Errorf("no base64 of bytes")
	}
	b = append(b, '[')
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(int8(n)), 10)
	}
	return append(b, ']'), nil
}

// appendBase64 encodes an array of numbers as OpenAI does: the bytes of 32-bit floats,
// little-endian.
func appendBase64(b, array []byte) ([]byte, error) {
	var floats []byte
	s := newScan(array)
	for in := s.enter('['); in && s.More(']'); {
		f, err := strconv.ParseFloat(string(s.Raw()), 32)
		if err != nil {
			return nil, err
		}
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(float32(f)))
	}
	b = base64.StdEncoding.AppendEncode(append(b, '"'), floats)
	return append(b, '"'), nil
}

// appendNumbers decodes what appendBase64 encodes.
func appendNumbers(b, quoted []byte) ([]byte, error) {
	text, ok := jsontext.Unquote(quoted)
	floats, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(floats)%4 != 0 {
		return nil, fmt.Errorf("no base64 of 32-bit floats")
	}
	b = append(b, '[')
	for i := 0; i < len(floats); i += 4 {
		if i > 0 {
			b = append(b, ',')
		}
		f := math.Float32frombits(binary.LittleEndian.Uint32(floats[i:]))
		if f64 := float64(f); math.IsNaN(f64) || math.IsInf(f64, 0) {
			return nil, fmt.Errorf("a number that JSON can't hold")
		}
		b = strconv.AppendFloat(b, float64(f), 'g', -1, 32)
	}
	return append(b, ']'), nil
}

// pathEscape writes a model's name as one segment of a path.
func pathEscape(model string) string { return url.PathEscape(model) }
