package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// deviation is a set of ways in which providers that speak OpenAI's format differ from
// it so that the official clients can't read them.
type deviation uint16

const (
	callWithoutIndex deviation = 1 << iota
	callWithoutType
	callWithoutArguments
	contentIsList
	withoutDelta
	messageForDelta
	withoutRole
	withoutChoices
	choicesAfterEnd
	citationWithoutIndex
	otherID
	otherObject
	usageElsewhere
)

// inStreams are those that are none in a plain reply.
const inStreams = withoutDelta | messageForDelta | withoutRole | choicesAfterEnd | citationWithoutIndex | otherID | otherObject

// deviations are what is mended in a reply on its way, and where it was seen. A reply
// without any of them passes byte for byte.
var deviations = []struct {
	is     deviation
	seenAt string
	mend   func(m *mender, chunk object)
}{
	{messageForDelta, "servers that repeat the whole reply at its end", (*mender).moveMessage},
	{callWithoutIndex, "Gemini's OpenAI endpoint, Mistral", eachDelta((*mender).indexCalls)},
	{callWithoutType, "Mistral", eachDelta((*mender).addCallTypes)},
	{callWithoutArguments, "OpenRouter, for a call without any", eachDelta((*mender).addArguments)},
	{contentIsList, "Mistral's reasoning models", eachDelta((*mender).flatten)},
	{withoutDelta, "Azure's asynchronous content filter", (*mender).addDelta},
	{withoutRole, "GPUStack, Groq's compound models", eachDelta((*mender).addRole)},
	{withoutChoices, "some servers' usage chunk", (*mender).emptyChoices},
	{choicesAfterEnd, "OpenRouter's usage chunk", (*mender).emptyChoices},
	{citationWithoutIndex, "OpenRouter's web search", eachDelta((*mender).indexCitations)},
	{otherID, "Groq's compound models", (*mender).setID},
	{otherObject, "Perplexity's last chunk", (*mender).setObject},
	{usageElsewhere, "Groq, Moonshot", (*mender).moveUsage},
}

// object is a JSON object that is to be changed.
type object = map[string]any

// mender mends the chunks of one reply.
type mender struct {
	// request is the request's id, for the ids of calls that have none.
	request string
	// id is that of the reply's chunks.
	id string
	// calls are those of each choice so far, in order.
	calls map[string][]string
	// citations counts those of each choice so far.
	citations map[string]int
	// begun are the choices that had a chunk before this one, and spoken says that a delta
	// had.
	begun  choiceSet
	spoken bool
}

// chunk is the chunk without its deviations.
func (m *mender) chunk(data []byte, found deviation) []byte {
	chunk := decodeObject(data)
	for _, d := range deviations {
		if found&d.is != 0 {
			d.mend(m, chunk)
		}
	}
	return encode(chunk)
}

// decodeObject reads an object that is known to be sound, numbers as they are.
func decodeObject(data []byte) object {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	o := object{}
	_ = d.Decode(&o)
	return o
}

// encode writes a value that was decoded from JSON.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // such a value always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// eachDelta mends every delta, and every message, of a chunk.
func eachDelta(mend func(m *mender, choice string, delta object)) func(*mender, object) {
	return func(m *mender, chunk object) {
		for i, one := range objectsOf(chunk["choices"]) {
			for _, name := range [...]string{"delta", "message"} {
				if delta, ok := one[name].(object); ok {
					mend(m, indexOf(one, i), delta)
				}
			}
		}
	}
}

// objectsOf are the objects in a list.
func objectsOf(v any) (all []object) {
	list, _ := v.([]any)
	for _, item := range list {
		if o, ok := item.(object); ok {
			all = append(all, o)
		}
	}
	return all
}

// indexOf is the index that an object has, else its position.
func indexOf(o object, position int) string {
	if n, ok := o["index"].(json.Number); ok {
		return n.String()
	}
	return strconv.Itoa(position)
}

// flatten makes text of content that is a list of parts, and puts thinking where
// clients look for reasoning.
func (m *mender) flatten(_ string, delta object) {
	parts, ok := delta["content"].([]any)
	if !ok {
		return
	}
	var text, thinking strings.Builder
	var images []any
	for _, part := range objectsOf(parts) {
		switch part["type"] {
		case "thinking":
			thinking.WriteString(textIn(part["thinking"]))
		case "image_url":
			images = append(images, part)
		default:
			text.WriteString(textIn(part["text"]))
		}
	}
	delta["content"] = text.String()
	if thinking.Len() > 0 {
		delta["reasoning_content"] = thinking.String()
	}
	if len(images) > 0 {
		delta["images"] = images
	}
}

// textIn is a text, or the texts of a list of parts.
func textIn(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	var b strings.Builder
	for _, part := range objectsOf(v) {
		s, _ := part["text"].(string)
		b.WriteString(s)
	}
	return b.String()
}

// addDelta gives a choice that has neither delta nor message an empty delta.
func (m *mender) addDelta(chunk object) {
	for _, one := range objectsOf(chunk["choices"]) {
		_, delta := one["delta"].(object)
		_, message := one["message"].(object)
		if !delta && !message {
			one["delta"] = object{}
		}
	}
}

// emptyChoices gives a chunk an empty list of choices.
func (m *mender) emptyChoices(chunk object) { chunk["choices"] = []any{} }
