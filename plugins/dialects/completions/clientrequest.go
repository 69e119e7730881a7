package completions

import (
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// accepted is one translation of a client's request into the canonical form.
type accepted struct {
	canonical.Writer
	in clientRequest
}

// clientRequest is a request of the completions API with its members, nil when absent.
type clientRequest struct {
	model, prompt, maxTokens, logprobs canonical.Value
	n, bestOf, echo, suffix            canonical.Value
	// others have the same name and meaning in the canonical form, or are not known.
	others []canonical.Member
}

// defaultLimit is the API's bound on output where a request names none, in tokens. Clients
// of this API rely on it: models of chat completions have no such bound, and would make
// hundreds of times as much of the same request.
const defaultLimit = "16"

// Accept appends the canonical request that a client's request becomes, and what the reply
// needs to know of it.
func (c *Client) Accept(out []byte, env *canonical.Envelope) ([]byte, error) {
	if env.Body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	a := &c.accepted
	a.in.read(env.Body)
	prompt, err := a.in.text()
	if err == nil {
		err = a.in.check(prompt)
	}
	if err != nil {
		return nil, err
	}
	a.B = slices.Grow(out, len(env.Body)+len(env.Body)/8+1024)
	a.Raw(`{"body":{`)
	a.MemberValue("model", a.in.model)
	a.Name("messages")
	a.Raw(`[{"role":"user","content":`)
	a.Value(prompt)
	a.Raw("}]")
	a.writeLimits()
	for _, m := range a.in.others {
		a.Key(m.Key)
		a.Value(m.Value)
	}
	a.Byte('}')
	a.writeContext(prompt)
	a.Byte('}')
	return a.B, nil
}

// read reads the members in one pass, into the memory of the request before.
func (r *clientRequest) read(body canonical.Value) {
	*r = clientRequest{others: r.others[:0]}
	for key, v := range body.Members {
		if field := r.field(string(key)); field != nil {
			*field = v
		} else if !v.Null() {
			r.others = append(r.others, canonical.Member{Key: key, Value: v})
		}
	}
}

// field returns where a member belongs, nil when it has no field.
func (r *clientRequest) field(name string) *canonical.Value {
	switch name {
	case "model":
		return &r.model
	case "prompt":
		return &r.prompt
	case "max_tokens":
		return &r.maxTokens
	case "logprobs":
		return &r.logprobs
	case "n":
		return &r.n
	case "best_of":
		return &r.bestOf
	case "echo":
		return &r.echo
	case "suffix":
		return &r.suffix
	}
	return nil
}

// alone ends the reason why a request needs a target of this API.
const alone = "only a target that serves the completions API "

// text is the one text that is to be continued, a string that is not empty.
func (r *clientRequest) text() (canonical.Value, error) {
	prompt := r.prompt
	if prompt.Kind() == '[' {
		n := 0
		for v := range prompt.Items {
			r.prompt = v
			n++
		}
		if n > 1 && r.prompt.Kind() == '"' {
			return nil, canonical.Reject("prompt", alone+"continues several texts at once; send one request for each")
		}
		prompt = r.prompt
	}
	switch {
	case prompt.Kind() == '0' || prompt.Kind() == '[':
		return nil, canonical.Reject("prompt", alone+"takes tokens, which mean nothing to other models; send text")
	case len(canonical.Inside(prompt)) == 0:
		return nil, canonical.Reject("prompt", alone+"continues an empty text; send a text")
	}
	return prompt, nil
}

// maxEcho bounds a prompt that a reply repeats, in bytes of JSON: the host keeps no more.
const maxEcho = 24 << 10

// check refuses what a conversation can't do.
func (r *clientRequest) check(prompt canonical.Value) error {
	echo := r.echo.Kind() == 't'
	switch {
	case canonical.Empty(r.maxTokens) && !r.maxTokens.Null():
		return canonical.Reject("max_tokens", alone+"takes 0; ask for at least one token")
	case echo && !r.logprobs.Null() && r.logprobs.Kind() != 'f':
		return canonical.Reject("logprobs", alone+"gives the probabilities of an echoed prompt; leave out echo or logprobs")
	case echo && len(prompt) > maxEcho:
		return canonical.Reject("echo", alone+"repeats so long a prompt; leave out echo")
	}
	for _, m := range r.others {
		if string(m.Key) == "max_completion_tokens" {
			return canonical.Reject("max_completion_tokens", "the completions API bounds its texts by max_tokens")
		}
		if ofChat(string(m.Key)) && canonical.Filled(m.Value) {
			return canonical.Reject(string(m.Key), "is a member of chat completions; send the request to /v1/chat/completions")
		}
	}
	return nil
}

// ofChat reports whether a member of chat completions would have an effect that this API has
// no place for in its replies.
func ofChat(name string) bool {
	switch name {
	case "audio", "functions", "messages", "modalities", "tools":
		return true
	}
	return false
}

// writeLimits writes how much is asked for.
func (a *accepted) writeLimits() {
	if a.in.maxTokens.Null() {
		a.MemberLiteral("max_tokens", defaultLimit)
	} else {
		a.MemberValue("max_tokens", a.in.maxTokens)
	}
	a.MemberValue("n", a.in.n)
	if canonical.Whole(a.in.bestOf) > max(canonical.Whole(a.in.n), 1) { // so many are made anyway
		a.MemberValue("best_of", a.in.bestOf)
	}
	if len(canonical.Inside(a.in.suffix)) > 0 {
		a.MemberValue("suffix", a.in.suffix)
	}
	if a.in.logprobs.Kind() == '0' || a.in.logprobs.Kind() == 't' {
		a.MemberLiteral("logprobs", "true")
		if n := canonical.Whole(a.in.logprobs); n > 0 {
			a.MemberInt("top_logprobs", n)
		}
	}
}

// writeContext writes what the reply needs to know of the request: the prompt, where it is
// to be repeated.
func (a *accepted) writeContext(prompt canonical.Value) {
	if a.in.echo.Kind() == 't' {
		a.Name("context")
		a.Open('{')
		a.MemberValue("echo", prompt)
		a.Close('}')
	}
}
