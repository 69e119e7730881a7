package gemini

import (
	"cmp"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// badGateway is HTTP's status for an answer that can't be passed on.
const badGateway = 502

// writeFailure writes the error that a reply is, or that it is neither an error nor a reply.
func writeFailure(w *canonical.Writer, env *canonical.Envelope, m *reply) {
	isError := m.fault.Kind() == '{'
	f := canonical.Failure{}
	if isError {
		f = failureOf(m.fault)
	} else {
		f = canonical.Unreadable(env, "Gemini")
	}
	status := 0
	switch {
	case env.Status >= 400:
		status = env.Status
	case !isError: // it began well and is no reply
		status = badGateway
	}
	f.Write(w, status)
}

// failureOf is Google's error as it stands.
func failureOf(fault canonical.Value) canonical.Failure {
	word := string(canonical.Text(fault.Member("status")))
	f := canonical.Failure{Type: cmp.Or(word, "server_error"), Code: cmp.Or(word, canonical.Upstream),
		Message: canonical.Text(fault.Member("message"))}
	if len(f.Message) == 0 {
		f.Message = []byte("The provider gave no message.")
	}
	return f
}
