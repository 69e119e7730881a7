package llmtest

import (
	"encoding/base64"
	"encoding/binary"
	"math"
)

// ModelVector is the embedding of a text: its length in bytes, a half and minus two.
func ModelVector(text string) []float32 { return []float32{float32(len(text)), 0.5, -2} }

// vectors is the reply to a request for embeddings, in the format of the API that was asked.
func (q *question) vectors() string {
	size := q.number("dimensions", "output_dimension")
	switch {
	case q.at("content") != nil:
		return string(encode(object{"embedding": geminiVector(q.body), "usageMetadata": object{"promptTokenCount": ModelTokens}}))
	case q.at("requests") != nil:
		all := []object{}
		list, _ := q.at("requests").([]any)
		for _, one := range list {
			all = append(all, geminiVector(one))
		}
		return string(encode(object{"embeddings": all, "usageMetadata": object{"promptTokenCount": ModelTokens}}))
	case q.at("texts") != nil:
		all := [][]float32{}
		for _, text := range texts(q.at("texts")) {
			all = append(all, cut(ModelVector(text), size))
		}
		return string(encode(object{"embeddings": object{"float": all}, "meta": object{"billed_units": object{"input_tokens": ModelTokens}}}))
	}
	data := []object{}
	for i, text := range texts(q.at("input")) {
		var vector any = cut(ModelVector(text), size)
		if q.at("encoding_format") == "base64" {
			vector = inBase64(cut(ModelVector(text), size))
		}
		data = append(data, object{"object": "embedding", "index": i, "embedding": vector})
	}
	return string(encode(object{"object": "list", "data": data, "model": q.model, "usage": object{"prompt_tokens": ModelTokens, "total_tokens": ModelTokens}}))
}

// geminiVector is the embedding of one of Google's requests, which has the text in one part.
func geminiVector(request any) object {
	text := ""
	if parts, _ := at(request, "content", "parts").([]any); len(parts) > 0 {
		text, _ = at(parts[0], "text").(string)
	}
	size, _ := at(request, "outputDimensionality").(float64)
	return object{"values": cut(ModelVector(text), int(size))}
}

// number is the first of the members that is a number, or 0.
func (q *question) number(names ...string) int {
	for _, name := range names {
		if n, ok := q.at(name).(float64); ok {
			return int(n)
		}
	}
	return 0
}

// texts are a text, or those of a list.
func texts(v any) (all []string) {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	list, _ := v.([]any)
	for _, item := range list {
		s, _ := item.(string)
		all = append(all, s)
	}
	return all
}

// cut is the beginning of a vector, all of it for a size that it does not have.
func cut(vector []float32, size int) []float32 {
	if size <= 0 || size > len(vector) {
		return vector
	}
	return vector[:size]
}

// inBase64 encodes a vector as OpenAI does.
func inBase64(vector []float32) string {
	var b []byte
	for _, f := range vector {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(b)
}
