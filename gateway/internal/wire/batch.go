package wire

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// batch is a request for embeddings by its elements.
type batch struct {
	format  *Format
	request *llm.Request
	// list is the span of the elements in the body, raw are the elements as they are there.
	list          llm.Span
	raw, elements [][]byte
	common        []byte
	// many says that a request of Google's API is a list of them.
	many bool
}

// batchOf returns a request for embeddings by its elements. It is nil for one whose reply
// would have vectors in an encoding that only the provider knows.
func batchOf(f *Format, r *llm.Request) llm.Batch {
	if e := r.Facts.Encoding; e != "" && e != "float" && e != base64Format {
		return nil
	}
	b := &batch{format: f, request: r}
	switch {
	case r.Form != llm.Gemini:
		b.readOpenAI()
	case isBatch(r.Body):
		b.many = true
		b.readList("requests")
		for _, one := range b.raw {
			b.elements = append(b.elements, without(one, "model"))
		}
	default:
		b.common, b.raw = []byte("{}"), [][]byte{r.Body}
		b.elements = [][]byte{without(r.Body, "model")}
	}
	if len(b.elements) != r.Facts.Inputs {
		return nil
	}
	return b
}

// The members of OpenAI's requests. Others may change what the bytes of a vector mean, so with
// them vectors in one encoding say nothing about those in another.
var embeddingsMembers = []string{"model", "input", "encoding_format", "dimensions", "input_type", "user", "metadata"}

// readOpenAI reads a request of OpenAI's embeddings API.
func (b *batch) readOpenAI() {
	b.readList("input")
	b.elements = b.raw
	for _, m := range membersOf(b.request.Body, 0) {
		if !slices.Contains(embeddingsMembers, m.name) {
			return
		}
	}
	b.common = without(b.common, "encoding_format")
}

// readList reads the elements, which are a member's value, and the rest of the body.
func (b *batch) readList(name string) {
	body := b.request.Body
	b.common = without(body, "model", name)
	m, ok := memberOf(membersOf(body, 0), name)
	if !ok {
		return
	}
	b.list = llm.Span{Start: m.value, End: m.end}
	value := body[m.value:m.end]
	s := newScan(value)
	for in := s.enter('['); in && s.More(']'); {
		b.raw = append(b.raw, s.Raw())
	}
	if len(b.raw) == 0 || value[0] == '[' && isNumber(b.raw[0]) { // one text, or one as tokens
		b.raw = [][]byte{value}
	}
}

func isNumber(raw []byte) bool { return len(raw) > 0 && raw[0] >= '0' && raw[0] <= '9' }

// without is an object without some of its members.
func without(object []byte, names ...string) []byte {
	out := []byte{'{'}
	for _, m := range membersOf(object, 0) {
		if slices.Contains(names, m.name) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, object[m.start:m.end]...)
	}
	return append(out, '}')
}

// Common implements llm.Batch.
func (b *batch) Common() []byte { return b.common }

// Elements implements llm.Batch.
func (b *batch) Elements() [][]byte { return b.elements }

// Only implements llm.Batch. The request's facts are read anew, so that limits are asked for
// what is sent.
func (b *batch) Only(elements []int) (*llm.Request, error) {
	list := []byte{'['}
	for i, at := range elements {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, b.raw[at]...)
	}
	r := *b.request
	r.Body = apply(r.Body, []edit{{b.list, append(list, ']')}})
	if err := hold(&r, r.Body); err != nil {
		return nil, err
	}
	facts, _, err := b.format.facts(r.Body, intake.Options{})
	if err != nil {
		return nil, err
	}
	facts.Model, facts.Stream = r.Facts.Model, r.Facts.Stream // which the path may have named
	r.Facts, r.Batch = facts, func() llm.Batch { return batchOf(b.format, &r) }
	return &r, nil
}

// Vectors implements llm.Batch.
func (b *batch) Vectors(reply []byte) ([][]byte, string, error) {
	v, ok := readVectors(reply)
	if !ok || v.failed || len(v.raw) == 0 {
		return nil, "", fmt.Errorf("no embeddings")
	}
	out := make([][]byte, len(v.raw))
	for i, raw := range v.raw {
		floats, err := floatsOf(raw)
		if err != nil || len(floats) == 0 {
			return nil, "", fmt.Errorf("vector %d is none of 32-bit floats", i)
		}
		out[i] = floats
	}
	return out, string(v.model), nil
}

// Reply implements llm.Batch.
func (b *batch) Reply(all [][]byte, model string, tokens int64) ([]byte, error) {
	v := vectors{model: []byte(model), usage: &llm.Usage{Input: tokens}}
	for _, floats := range all {
		v.raw = append(v.raw, append(base64.StdEncoding.AppendEncode([]byte{'"'}, floats), '"'))
	}
	var body []byte
	var err error
	if b.request.Form == llm.Gemini {
		body, err = v.renderGemini(b.many)
	} else {
		body, err = v.render(&llm.Exchange{Sent: b.request, Target: &llm.Target{}})
	}
	if err != nil {
		return nil, err
	}
	return body, hold(b.request, body)
}
