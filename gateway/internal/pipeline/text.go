package pipeline

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// keepReply notes an event for the record's text of the reply, where the policy wants it.
func (l *life) keepReply(e llm.Event) {
	if l.decision.Obligations.Log != llm.LogFull || e.Hidden || len(e.Data) == 0 {
		return
	}
	if len(l.replyText) >= llm.MaxText {
		l.record.TextCut = true
		return
	}
	if len(l.replyText) > 0 {
		l.replyText = append(l.replyText, '\n')
	}
	l.replyText = append(l.replyText, l.fitting(e.Data, llm.MaxText-len(l.replyText))...)
}

// keepTexts puts the caller's body and the reply so far into the record, where the policy
// wants them.
func (l *life) keepTexts() {
	if l.decision.Obligations.Log != llm.LogFull {
		return
	}
	l.record.RequestText = wholeRunes(l.fitting(l.req.Body, llm.MaxText))
	l.record.ReplyText = wholeRunes(l.replyText)
}

// fitting is as much of b as there is room for.
func (l *life) fitting(b []byte, room int) []byte {
	if len(b) <= room {
		return b
	}
	l.record.TextCut = true
	return b[:max(room, 0)]
}

// wholeRunes drops what is left of a character that was cut.
func wholeRunes(b []byte) string { return strings.ToValidUTF8(string(b), "") }
