package wire

import (
	"net/url"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// vectors is what an embeddings reply holds, in any provider's form. Its slices are parts
// of the body.
type vectors struct {
	// body is the whole reply.
	body []byte
	// raw are the vectors as they came: arrays of numbers, or base64 in quotes.
	raw [][]byte
	// places are the indices that the provider gave them, -1 for none.
	places          []int64
	model, rawUsage []byte
	// tokens is a count of the input that stands outside of a usage object, or is a total.
	tokens int64
	// usage is what the provider counted; nil when it counted nothing. totalOnly says that its
	// usage lacks the prompt's count, which OpenAI's has.
	usage     *llm.Usage
	totalOnly bool
	// native says that the reply has OpenAI's form, failed that it is an error, int8 that
	// base64 is of bytes and not of floats, as Perplexity has it.
	native, failed, int8 bool
}

// readVectors reads a reply and reports whether it is sound.
func readVectors(body []byte) (v vectors, ok bool) {
	v.body = body
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
		case "embedding":
			v.readItem(&s, "values")
		case "model":
			v.model = s.string()
		case "usage", "usageMetadata":
			v.readUsage(&s)
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
	v.sort()
	return v, s.End() == nil
}

// readUsage reads a usage object. Voyage's has nothing but a total.
func (v *vectors) readUsage(s *scan) {
	v.rawUsage = s.object()
	u := newScan(v.rawUsage)
	prompt := false
	for in := len(v.rawUsage) > 0 && u.Open('{'); in && u.More('}'); {
		switch string(u.Name().Raw) {
		case "prompt_tokens":
			prompt = true
			u.Skip()
		case "total_tokens":
			v.tokens = u.count()
		default:
			u.Skip()
		}
	}
	v.totalOnly = !prompt && v.tokens > 0
}

// count sets what the provider counted, as far as it is to be believed.
func (v *vectors) count(b bounds) {
	if v.usage = usageOf(v.rawUsage, b); v.usage == nil && v.tokens > 0 {
		usage := llm.Usage{Input: v.tokens}
		if bound(&usage, b); usage.Input > 0 {
			v.usage = &usage
		}
	}
}

// info is what the reply says about itself.
func (v *vectors) info() llm.ReplyInfo {
	return llm.ReplyInfo{Usage: v.usage, Finish: "stop", Model: string(v.model), Content: true, Whole: true}
}

// sort puts the vectors in the order of their indices. Where those are not one for each, such as
// those of a server that numbers nothing, the vectors stay in the order in which they came.
func (v *vectors) sort() {
	raw := make([][]byte, len(v.raw))
	for i, place := range v.places {
		if place < 0 || place >= int64(len(raw)) || raw[place] != nil {
			return
		}
		raw[place] = v.raw[i]
	}
	v.raw = raw
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
			v.raw, v.places = nil, nil // of several types the last
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
		v.readItem(s, name)
	}
}

// readItem reads a vector, or an object that has it under a name and may have its index.
func (v *vectors) readItem(s *scan, name string) {
	var raw []byte
	place := int64(-1)
	if s.Peek() != '{' {
		raw = s.Raw()
	}
	for in := s.Open('{'); in && s.More('}'); {
		switch string(s.Name().Raw) {
		case name:
			raw = s.Raw()
		case "index":
			place = s.index(-1)
		default:
			s.Skip()
		}
	}
	if raw != nil {
		v.raw, v.places = append(v.raw, raw), append(v.places, place)
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

// pathEscape writes a model's name as one segment of a path.
func pathEscape(model string) string { return url.PathEscape(model) }
