package cache

// noise lists what varies between requests without an effect on the answer, so that it does
// not count for the key. It is the whole list: whatever else a request says counts, and so
// does every member on routes with transforms, which may read it.
//
// A member stands in a place: the request itself ("whole" on routes with transforms), one of
// the blocks or parts of a message, or one of the tools.
var noise = [...]struct{ place, name, why string }{
	{"request", "cache", "instructions for this cache"},
	{"request", "stream", "a stored reply is given as a stream or whole, whichever the client asks for"},
	{"request", "stream_options", "says what a stream tells of its usage"},
	{"request", "user", "names the end user, for the provider's abuse reports"},
	{"request", "safety_identifier", "names the end user, for the provider's abuse reports"},
	{"request", "metadata", "labels for the caller's records; Claude Code puts the ids of its session there, others dates"},
	{"request", "client_metadata", "ids of Codex's installation and session"},
	{"request", "prompt_cache_key", "says where the provider looks for a cached prompt; coding agents send the id of the session"},
	{"request", "prompt_cache_retention", "says how long the provider keeps the prompt"},
	{"request", "prompt_cache_options", "says how the provider caches the prompt"},
	{"request", "store", "says whether the provider keeps a copy of the reply"},
	{"request", "labels", "labels for the bill of Google's customers"},
	{"whole", "cache", "instructions for this cache"},
	{"block", "cache_control", "marks how far the provider caches the prompt; coding agents move the mark with every turn"},
	{"block", "prompt_cache_breakpoint", "marks how far the provider caches the prompt"},
	{"tool", "cache_control", "marks how far the provider caches the prompt"},
}

// billingBlock is how a block of a system prompt begins that is not part of the prompt: Claude
// Code puts its version and a checksum of the request there for Anthropic's bill, and the
// checksum differs with every request.
const billingBlock = "x-anthropic-billing-header:"

// isNoise reports whether a member in a place does not count.
func isNoise(place string, name []byte) bool {
	for i := range noise {
		if n := &noise[i]; len(n.name) == len(name) && n.name == string(name) && n.place == place {
			return true
		}
	}
	return false
}
