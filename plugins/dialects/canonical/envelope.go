package canonical

// Envelope is the input of a hook, or the data of the event penstock.start.
type Envelope struct {
	// Dialect is the name of the one that the host means.
	Dialect []byte
	// Body is the request or the reply to translate. Text is set instead when that is
	// not JSON.
	Body, Text Value
	// Path is that of a client's request.
	Path []byte
	// Headers are those of a client's request or a provider's reply, in lower case.
	Headers Value
	// Provider names the target's provider, as the configuration does. Model is the
	// target's, MaxOutput its bound on output tokens, 0 when unknown.
	Provider, Model []byte
	MaxOutput       int64
	// Features are the names of what the target's model can do.
	Features  Value
	RequestID []byte
	// Created is in seconds since 1970.
	Created int64
	Status  int
	Stream  bool
	// Context is what the translation of the request has left for the reply.
	Context Value
}

// ReadEnvelope reads the members of a hook's input.
func ReadEnvelope(in Value) (env Envelope) {
	var target Value
	for key, v := range in.Members {
		switch string(key) {
		case "dialect":
			env.Dialect = Text(v)
		case "target":
			target = v
		case "request_id":
			env.RequestID = Text(v)
		case "created":
			env.Created = Whole(v)
		case "path":
			env.Path = Text(v)
		case "headers":
			env.Headers = v
		case "status":
			env.Status = int(Whole(v))
		case "stream":
			env.Stream = v.Kind() == 't'
		case "text":
			env.Text = v
		case "context":
			env.Context = v
		case "body":
			env.Body = v
		}
	}
	env.Provider, env.Model = Text(target.Member("provider")), Text(target.Member("model"))
	env.MaxOutput = Whole(target.Member("max_output"))
	env.Features = target.Member("features")
	return env
}
