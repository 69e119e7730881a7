package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// badGateway is HTTP's status for an answer that can't be passed on.
const badGateway = 502

// writeFailure answers with the error that a reply is, or with that it is none.
func writeFailure(w *canonical.Writer, env *canonical.Envelope) {
	text := canonical.Text(env.Body.Member("message"))
	f := canonical.Unreadable(env, "Cohere")
	if len(text) > 0 {
		f.Message = text
		if kind := string(canonical.Text(env.Body.Member("error_type"))); kind != "" {
			f.Code = kind
		}
	}
	status := badGateway // it began well and is no reply
	if env.Status >= 400 {
		status = env.Status
	}
	f.Write(w, status)
}

// broken reports whether a finish_reason says that Cohere has failed.
func broken(finish canonical.Value) bool {
	switch string(canonical.Text(finish)) {
	case "ERROR", "TIMEOUT":
		return true
	}
	return false
}

// brokenFailure is the error of a reply that is broken. Why may be nil.
func brokenFailure(finish, why canonical.Value) canonical.Failure {
	f := canonical.ServerError(canonical.Upstream, "Cohere broke the reply off")
	if text := canonical.Text(why); len(text) > 0 {
		f.Message = append(append(f.Message, ": "...), text...)
		return f
	}
	f.Message = append(append(append(f.Message, " with the reason "...), canonical.Text(finish)...), '.')
	return f
}
