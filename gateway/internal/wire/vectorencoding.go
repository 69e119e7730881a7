package wire

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// base64Format is the encoding_format of vectors as bytes.
const base64Format = "base64"

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
func (v *vectors) render(x *llm.Exchange) ([]byte, error) {
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
	n := x.Sent.Facts.EstInputTokens
	if v.usage != nil {
		n = v.usage.Input
	}
	tokens := strconv.AppendInt(nil, n, 10)
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
	floats, err := floatsOf(array)
	if err != nil {
		return nil, err
	}
	b = base64.StdEncoding.AppendEncode(append(b, '"'), floats)
	return append(b, '"'), nil
}

// floatsOf returns the bytes of a vector of 32-bit floats, which is an array of numbers or
// base64 in quotes.
func floatsOf(raw []byte) ([]byte, error) {
	if len(raw) > 0 && raw[0] == '"' {
		text, ok := jsontext.Unquote(raw)
		floats, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(floats)%4 != 0 {
			return nil, fmt.Errorf("no base64 of 32-bit floats")
		}
		return floats, nil
	}
	var floats []byte
	s := newScan(raw)
	for in := s.enter('['); in && s.More(']'); {
		f, err := strconv.ParseFloat(string(s.Raw()), 32)
		if err != nil {
			return nil, err
		}
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(float32(f)))
	}
	return floats, nil
}

// appendNumbers decodes what appendBase64 encodes.
func appendNumbers(b, quoted []byte) ([]byte, error) {
	floats, err := floatsOf(quoted)
	if err != nil {
		return nil, err
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
