package dialects

import penstock "github.com/penstock/penstock/sdk/go"

// translator holds what the hooks reuse from call to call. It serves one call at a
// time, and no call sees anything of the one before.
type translator struct {
	scratch
	request request
	stream  stream
	// blocks are those of a plain reply, recall what is known of its request.
	blocks []replyBlock
	recall recall
	// lines and state are an event's output before it is framed.
	lines writer
	state []byte
}

// scratch is for what lives from one line to the next.
type scratch struct{ raw []byte }

// envelope is a hook's input.
type envelope struct {
	body value
	// text is what stands in place of a body that is not JSON.
	text      value
	model     []byte
	maxOutput int64
	requestID []byte
	created   int64
	status    int
	stream    bool
	// context is what this module has said of the request.
	context value
}

// unpack looks a hook's input through and checks that it names a dialect of this
// module.
func unpack(in value) (env envelope, err error) {
	var dialect, target value
	for key, v := range in.Members {
		switch string(key) {
		case "dialect":
			dialect = v
		case "target":
			target = v
		case "request_id":
			env.requestID = text(v)
		case "created":
			env.created = number(v)
		case "status":
			env.status = int(number(v))
		case "stream":
			env.stream = v.Kind() == 't'
		case "text":
			env.text = v
		case "context":
			env.context = v
		case "body":
			env.body = v
		}
	}
	if name := text(dialect); string(name) != "anthropic" {
		return env, penstock.Reject(500, "unknown dialect ", string(penstock.AppendText(nil, name)),
			"; this module speaks anthropic")
	}
	env.model = text(target.Member("model"))
	env.maxOutput = number(target.Member("max_output"))
	return env, nil
}
