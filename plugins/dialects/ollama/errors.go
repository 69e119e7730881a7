package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// badGateway is HTTP's status for an answer that can't be passed on.
const badGateway = 502

// writeFailure answers with the error that a reply is, or with that it is none.
func writeFailure(w *canonical.Writer, env *canonical.Envelope) {
	f, ok := failureOf(env.Body.Member("error"))
	if !ok {
		f = canonical.Unreadable(env, "Ollama")
	}
	status := badGateway // it began well and is no reply
	if env.Status >= 400 {
		status = env.Status
	}
	f.Write(w, status)
}

// failureOf is Ollama's error as it stands, a text.
func failureOf(fault canonical.Value) (f canonical.Failure, ok bool) {
	f = canonical.ServerError(canonical.Upstream, "")
	f.Message = canonical.Text(fault)
	return f, len(f.Message) > 0
}
