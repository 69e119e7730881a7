package wire

import (
	"bytes"
	"fmt"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxTranscript bounds the text of a reply that another target may go on with, in bytes.
const maxTranscript = 256 << 10

// Transcript is what a client has been sent of one streamed reply, as far as it must be
// known for another target to go on with it. One goroutine uses it.
type Transcript struct {
	// native is the wire format of the events that passed as they were; empty when all were
	// canonical.
	native llm.Dialect
	// text is the answer so far, as the inside of a JSON string.
	text []byte
	// reasoned says that there was reasoning, other that there was content that can't be
	// repeated, long that there was more text than is kept.
	reasoned, other, long bool
	// first is the first canonical chunk, whose name and time all others have.
	first []byte
}

// Transcript begins a transcript.
func (d *Dialects) Transcript() *Transcript { return &Transcript{} }

// Note notes an event that is sent to the client.
func (t *Transcript) Note(e *llm.Event) {
	switch {
	case e.Hidden || len(e.Data) == 0:
		return
	case e.Dialect != "":
		t.native = e.Dialect
	case t.first == nil && t.native == "":
		t.first = bytes.Clone(e.Data)
	}
	t.other = t.other || e.Other
	t.reasoned = t.reasoned || e.Content && !e.Other && e.Text == nil
	if t.long = t.long || len(t.text)+len(e.Text) > maxTranscript; !t.long {
		t.text = append(t.text, e.Text...)
	}
}

// Unresumable says why no other target can go on with what was sent; empty when one can.
func (t *Transcript) Unresumable() string {
	switch {
	case t.other:
		return "something other than text was sent"
	case t.long:
		return fmt.Sprintf("more than %d bytes of text were sent", maxTranscript)
	case t.reasoned && len(t.text) == 0 && (t.native == llm.Anthropic || t.native == llm.Responses):
		// Clients send reasoning back, which the provider checks.
		return "it broke off in its reasoning"
	}
	return ""
}

// Text returns the text that was sent.
func (t *Transcript) Text() string {
	quoted := append(append([]byte{'"'}, t.text...), '"')
	text, _ := jsontext.Unquote(quoted) // it was read as JSON before
	return text
}
