package completions

// Client is the client side for one instance of the module: it translates between a client of
// the completions API and the canonical form. It serves one call at a time, and no call sees
// anything of the one before; what it keeps are buffers.
type Client struct {
	accepted accepted
	reply    clientReply
}
