package intake

import (
	"bytes"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// textFactor is odd, so that no text is lost in the hash of several.
const textFactor = 0x9E3779B97F4A7C15

// billing begins a block of Claude Code's system prompt that is another one in every request,
// and that the provider takes out.
var billing = []byte("x-anthropic-billing-header:")

// noteText counts a text of a message or of the system prompt, and adds it to the hash of how
// the conversation begins. Only texts are in that hash: a message says the same whether its
// content is one string or a list of parts, and wherever marks for the provider's cache are.
func (s *scanner) noteText(d *messageInfo, t jsontext.Text) {
	d.size += t.Size
	if s.begun || bytes.HasPrefix(t.Raw, billing) {
		return
	}
	d.texts = d.texts*textFactor + llm.TextHash(t.Raw)
}

// begin adds a message to the beginning of the conversation, which ends with the first one of
// the user's. Of media only the length counts.
func (s *scanner) begin(d *messageInfo, byUser bool) {
	if s.begun {
		return
	}
	s.saidFirst = s.saidFirst*textFactor + d.texts + uint64(d.media)
	s.begun = byUser
}

// instructions is a system prompt that is being read. It may come after the messages.
type instructions struct {
	messageInfo
	start int
	begun bool
}

func (s *scanner) openInstructions() instructions {
	i := instructions{start: s.Pos(), begun: s.begun}
	s.begun = false
	return i
}

func (s *scanner) closeInstructions(i *instructions) {
	s.begun, s.saidBySystem = i.begun, i.texts
	s.prompt += s.Pos() - i.start - i.media
}

// beginning is the hash of how the conversation begins; 0 when it holds no text or medium.
func (s *scanner) beginning() uint64 { return s.saidBySystem*textFactor ^ s.saidFirst }
