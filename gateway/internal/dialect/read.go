package dialect

import (
	"bytes"
	"errors"

	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llm"
)

var errTooLarge = errors.New("reply is larger than the limit")

// kind is what a JSON body turns out to be.
type kind int

const (
	isOther kind = iota
	isCompletion
	isError
)

// kindOf tells a completion from an error and from anything else, whatever the
// HTTP status claims.
func kindOf(body []byte) kind {
	if !gjson.ValidBytes(body) {
		return isOther
	}
	root := gjson.ParseBytes(body)
	if !root.IsObject() {
		return isOther
	}
	if truthy(root.Get("error")) {
		return isError
	}
	if root.Get("choices").IsArray() {
		return isCompletion
	}
	return isOther
}

// truthy follows the official clients: any of these values under "error" makes
// them raise one.
func truthy(r gjson.Result) bool {
	switch r.Type {
	case gjson.Null, gjson.False:
		return false
	case gjson.String:
		return r.Str != ""
	case gjson.Number:
		return r.Num != 0
	default:
		return r.Exists()
	}
}

// value finds a member's value by a search for its name. Inside a JSON string the
// name's quotes would be escaped, so a match followed by a colon is a member; which
// object it belongs to is for the caller to check where it matters. It returns the
// bytes from the value on, or nil.
func value(data []byte, quoted string) []byte {
	for {
		i := bytes.Index(data, []byte(quoted))
		if i < 0 {
			return nil
		}
		data = bytes.TrimLeft(data[i+len(quoted):], " \t\r\n")
		if len(data) > 0 && data[0] == ':' {
			return bytes.TrimLeft(data[1:], " \t\r\n")
		}
	}
}

// stringLen is the length of the JSON string that v begins with, escapes counted as
// they stand, or 0 when v is something else.
func stringLen(v []byte) int64 {
	if len(v) == 0 || v[0] != '"' {
		return 0
	}
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return int64(i - 1)
		}
	}
	return 0
}

// texts are the members of a delta or message whose strings are produced text.
var texts = [...]string{`"content"`, `"arguments"`, `"reasoning_content"`, `"reasoning"`, `"refusal"`}

// textBytes adds up the produced text in a chunk.
func textBytes(data []byte) (n int64) {
	for _, name := range texts {
		n += stringLen(value(data, name))
	}
	return n
}

// hasContent reports whether a chunk carries something that a reader would miss:
// anything but the role, in any choice.
func hasContent(data []byte) bool {
	found := false
	gjson.GetBytes(data, "choices").ForEach(func(_, choice gjson.Result) bool {
		if truthy(choice.Get("finish_reason")) {
			found = true
			return false
		}
		choice.Get("delta").ForEach(func(name, v gjson.Result) bool {
			found = name.Str != "role" && !blank(v)
			return !found
		})
		return !found
	})
	return found
}

// blank reports whether a value says nothing.
func blank(v gjson.Result) bool {
	switch v.Type {
	case gjson.Null, gjson.False:
		return true
	case gjson.String:
		return v.Str == ""
	case gjson.JSON:
		return len(bytes.Trim([]byte(v.Raw), " \t\r\n[]{}")) == 0
	}
	return false
}

// usageOf reads a usage object in OpenAI's form, with the deviations of providers
// that are known from their traffic.
func usageOf(u gjson.Result) *llm.Usage {
	if !u.IsObject() {
		return nil
	}
	in, out := u.Get("prompt_tokens_details"), u.Get("completion_tokens_details")
	usage := &llm.Usage{
		Input:          u.Get("prompt_tokens").Int(),
		CacheRead:      firstInt(in.Get("cached_tokens"), u.Get("prompt_cache_hit_tokens"), u.Get("cached_tokens")),
		CacheWriteLong: in.Get("cache_write_1h_tokens").Int(),
		AudioInput:     in.Get("audio_tokens").Int(),
		Output:         u.Get("completion_tokens").Int(),
		Reasoning:      out.Get("reasoning_tokens").Int(),
		AudioOutput:    out.Get("audio_tokens").Int(),
	}
	usage.CacheWrite = max(in.Get("cache_write_tokens").Int()-usage.CacheWriteLong, 0)
	// xAI leaves reasoning out of completion_tokens; OpenAI and DeepSeek do not.
	if total := u.Get("total_tokens").Int(); usage.Reasoning > 0 && total == usage.Total()+usage.Reasoning {
		usage.Output += usage.Reasoning
	}
	return usage
}

func firstInt(rs ...gjson.Result) int64 {
	for _, r := range rs {
		if r.Type == gjson.Number {
			return r.Int()
		}
	}
	return 0
}
