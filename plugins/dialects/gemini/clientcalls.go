package gemini

import (
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// span is where a text of a call stands in held.
func (r *clientReply) span(call, text int) (start, stop int) {
	for i := range r.calls[:call] {
		for _, n := range r.calls[i].lens {
			start += int(n)
		}
	}
	for _, n := range r.calls[call].lens[:text] {
		start += int(n)
	}
	return start, start + int(r.calls[call].lens[text])
}

// callText is a text of a call as a JSON string, empty when there is none.
func (r *clientReply) callText(call, text int) canonical.Value {
	start, stop := r.span(call, text)
	if start == stop {
		return nil
	}
	return append(append(append(make(canonical.Value, 0, stop-start+2), '"'), r.held[start:stop]...), '"')
}

// addText adds a piece, the inside of a JSON string, to a text of a call.
func (r *clientReply) addText(call, text int, piece []byte) {
	if len(piece) == 0 {
		return
	}
	if _, stop := r.span(call, text); stop == len(r.held) {
		r.held = append(r.held, piece...)
	} else {
		r.held = slices.Insert(r.held, stop, piece...)
	}
	r.calls[call].lens[text] += uint32(len(piece))
}

// takeCall keeps a piece of a call until the reply ends.
func (r *clientReply) takeCall(c *canonical.AnswerCall, choice int64) {
	call := r.callAt(c, choice)
	if call < 0 {
		return
	}
	arguments := canonical.Inside(c.Arguments)
	if c.Arguments.Kind() == '{' { // some services give the object itself
		arguments = penstock.AppendInside(nil, c.Arguments)
	}
	r.addText(call, callArguments, arguments)
	r.addText(call, callSignature, canonical.Inside(c.Signature))
}

// callAt finds the call that a piece belongs to, or begins one; -1 when there are too many.
func (r *clientReply) callAt(c *canonical.AnswerCall, choice int64) int {
	id, name := canonical.Inside(c.ID), canonical.Inside(c.Name)
	for i := len(r.calls) - 1; i >= 0; i-- {
		if r.calls[i].choice != choice || r.calls[i].key != c.Number {
			continue
		}
		if len(id) > 0 && len(name) > 0 && r.isAnother(i, id) {
			break // some services number every call alike
		}
		return i
	}
	if len(r.calls) == maxStreamCalls {
		return -1
	}
	r.calls = append(r.calls, streamCall{choice: choice, key: c.Number})
	call := len(r.calls) - 1
	r.addText(call, callID, id)
	r.addText(call, callName, name)
	return call
}

// isAnother reports whether a piece with an id begins another call than one with the same
// number, which is complete.
func (r *clientReply) isAnother(call int, id []byte) bool {
	start, stop := r.span(call, callID)
	if string(r.held[start:stop]) == string(id) {
		return false
	}
	_, complete := objectOf(r.callText(call, callArguments))
	return complete
}

// writeCalls writes the calls of an answer. One whose arguments are no object, as that of a
// reply that was cut short, is left out.
func (r *clientReply) writeCalls(choice int64, first *carried) {
	for i := range r.calls {
		if r.calls[i].choice != choice {
			continue
		}
		args, ok := objectOf(r.callText(i, callArguments))
		if !ok {
			r.choices[choice].broken = true
			continue
		}
		name := canonical.ClientName(r.names, r.callText(i, callName))
		writeCallPart(&r.Writer, r.callText(i, callID), name, args, r.callText(i, callSignature), first)
		first = nil
	}
}

// hasCalls reports whether an answer calls anything.
func (r *clientReply) hasCalls(choice int64) bool {
	return slices.ContainsFunc(r.calls, func(c streamCall) bool { return c.choice == choice })
}
