package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// clientEnd is why one answer ended.
type clientEnd struct {
	finish canonical.Finish
	// refused says that there was a refusal, broken that a call had arguments that are no
	// object.
	refused, broken bool
	// reasoned says that thoughts have come as a text.
	reasoned bool
}

// write writes finishReason, and why a call is missing. Clients know a refusal by its reason:
// Google's models give no text for one.
func (e *clientEnd) write(w *canonical.Writer) {
	reason := "STOP"
	switch {
	case e.finish == canonical.Filtered || e.refused:
		reason = "SAFETY"
	case e.finish == canonical.CutShort:
		reason = "MAX_TOKENS"
	case e.broken:
		reason = "MALFORMED_FUNCTION_CALL"
		w.MemberLiteral("finishMessage", `"The model called a function with arguments that are not a JSON object."`)
	}
	w.MemberText("finishReason", []byte(reason))
}
