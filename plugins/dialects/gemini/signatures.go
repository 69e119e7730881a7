package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// unsigned stands in the place of a signature where the call was made by another model, or by
// a client that does not bring signatures back: Google's own word for that.
const unsigned = `"skip_thought_signature_validator"`

// signCall writes the signature of a call. Models that want one want it of the first call in
// a message.
func (r *request) signCall(m *canonical.Message, call canonical.Value, first bool) {
	signature := r.signatureOf(m, call)
	if signature == nil && first && !hasText(m) {
		signature = r.signatureOf(m, nil)
	}
	if signature == nil && first && r.model.wantsSignatures() {
		signature = canonical.Value(unsigned)
	}
	r.MemberValue("thoughtSignature", signature)
}

// signatureOf finds the signature of a call, or that of the text when there is no call.
func (r *request) signatureOf(m *canonical.Message, call canonical.Value) canonical.Value {
	id := canonical.Text(call.Member("id"))
	for d := range m.DetailsOf(r.origin) {
		if d.Kind == canonical.EncryptedDetail && bytes.Equal(canonical.Text(d.ID), id) {
			return d.Text
		}
	}
	if v := call.Member("extra_content", "google", "thought_signature"); len(canonical.Inside(v)) > 0 {
		return v
	}
	return nil
}

func hasText(m *canonical.Message) bool {
	return len(canonical.Inside(m.Content)) > 0 || canonical.Filled(m.Content) || len(canonical.Inside(m.Refusal)) > 0
}

// signText writes the signature of a message's text into the last part written since mark.
func (r *request) signText(m *canonical.Message, mark int) {
	if len(r.B) == mark {
		return
	}
	if signature := r.signatureOf(m, nil); signature != nil {
		r.B = r.B[:len(r.B)-1]
		r.MemberValue("thoughtSignature", signature)
		r.Close('}')
	}
}
