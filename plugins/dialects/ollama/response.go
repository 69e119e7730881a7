package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Response appends the completion that a plain reply of Ollama's becomes, or its error.
func (p *Provider) Response(out []byte, env *canonical.Envelope) []byte {
	w := canonical.Writer{B: out}
	a := readAnswer(env.Body)
	if env.Status < 200 || env.Status > 299 || a.message.Kind() != '{' {
		writeFailure(&w, env)
		return w.B
	}
	m := readMessage(a.message)
	p.blocks = m.blocks(p.blocks[:0])
	reply := canonical.Reply{Model: a.model, Blocks: p.blocks, Finish: a.finish(), Usage: a.usage()}
	if canonical.Filled(a.logprobs) {
		reply.Logprobs = []canonical.Value{a.logprobs}
	}
	reply.Write(&w, env)
	return w.B
}

// answer is a plain reply, or a line of a stream, with its members; nil when absent.
type answer struct {
	model, message, logprobs, fault canonical.Value
	done                            bool
	reason                          canonical.Value
	prompt, output                  int64
}

func readAnswer(v canonical.Value) (a answer) {
	for key, member := range v.Members {
		switch string(key) {
		case "model":
			a.model = member
		case "message":
			a.message = member
		case "logprobs":
			a.logprobs = member
		case "error":
			a.fault = member
		case "done":
			a.done = member.Kind() == 't'
		case "done_reason":
			a.reason = member
		case "prompt_eval_count":
			a.prompt = count(member)
		case "eval_count":
			a.output = count(member)
		}
	}
	return a
}

// finish maps done_reason. A reply that is done without one, as of older versions, has ended
// on its own.
func (a *answer) finish() canonical.Finish {
	switch {
	case !a.done:
		return canonical.Unfinished
	case string(canonical.Text(a.reason)) == "length":
		return canonical.CutShort
	}
	return canonical.Stopped
}

// usage is what Ollama has counted. A prompt that it had in its cache as a whole is not
// counted.
func (a *answer) usage() canonical.Usage {
	return canonical.Usage{Known: a.prompt > 0 || a.output > 0, Prompt: a.prompt, Completion: a.output}
}

// maxCount bounds what is taken for a number of tokens.
const maxCount = 1_000_000_000_000

// count reads a number of tokens; what can't be one is 0.
func count(v canonical.Value) int64 {
	if n := canonical.Whole(v); n > 0 && n <= maxCount {
		return n
	}
	return 0
}
