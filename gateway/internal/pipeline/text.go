package pipeline

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// keepReply notes an event for the record's text of the reply, where the policy wants it.
func (x *state) keepReply(e llm.Event) {
	data, between := e.Data, "\n"
	if x.decision.Obligations.Log == llm.LogRedacted && x.req.Facts.Stream {
		data, between = e.Text, "" // what is to be masked may be spread over events
	}
	if !x.decision.Obligations.KeepsTexts() || e.Hidden || len(data) == 0 {
		return
	}
	if len(x.replyText) >= llm.MaxText {
		x.record.TextCut = true
		return
	}
	if len(x.replyText) > 0 {
		x.replyText = append(x.replyText, between...)
	}
	x.replyText = append(x.replyText, x.truncate(data, llm.MaxText-len(x.replyText))...)
}

// keepTexts puts the caller's body and the reply so far into the record, where the policy
// wants them.
func (x *state) keepTexts() {
	if !x.decision.Obligations.KeepsTexts() {
		return
	}
	request, reply := wholeRunes(x.truncate(x.req.Body, llm.MaxText)), wholeRunes(x.replyText)
	if x.decision.Obligations.Log == llm.LogRedacted {
		if x.req.Facts.Stream { // the inside of a JSON string
			reply = `"` + reply + `"`
		}
		request, reply = llm.Redact(request), llm.Redact(reply)
	}
	x.record.RequestText, x.record.ReplyText = request, reply
}

// errorText returns what the record keeps of an error. What a provider says may quote the
// request, so it is masked and cut unless the policy wants texts as they are.
func (t *terms) errorText(e *llm.Error) string {
	if e.Fault == llm.FaultNone || t.decision.Obligations.Log == llm.LogFull {
		return e.Message
	}
	return llm.RedactError(e.Message)
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
