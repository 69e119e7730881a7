package canonical

import (
	"bytes"
	"strconv"
)

// Failure is an error in OpenAI's shape. What a provider's own error means is decided by
// the host, which reads those of all dialects; a dialect only finds that a reply is none.
type Failure struct {
	Type, Code string
	Message    []byte
}

// ServerError is a fault of the provider's.
func ServerError(code, message string) Failure {
	return Failure{Type: "server_error", Code: code, Message: []byte(message)}
}

// Upstream is the code of a provider's reply that can't be read.
const Upstream = "upstream_error"

// open writes {"error":{…} without closing the outer object.
func (f *Failure) open(w *Writer) {
	w.Open('{')
	w.Name("error")
	w.Open('{')
	w.MemberText("message", f.Message)
	w.MemberText("type", []byte(f.Type))
	w.MemberLiteral("param", "null")
	w.MemberText("code", []byte(f.Code))
	w.Close('}')
}

// Write answers normalise_response with the error. A status of 0 is left out: it is then
// the one that the provider sent.
func (f *Failure) Write(w *Writer, status int) {
	f.open(w)
	if status > 0 {
		w.MemberInt("status", int64(status))
	}
	w.Close('}')
}

// maxQuote bounds how much of an unreadable reply is quoted, in bytes.
const maxQuote = 200

// Unreadable is the failure that a provider sent something that is not in its own format.
func Unreadable(env *Envelope, provider string) Failure {
	f := ServerError(Upstream, "The provider answered with status ")
	f.Message = strconv.AppendInt(f.Message, int64(env.Status), 10)
	body := bytes.Trim(Text(env.Text), " \t\r\n")
	if env.Body != nil {
		body = env.Body
	}
	if len(body) == 0 {
		f.Message = append(f.Message, " and an empty body."...)
		return f
	}
	f.Message = append(append(append(f.Message, " and a body that is not in "...), provider...), "'s format: "...)
	f.Message = append(f.Message, body[:min(len(body), maxQuote)]...)
	return f
}
