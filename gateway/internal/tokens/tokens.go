// Package tokens counts the tokens of prompts with the tokenizers of OpenAI's models. Its
// counts are upper bounds for reservations, not for bills: they are a little higher than
// the provider's count of the text, and never lower.
//
// It knows no other provider's tokenizer. Media are not counted: their spans are left out.
package tokens

import (
	"strings"
	"sync"

	"github.com/tiktoken-go/tokenizer"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxText is the longest text that is counted, in bytes: counting takes about 0.2 ms for
// each kilobyte that compresses badly.
const maxText = 256 << 10

// perString is the number of tokens added for each string: the delimiters of a message,
// or the punctuation around a member.
const perString = 1

// Counter counts tokens. The zero value is ready. A tokenizer is loaded when it is first
// needed, which takes about 80 ms and 7 MB for the newer one. It is safe for concurrent
// use.
type Counter struct{ o200k, cl100k family }

// family is the tokenizer of a family of models.
type family struct {
	once  sync.Once
	codec tokenizer.Codec
}

// load returns the tokenizer, nil if it could not be loaded.
func (f *family) load(name tokenizer.Encoding) tokenizer.Codec {
	f.once.Do(func() {
		if codec, err := tokenizer.Get(name); err == nil {
			f.codec = codec
		}
	})
	return f.codec
}

// Prompt returns an upper bound of the tokens in a request's text, without media. It
// returns false for models whose tokenizer is not known, and for text beyond maxText.
func (c *Counter) Prompt(model string, req *llm.Request) (int64, bool) {
	if req.Facts.TextBytes > maxText {
		return 0, false
	}
	codec := c.codec(model)
	if codec == nil {
		return 0, false
	}
	total, from := int64(0), 0
	for _, at := range append(req.Facts.MediaAt[:len(req.Facts.MediaAt):len(req.Facts.MediaAt)], llm.Span{Start: len(req.Body), End: len(req.Body)}) {
		n, ok := count(codec, req.Body[from:at.Start])
		if !ok {
			return 0, false
		}
		total, from = total+n, at.End
	}
	return total, true
}

// codec returns the tokenizer of a model, by its name at OpenAI and at resellers, or nil if
// it is not known.
func (c *Counter) codec(model string) tokenizer.Codec {
	name := model[strings.LastIndexByte(model, '/')+1:]
	for _, p := range [...]string{"gpt-4o*", "gpt-4.1*", "gpt-4.5*", "gpt-5*", "gpt-oss*", "chatgpt-4o*", "o1*", "o3*", "o4*"} {
		if llm.MatchName(p, name) {
			return c.o200k.load(tokenizer.O200kBase)
		}
	}
	for _, p := range [...]string{"gpt-4*", "gpt-3.5*"} {
		if llm.MatchName(p, name) {
			return c.cl100k.load(tokenizer.Cl100kBase)
		}
	}
	return nil
}

// count counts the tokens in a part of a valid JSON text: each string by itself,
// unescaped, and one token for each byte between them. White space, commas and colons are
// not part of a prompt.
func count(codec tokenizer.Codec, text []byte) (total int64, ok bool) {
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			s := jsontext.New(text[i:], 0, jsontext.Grammar)
			n, err := codec.Count(s.Text().String())
			if err != nil || !s.OK() {
				return 0, false
			}
			total, i = total+int64(n)+perString, i+s.Pos()
		case ' ', '\t', '\r', '\n', ',', ':':
			i++
		default:
			total++
			i++
		}
	}
	return total, true
}
