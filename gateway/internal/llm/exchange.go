package llm

// Exchange is one request on its way to one target and back, as the stages between
// the pipeline and the provider see it. One goroutine uses it at a time.
type Exchange struct {
	Request *Request
	Route   *Route
	Target  *Target
	// Sent is the request as the route's transforms made it, which is what counts for
	// what it may cost; nil before they ran.
	Sent *Request
	// Media is what was fetched for the request so far. Its attempts share it.
	Media *Media
	// MaxOutput above zero replaces Sent's own maximum of output tokens.
	MaxOutput int64
	// Resume is set for an attempt that goes on with a reply that broke off.
	Resume *Resume
	// Quirks are those that this try works around. Added names the gateway's own additions
	// to the request as it was sent, by the quirks that would refuse them.
	Quirks, Added Quirks
	// Applied is what the route's transforms have done so far.
	Applied []Applied
	// CacheMarks is how many marks of the provider's prompt cache the gateway has put into the
	// request.
	CacheMarks int
	// Dropped names the members of the request that the target's format has no place
	// for, or that were changed to fit it.
	Dropped []string
	// Context is what the target's dialect needs again when the reply comes: a JSON object,
	// or nil.
	Context []byte
}

// Apply notes what a transform has done. What it does to the events of one stream is
// summed up in one entry.
func (x *Exchange) Apply(a Applied) {
	for i := range x.Applied {
		had := &x.Applied[i]
		if had.Plugin == a.Plugin && had.Hook == a.Hook {
			had.Changed = had.Changed || a.Changed
			had.Fuel += a.Fuel
			if a.Fault != "" {
				had.Fault = a.Fault
			}
			return
		}
	}
	x.Applied = append(x.Applied, a)
}

// Applied is what one transform did to the request or the reply of one attempt.
type Applied struct {
	Plugin string `json:"plugin"`
	// Hook is request, response or event.
	Hook string `json:"hook"`
	// Changed says that something came out differently from how it went in.
	Changed bool `json:"changed,omitempty"`
	// Fuel is what the calls cost in instructions.
	Fuel int64 `json:"fuel,omitempty"`
	// Fault says what went wrong, also where it was ignored.
	Fault string `json:"fault,omitempty"`
}

// Resume says how an attempt goes on with a reply that broke off. The request goes in the
// canonical form, and the reply comes in it.
type Resume struct {
	// Prefill is what the target is to continue; empty when it is to answer from the start.
	Prefill string
}
