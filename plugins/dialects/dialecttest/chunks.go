package dialecttest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

type object = map[string]any

// ChunksOf are chunks that say what a completion says: its texts a few characters at a time, and
// its calls in turn.
func ChunksOf(t testing.TB, completion string) []string {
	t.Helper()
	var c object
	if err := json.Unmarshal([]byte(completion), &c); err != nil {
		t.Fatal(err)
	}
	s := splitter{t: t, whole: c}
	choices, _ := c["choices"].([]any)
	for _, choice := range choices {
		s.choice(choice.(object))
	}
	s.add(object{"choices": []any{}, "usage": c["usage"]})
	return append(s.chunks, "[DONE]")
}

// splitter cuts a completion into chunks.
type splitter struct {
	t      testing.TB
	whole  object
	index  any
	chunks []string
}

func (s *splitter) add(members object) {
	s.t.Helper()
	c := object{"id": s.whole["id"], "object": "chat.completion.chunk", "created": s.whole["created"], "model": s.whole["model"]}
	for name, v := range members {
		c[name] = v
	}
	s.chunks = append(s.chunks, strings.TrimSpace(string(Encode(s.t, c))))
}

// delta adds a chunk with a piece of the choice.
func (s *splitter) delta(delta object) {
	s.t.Helper()
	s.add(object{"choices": []any{object{"index": s.index, "delta": delta, "finish_reason": nil}}, "usage": nil})
}

func (s *splitter) choice(choice object) {
	s.t.Helper()
	s.index = choice["index"]
	said, _ := choice["message"].(object)
	s.delta(object{"role": "assistant", "content": "", "refusal": nil})
	s.texts(said, "reasoning_content", "reasoning")
	for _, name := range [...]string{"thinking_blocks", "reasoning_details"} {
		list, _ := said[name].([]any)
		for i, item := range list {
			item.(object)["index"] = i
			s.delta(object{name: []any{item}})
		}
	}
	s.texts(said, "content", "refusal")
	for _, name := range [...]string{"annotations", "images", "audio"} {
		if said[name] != nil {
			s.delta(object{name: said[name]})
		}
	}
	s.calls(said)
	s.add(object{"choices": []any{object{"index": s.index, "delta": object{}, "logprobs": choice["logprobs"], "finish_reason": choice["finish_reason"]}}, "usage": nil})
}

func (s *splitter) texts(said object, names ...string) {
	s.t.Helper()
	for _, name := range names {
		text, _ := said[name].(string)
		for _, piece := range pieces(text) {
			s.delta(object{name: piece})
		}
	}
}

func (s *splitter) calls(said object) {
	s.t.Helper()
	list, _ := said["tool_calls"].([]any)
	for i, call := range list {
		call := call.(object)
		function := call["function"].(object)
		text, isText := function["arguments"].(string)
		begin := object{"name": function["name"], "arguments": ""}
		if !isText {
			begin["arguments"] = function["arguments"]
		}
		first := object{"index": i, "id": call["id"], "type": "function", "function": begin}
		if call["extra_content"] != nil {
			first["extra_content"] = call["extra_content"]
		}
		s.delta(object{"tool_calls": []any{first}})
		for _, piece := range pieces(text) {
			s.delta(object{"tool_calls": []any{object{"index": i, "function": object{"arguments": piece}}}})
		}
	}
	if call, ok := said["function_call"].(object); ok {
		s.delta(object{"function_call": object{"name": call["name"], "arguments": ""}})
		text, _ := call["arguments"].(string)
		for _, piece := range pieces(text) {
			s.delta(object{"function_call": object{"arguments": piece}})
		}
	}
}

// pieces cuts a text into pieces of 7 characters.
func pieces(text string) (all []string) {
	for piece := range slices.Chunk([]rune(text), 7) {
		all = append(all, string(piece))
	}
	return all
}

// Joined is the completion that chunks add up to.
func Joined(t testing.TB, chunks []string) string {
	t.Helper()
	whole := object{}
	choices := map[int]object{}
	for _, chunk := range chunks {
		var c object
		if chunk == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(chunk), &c); err != nil {
			t.Fatalf("%q: %v", chunk, err)
		}
		if whole["model"] == nil || whole["model"] == "" {
			whole["model"] = c["model"]
		}
		if c["usage"] != nil {
			whole["usage"] = c["usage"]
		}
		list, _ := c["choices"].([]any)
		for _, one := range list {
			join(choices, one.(object))
		}
	}
	list := []any{}
	for i := range len(choices) {
		list = append(list, choices[i])
	}
	whole["choices"] = list
	return string(Encode(t, whole))
}

// join adds a piece to the choice that it is of.
func join(choices map[int]object, piece object) {
	index := indexOf(piece)
	choice := choices[index]
	if choice == nil {
		choice = object{"index": index, "message": object{}}
		choices[index] = choice
	}
	if piece["finish_reason"] != nil {
		choice["finish_reason"] = piece["finish_reason"]
	}
	if chances, ok := piece["logprobs"].(object); ok {
		had, _ := choice["logprobs"].(object)
		if had == nil {
			had = object{}
		}
		before, _ := had["content"].([]any)
		now, _ := chances["content"].([]any)
		choice["logprobs"] = object{"content": append(before, now...)}
	}
	if delta, ok := piece["delta"].(object); ok {
		merge(choice["message"].(object), delta)
	}
}

// merge adds the members of a piece to those of a whole: texts are joined, and the items of
// lists by their index, if they have one.
func merge(whole, piece object) {
	for name, v := range piece {
		switch v := v.(type) {
		case nil:
		case string:
			had, isText := whole[name].(string)
			if !isText || isName(name) {
				had = ""
			}
			if whole[name] == nil || isText && (v != "" || !isName(name)) {
				whole[name] = had + v
			}
		case []any:
			had, _ := whole[name].([]any)
			whole[name] = mergeItems(had, v)
		case object:
			had, ok := whole[name].(object)
			if !ok {
				had = object{}
			}
			merge(had, v)
			whole[name] = had
		default:
			whole[name] = v
		}
	}
}

// isName reports whether a member of a piece names something, and is no piece of a text.
func isName(name string) bool {
	switch name {
	case "id", "type", "name", "role", "format", "provider", "signature", "thought_signature":
		return true
	}
	return false
}

func mergeItems(had, items []any) []any {
	for _, item := range items {
		piece, ok := item.(object)
		if !ok || piece["index"] == nil {
			had = append(had, item)
			continue
		}
		i := slices.IndexFunc(had, func(v any) bool { o, ok := v.(object); return ok && o["index"] == piece["index"] })
		if i < 0 {
			had = append(had, object{})
			i = len(had) - 1
		}
		merge(had[i].(object), piece)
	}
	return had
}

func indexOf(piece object) int {
	n, _ := piece["index"].(float64)
	return int(n)
}
