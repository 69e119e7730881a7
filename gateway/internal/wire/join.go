package wire

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// joined reads a stream to its end and makes the completion of it that the client asked
// for.
func (d *Dialects) joined(ctx context.Context, x *llm.Exchange, a *llm.Answer, s llm.Stream) (llm.Stream, error) {
	defer s.Close()
	j := joiner{completion: object{}, choices: map[string]object{}}
	size := int64(0)
	for {
		ev, err := s.Next()
		if err != nil {
			return nil, err
		}
		if ev.Final {
			break
		}
		size += int64(len(ev.Frame))
		if err := d.room(x, size, int64(len(ev.Frame))); err != nil {
			return nil, err
		}
		if len(ev.Data) > 0 && !ev.Hidden {
			j.add(decodeObject(ev.Data))
		}
	}
	return d.whole(ctx, x, a, j.result())
}

// room counts more bytes of a reply of this size, and says when there is no room for it.
func (d *Dialects) room(x *llm.Exchange, size, more int64) error {
	switch {
	case size > d.maxReply():
		return d.tooLarge("reply", errTooLarge)
	case x.Request.Hold != nil:
		return x.Request.Hold(more)
	}
	return nil
}

// joiner puts the chunks of a stream together.
type joiner struct {
	completion object
	// choices are known by their index and kept in the order in which they began.
	choices map[string]object
	order   []string
}

// add takes in one chunk: a member that comes twice has the same value, but for the usage, of which
// the last counts.
func (j *joiner) add(chunk object) {
	for name, v := range chunk {
		_, had := j.completion[name]
		switch {
		case name == "choices" || name == "object" || v == nil:
		case !had || name == "usage":
			j.completion[name] = v
		}
	}
	for i, one := range objectsOf(chunk["choices"]) {
		j.addChoice(indexOf(one, i), one)
	}
}

func (j *joiner) addChoice(index string, one object) {
	into := j.choices[index]
	if into == nil {
		into = object{"index": json.Number(index), "message": object{}, "finish_reason": nil, "logprobs": nil}
		j.choices[index], j.order = into, append(j.order, index)
	}
	for name, v := range one {
		switch {
		case name == "delta":
			delta, _ := v.(object)
			joinObject(into["message"].(object), delta)
		case name == "message" || v == nil: // all of it again
		case name == "logprobs":
			into[name] = joinValue(name, into[name], v)
		default:
			into[name] = v
		}
	}
}

// result is the completion.
func (j *joiner) result() []byte {
	choices := make([]any, 0, len(j.order))
	for _, index := range j.order {
		one := j.choices[index]
		finishMessage(one["message"].(object))
		choices = append(choices, settled(one))
	}
	j.completion["object"], j.completion["choices"] = "chat.completion", choices
	return encode(j.completion)
}

// finishMessage makes a message of joined deltas: indexes have done their work, and
// what a message must have is there.
func finishMessage(message object) {
	for _, name := range [...]string{"tool_calls", "thinking_blocks"} {
		for _, item := range objectsOf(message[name]) {
			delete(item, "index")
		}
	}
	for _, name := range [...]string{"content", "refusal"} {
		if message[name] == nil {
			message[name] = nil
		}
	}
	if message["role"] == nil {
		message["role"] = "assistant"
	}
	if empty(message["content"]) && len(objectsOf(message["tool_calls"])) > 0 {
		message["content"] = nil
	}
}

func joinObject(into, more object) {
	for name, v := range more {
		into[name] = joinValue(name, into[name], v)
	}
}

// joinValue joins two pieces of a member: texts and lists grow, objects are joined in
// turn, and of anything else the later piece counts.
func joinValue(name string, had, v any) any {
	switch v := v.(type) {
	case nil:
		return had
	case string:
		return joinText(name, had, v)
	case object:
		into, _ := had.(object)
		if into == nil {
			into = object{}
		}
		joinObject(into, v)
		return into
	case []any:
		list, _ := had.([]any)
		return joinList(list, v)
	}
	return v
}

// joinText joins texts, but for those that only name something.
func joinText(name string, had any, more string) any {
	switch name {
	case "role", "id", "name", "type", "object", "format", "finish_reason":
		if had, ok := had.(string); ok && had != "" {
			return had
		}
		return more
	}
	text, ok := had.(*growing)
	if !ok {
		text = &growing{base64: name == "data"}
		first, _ := had.(string) // as it stands in an item of a list
		text.add(first)
	}
	text.add(more)
	return text
}

// settled puts plain strings in the place of growing texts. A growing text that encoded
// itself would be copied four times on its way, and replies are large.
func settled(v any) any {
	switch v := v.(type) {
	case *growing:
		return v.text()
	case object:
		for name, one := range v {
			v[name] = settled(one)
		}
	case []any:
		for i, one := range v {
			v[i] = settled(one)
		}
	}
	return v
}

// growing is a text that is put together from pieces. Pieces of base64 may each be
// padded, so it is their bytes that are joined.
type growing struct {
	b      strings.Builder // which gives its text without a copy
	base64 bool
}

func (g *growing) add(piece string) {
	if g.base64 {
		if b, err := base64.StdEncoding.DecodeString(piece); err == nil {
			g.b.Write(b)
			return
		}
		so := g.text()
		g.base64 = false
		g.b.Reset()
		g.b.WriteString(so)
	}
	g.b.WriteString(piece)
}

// text is what has been put together.
func (g *growing) text() string {
	if g.base64 {
		return base64.StdEncoding.EncodeToString([]byte(g.b.String()))
	}
	return g.b.String()
}

// empty reports whether a value is a text without a character.
func empty(v any) bool {
	text, ok := v.(*growing)
	return ok && text.b.Len() == 0
}

// joinList joins the items that have the same index and adds the others.
func joinList(list, more []any) []any {
	for _, item := range more {
		one, _ := item.(object)
		if into := withIndex(list, one["index"]); into != nil {
			joinObject(into, one)
			continue
		}
		list = append(list, item)
	}
	return list
}

// maxIndexed bounds the items of a list that are looked through for one with the same
// index.
const maxIndexed = 256

// withIndex is the object in a list with this index, if there is one. It is mostly the
// last.
func withIndex(list []any, index any) object {
	number, ok := index.(json.Number)
	for i := len(list) - 1; ok && i >= max(len(list)-maxIndexed, 0); i-- {
		if o, _ := list[i].(object); o["index"] == number {
			return o
		}
	}
	return nil
}
