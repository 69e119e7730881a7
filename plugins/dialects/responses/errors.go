package responses

import (
	"cmp"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// badGateway is HTTP's status for an answer that can't be passed on.
const badGateway = 502

// writeFailure answers with the error that a reply is, or with that it is none.
func writeFailure(w *canonical.Writer, env *canonical.Envelope, m *response) {
	f := canonical.Failure{}
	switch {
	case m.fault.Kind() == '{':
		f = failureOf(m.fault)
	case m.typed && m.fails():
		f = failureOf(nil)
	case m.typed && m.unfinished():
		f = canonical.ServerError(canonical.Upstream, "The provider has not finished its reply: its status is "+string(canonical.Text(m.status))+".")
	default:
		f = canonical.Unreadable(env, "OpenAI")
	}
	status := 0
	switch {
	case env.Status >= 400:
		status = env.Status
	case !m.fails(): // it began well and is no reply
		status = badGateway
	}
	f.Write(w, status)
}

// failureOf is the provider's error as it stands.
func failureOf(fault canonical.Value) canonical.Failure {
	kind, code := string(canonical.Text(fault.Member("type"))), string(canonical.Text(fault.Member("code")))
	if kind == "error" { // the type of the event that the error is
		kind = ""
	}
	f := canonical.Failure{Type: cmp.Or(kind, "server_error"), Code: cmp.Or(code, kind, canonical.Upstream),
		Message: canonical.Text(fault.Member("message"))}
	if len(f.Message) == 0 {
		f.Message = []byte("The provider gave no message.")
	}
	return f
}
