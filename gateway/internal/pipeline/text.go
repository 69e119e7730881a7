package pipeline

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// keepReply notes an event for the record's text of the reply, where the policy wants it.
func (x *state) keepReply(e llm.Event) {
	if x.decision.Obligations.Log != llm.LogFull || e.Hidden || len(e.Data) == 0 {
		return
	}
	if len(x.replyText) >= llm.MaxText {
		x.record.TextCut = true
		return
	}
	if len(x.replyText) > 0 {
		x.replyText = append(x.replyText, '\n')
	}
	x.replyText = append(x.replyText, x.truncate(e.Data, llm.MaxText-len(x.replyText))...)
}

// keepTexts puts the caller's body and the reply so far into the record, where the policy
// wants them.
func (x *state) keepTexts() {
	if x.decision.Obligations.Log != llm.LogFull {
		return
	}
	x.record.RequestText = wholeRunes(x.truncate(x.req.Body, llm.MaxText))
	x.record.ReplyText = wholeRunes(x.replyText)
}

// truncate is as much of b as there is room for.
func (x *state) truncate(b []byte, room int) []byte {
	if len(b) <= room {
		return b
	}
	x.record.TextCut = true
	return b[:max(room, 0)]
}

// wholeRunes drops what is left of a character that was cut.
func wholeRunes(b []byte) string { return strings.ToValidUTF8(string(b), "") }
