package dialects

import (
	"bytes"
	"cmp"
	"strconv"
)

// failure is an error in OpenAI's shape. What a provider's own error means is told by
// the host, which reads those of all dialects; it asks here only for what it can't know:
// that a reply is none.
type failure struct {
	kind, code string
	message    []byte
}

// write writes {"error":{…}} without closing the outer object.
func (f *failure) write(w *writer) {
	w.open('{')
	w.name("error")
	w.open('{')
	w.memberText("message", f.message)
	w.memberText("type", []byte(f.kind))
	w.memberLiteral("param", "null")
	w.memberText("code", []byte(f.code))
	w.close('}')
}

// writeFailure answers normalise_response with an error.
func writeFailure(w *writer, env *envelope) {
	f := failure{kind: "server_error", code: "upstream_error", message: garbled(env)}
	fault := env.body.Member("error")
	if fault.Kind() == '{' {
		f = providers(fault)
	}
	f.write(w)
	switch {
	case env.status >= 400:
		w.memberInt("status", int64(env.status))
	case fault.Kind() != '{': // it began well and is no reply: a bad gateway's
		w.memberInt("status", badGateway)
	}
	w.close('}')
}

// badGateway is HTTP's status for an answer that can't be passed on.
const badGateway = 502

// providers is a provider's error as it stands.
func providers(fault value) failure {
	kind := string(text(fault.Member("type")))
	f := failure{kind: kind, code: kind, message: text(fault.Member("message"))}
	f.kind, f.code = cmp.Or(f.kind, "server_error"), cmp.Or(f.code, "upstream_error")
	if len(f.message) == 0 {
		f.message = []byte("The provider gave no message.")
	}
	return f
}

// maxQuote bounds how much of an unreadable reply is shown, in bytes.
const maxQuote = 200

// garbled says what came in place of a reply.
func garbled(env *envelope) []byte {
	message := append([]byte("The provider answered with status "), strconv.Itoa(env.status)...)
	shown := bytes.Trim(text(env.text), " \t\r\n")
	if env.body != nil {
		shown = env.body
	}
	if len(shown) == 0 {
		return append(message, " and an empty body."...)
	}
	message = append(message, " and a body that is not in Anthropic's format: "...)
	return append(message, shown[:min(len(shown), maxQuote)]...)
}
