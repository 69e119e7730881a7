package canonical

import (
	"strconv"

	penstock "github.com/penstock/penstock/sdk/go"
)

// headroom is the space kept before the body for the envelope around it, in bytes. The
// envelope lists what was dropped on the way, so it is written last.
const headroom = 2048

// Outbound writes the call that a canonical request becomes. Its Writer writes the body.
type Outbound struct {
	Writer
	// Headers writes the members of the call's headers.
	Headers Writer
	// Context is what the reply needs to know of the request.
	Context Context
	// Query is the call's query, as it stands in a URL.
	Query string
	// Scratch is for what is needed from one line to the next.
	Scratch []byte
	dropped []string
}

// Begin prepares for a body of about size bytes, to be written behind out's capacity.
func (o *Outbound) Begin(out []byte, size int) {
	// The result begins inside the headroom, so that much of the buffer is lost when it is
	// used again; the third headroom makes up for it.
	if cap(out) < size+2*headroom {
		out = make([]byte, 0, size+size/8+3*headroom)
	}
	o.B = out[:headroom]
}

// Reset forgets the request before this one and keeps the buffers.
func (o *Outbound) Reset() {
	o.Headers.B, o.dropped, o.Query = o.Headers.B[:0], o.dropped[:0], ""
	o.Context = Context{renamed: o.Context.renamed[:0], Custom: o.Context.Custom[:0]}
}

// Drop reports to the caller that a member was left out, or changed to fit the dialect.
func (o *Outbound) Drop(name string) { o.dropped = append(o.dropped, name) }

// Finish puts the envelope right before the body and returns both. The path is as it stands
// in a URL.
func (o *Outbound) Finish(path string) []byte {
	w := Writer{B: o.Scratch[:0]}
	w.Raw(`{"method":"POST","path":"`)
	w.Raw(path)
	w.Raw(`","query":"`)
	w.Raw(o.Query)
	w.Raw(`","headers":{`)
	w.B = append(w.B, o.Headers.B...)
	w.Raw(`},"dropped":[`)
	for _, name := range o.dropped {
		w.Text([]byte(name))
	}
	w.Close(']')
	o.Context.write(&w)
	w.Raw(`,"body":`)
	o.Scratch = w.B
	body := append(o.B, '}')
	if start := headroom - len(w.B); start >= 0 {
		copy(body[start:], w.B)
		return body[start:]
	}
	return append(append([]byte(nil), w.B...), body[headroom:]...)
}

// Reject refuses the request and blames the member at path.
func Reject(path, why string) error { return penstock.Reject(400, path, ": ", why) }

// At names an element of a list, as in messages[3].content[0].
func At(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
