package gemini

import (
	"bytes"
	"encoding/base64"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// ownSignature begins a thought signature that this package has made: what another provider
// must see again of its model's thinking, as members of a canonical message. Clients treat a
// signature as bytes that they give back. The gateway takes those that begin so out of
// requests to Google.
const ownSignature = "penstock:"

// signatureOf is the object that a signature of this package holds, nil for any other.
func signatureOf(signature canonical.Value) canonical.Value {
	raw := canonical.Text(signature)
	if !bytes.HasPrefix(raw, []byte(base64.StdEncoding.EncodeToString([]byte(ownSignature)))) { // nine bytes: no padding
		return nil
	}
	plain, err := base64.StdEncoding.AppendDecode(nil, appendBase64(nil, raw))
	if err != nil {
		return canonical.Value("{}")
	}
	object := bytes.TrimPrefix(plain, []byte(ownSignature))
	if !canonical.Valid(object) || object[0] != '{' {
		return canonical.Value("{}")
	}
	return object
}

// carried is what signatures of this package hold.
type carried struct {
	// blocks and details are items of thinking_blocks and reasoning_details.
	blocks, details canonical.Writer
	// reasoning is the inside of a JSON string.
	reasoning []byte
}

func (c *carried) reset() {
	c.blocks.B, c.details.B, c.reasoning = c.blocks.B[:0], c.details.B[:0], nil
}

// add takes in what a signature holds.
func (c *carried) add(object canonical.Value) {
	for v := range object.Member("thinking_blocks").Items {
		c.blocks.Value(v)
	}
	for v := range object.Member("reasoning_details").Items {
		c.details.Value(v)
	}
	c.reasoning = append(c.reasoning, canonical.Inside(object.Member("reasoning_content"))...)
}

// write writes the signature that holds it.
func (c *carried) write(w *canonical.Writer) {
	plain := canonical.Writer{B: []byte(ownSignature)}
	plain.Raw("{")
	for _, list := range [...]struct {
		name  string
		items []byte
	}{{"thinking_blocks", c.blocks.B}, {"reasoning_details", c.details.B}} {
		if len(list.items) > 0 {
			plain.Name(list.name)
			plain.Open('[')
			plain.B = append(plain.B, list.items...)
			plain.Close(']')
		}
	}
	if len(c.reasoning) > 0 {
		plain.Name("reasoning_content")
		plain.Quoted(c.reasoning)
	}
	plain.Close('}')
	w.Name("thoughtSignature")
	w.Byte('"')
	w.B = append(base64.StdEncoding.AppendEncode(w.B, plain.B), '"')
}
