package anthropic

import (
	"cmp"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// badGateway is HTTP's status for an answer that can't be passed on.
const badGateway = 502

// writeFailure answers with the error that a reply is, or with that it is none.
func writeFailure(w *canonical.Writer, env *canonical.Envelope) {
	fault := env.Body.Member("error")
	isError := fault.Kind() == '{'
	f := canonical.Failure{}
	if isError {
		f = failureOf(fault)
	} else {
		f = canonical.Unreadable(env, "Anthropic")
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

// failureOf is Anthropic's error as it stands.
func failureOf(fault canonical.Value) canonical.Failure {
	kind := string(canonical.Text(fault.Member("type")))
	f := canonical.Failure{Type: cmp.Or(kind, "server_error"), Code: cmp.Or(kind, canonical.Upstream),
		Message: canonical.Text(fault.Member("message"))}
	if len(f.Message) == 0 {
		f.Message = []byte("The provider gave no message.")
	}
	return f
}
