package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// body is a reply's body with its bound. Its errors are classified.
type body struct {
	ctx    context.Context // of the call; it lives as long as the body
	src    io.ReadCloser
	left   int64
	limit  int64
	err    error // sticky; io.EOF after the end
	closed bool
	// drainTime is how long Close waits for the end.
	drainTime time.Duration
}

// Read fails with FaultTooLarge beyond the bound, and with FaultCut when the body
// breaks off.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		n += int(b.left)
		b.err = b.tooLarge()
	case err == io.EOF:
		b.err = io.EOF
	case err != nil:
		b.err = interruption(b.ctx, err)
	}
	return n, b.err
}

// tooLarge is the error beyond the bound. Asking again would only cost again.
func (b *body) tooLarge() error {
	return &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultTooLarge,
		Message: fmt.Sprintf("The provider's reply is larger than %d bytes.", b.limit)}
}

// A connection can be used again only when its reply has been read to the end. A
// stream's last event is followed by a few bytes of framing, so Close reads on for at
// most drainTime and drainBytes.
const (
	drainTime  = 25 * time.Millisecond
	drainBytes = 4 << 10
)

// Close returns the connection to the pool when the reply is at its end or nearly so,
// and drops it otherwise, which makes the provider stop. It may be called twice.
func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	if b.err == nil && b.ctx.Err() == nil {
		b.drain()
	}
	if b.err == nil {
		b.err = io.ErrClosedPipe
	}
	return b.src.Close()
}

func (b *body) drain() {
	late := time.AfterFunc(b.drainTime, func() { b.src.Close() }) // ends a Read that waits
	defer late.Stop()
	var rest [512]byte
	for total := 0; total < drainBytes; {
		n, err := b.src.Read(rest[:])
		if err != nil {
			return
		}
		total += n
	}
}
