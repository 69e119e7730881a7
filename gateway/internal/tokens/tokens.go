// Package tokens counts the tokens of prompts with the tokenizer of OpenAI's models. It is
// for bounds, not for bills: what it says is never less than what the provider counts of
// the text, and a little more.
//
// It knows no other provider's tokenizer, and nothing of media: their spans are left out.
package tokens

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/tiktoken-go/tokenizer"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxText bounds the text that is counted, in bytes: counting takes about 0.2 ms for each
// kilobyte that compresses badly. Longer text counts a token a byte.
const maxText = 256 << 10

// perString is what a string may take besides its text, in tokens: the marks around a
// message, or the punctuation around a member.
const perString = 1

// Counter counts. The zero value is ready; a tokenizer is loaded when it is first needed,
// which takes some 80 ms and 7 MB for the newer one. It may be used by many goroutines.
type Counter struct{ o200k, cl100k family }

// family is a tokenizer that several models share.
type family struct {
	once  sync.Once
	codec tokenizer.Codec
}

// load gives the tokenizer, nil if it can't be had.
func (f *family) load(name tokenizer.Encoding) tokenizer.Codec {
	f.once.Do(func() {
		if codec, err := tokenizer.Get(name); err == nil {
			f.codec = codec
		}
	})
	return f.codec
}

// Prompt is an upper bound of the tokens in a request's text, media apart. It is false for
// models whose tokenizer is not known, and for text that would take too long.
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

// codec is the tokenizer of a model, by its name as OpenAI and those who resell its models
// write it; nil when nobody knows it.
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

// count counts a piece of a JSON text that the gateway has found to be sound: every string
// by itself, as it is once unescaped, and a token for each byte of what stands between.
// White space between members is no part of a prompt.
func count(codec tokenizer.Codec, text []byte) (total int64, ok bool) {
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			end := stringEnd(text, i+1)
			n, ok := countString(codec, text[i:end])
			if !ok {
				return 0, false
			}
			total, i = total+n, end
		case ' ', '\t', '\r', '\n', ',', ':':
			i++
		default:
			total++
			i++
		}
	}
	return total, true
}

// stringEnd is the offset behind the closing quote of the string whose inside begins at i.
func stringEnd(text []byte, i int) int {
	for ; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(text))
}

func countString(codec tokenizer.Codec, raw []byte) (int64, bool) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return 0, false
	}
	n, err := codec.Count(s)
	return int64(n) + perString, err == nil
}
