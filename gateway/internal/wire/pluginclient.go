package wire

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// Plugin is a wire format of clients that only a plugin knows. Its errors are
// *llm.Error.
type Plugin interface {
	// Accept makes a canonical request of what the client sent.
	Accept(ctx context.Context, in llm.Incoming) ([]byte, error)
	// Render puts a whole reply, or an error, into the format.
	Render(ctx context.Context, out Outgoing) (llm.Rendered, error)
	// Stream opens a streamed reply.
	Stream(ctx context.Context, out Outgoing) (Frames, error)
	// Close lets the format go once the exchange is over.
	Close()
}

// Frames puts a stream of canonical chunks into a client's format. What it returns is
// valid until the next call.
type Frames interface {
	// Next renders a chunk, or {"error":{…}}.
	Next(ctx context.Context, chunk []byte) ([]byte, error)
	// End gives what is left to say once the stream is complete.
	End(ctx context.Context) ([]byte, error)
	Close()
}

// Outgoing is a reply in the canonical form: a completion or {"error":{…}}, or the
// beginning of a stream, which has no body.
type Outgoing struct {
	RequestID string
	Created   time.Time
	Status    int
	Body      []byte
}

// PluginClient is how one client speaks during one exchange, in a plugin's format. One
// goroutine uses it.
type PluginClient struct {
	PluginOptions
	created time.Time
	// frames is the stream under way; nil unless the reply is one.
	frames Frames
}

// PluginOptions say how a client speaks whose format a plugin knows. All are required.
type PluginOptions struct {
	Dialect llm.Dialect
	// ContentType is that of streamed replies.
	ContentType string
	Plugin      Plugin
	RequestID   string
	// Log receives what went wrong while an error was rendered.
	Log *slog.Logger
}

// NewPluginClient returns a client of a plugin's format.
func NewPluginClient(o PluginOptions) *PluginClient {
	return &PluginClient{PluginOptions: o, created: time.Now()}
}

// Request reads a request, whose canonical form the plugin makes.
func (c *PluginClient) Request(ctx context.Context, in llm.Incoming) (*llm.Request, error) {
	in.Query = withoutCredentials(in.Query)
	if !in.Received.IsZero() {
		c.created = in.Received
	}
	body, err := c.Plugin.Accept(ctx, in)
	if err != nil {
		return nil, err
	}
	facts, cache, err := intake.Scan(body, intake.Options{})
	if err != nil {
		e := *llm.AsError(err)
		e.Message = "In the canonical form of this request: " + e.Message // not in the one that was sent
		return nil, &e
	}
	return &llm.Request{Endpoint: llm.ChatCompletions, Dialect: c.Dialect, Body: body, Facts: facts, Cache: cache,
		Session: sessionOf(in.Header, &facts)}, nil
}

// outgoing is a reply or error on its way to the client.
func (c *PluginClient) outgoing(status int, body []byte) Outgoing {
	return Outgoing{RequestID: c.RequestID, Created: c.created, Status: status, Body: body}
}

// Writer returns where canonical events go to be rendered.
func (c *PluginClient) Writer(ctx context.Context, w llm.Writer) llm.Writer {
	return &renderer{client: c, ctx: ctx, out: w}
}

// Error renders an error reply. A plugin that fails in this, too, leaves the canonical
// form.
func (c *PluginClient) Error(ctx context.Context, e *llm.Error) llm.Rendered {
	canonical := llm.Rendered{Status: openAIStatus(e), Body: openAIError(e)}
	ctx, stop := detached(ctx)
	defer stop()
	r, err := c.Plugin.Render(ctx, c.outgoing(canonical.Status, canonical.Body))
	if err != nil {
		c.failed("render an error", err)
		return canonical
	}
	return r
}

// Break renders the event that ends a stream with an error.
func (c *PluginClient) Break(ctx context.Context, e *llm.Error) []byte {
	if c.frames == nil {
		return breakOpenAI(e, c.RequestID)
	}
	ctx, stop := detached(ctx)
	defer stop()
	frame, err := c.frames.Next(ctx, openAIError(e))
	if err != nil {
		c.failed("end a stream with an error", err)
		return breakOpenAI(e, c.RequestID)
	}
	return frame
}

func (c *PluginClient) failed(doing string, err error) {
	c.Log.Warn("a plugin could not "+doing, "plugin", string(c.Dialect), "request", c.RequestID, "err", err)
}

// detached is for what is sent even if the client's own time is over.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), time.Second)
}

// StreamType is the Content-Type of streamed replies.
func (c *PluginClient) StreamType() string { return c.ContentType }

// Close lets the plugin go.
func (c *PluginClient) Close() {
	if c.frames != nil {
		c.frames.Close()
	}
	c.Plugin.Close()
}

// renderer is the Writer for a plugin's client.
type renderer struct {
	client *PluginClient
	ctx    context.Context // of the exchange, as this value is
	out    llm.Writer
	head   llm.Head
	// waiting says that a plain reply's head waits for its body, which may change it.
	waiting bool
}

// Start implements llm.Writer.
func (w *renderer) Start(h llm.Head) (err error) {
	if !h.Stream {
		w.head, w.waiting = h, true
		return nil
	}
	if w.client.frames, err = w.client.Plugin.Stream(w.ctx, w.client.outgoing(h.Status, nil)); err != nil {
		return err
	}
	return w.out.Start(h)
}

// Event implements llm.Writer.
func (w *renderer) Event(e llm.Event) (err error) {
	switch {
	case w.waiting && e.Final:
		err = w.whole(&e)
	case e.Final:
		e.Frame, err = w.client.frames.End(w.ctx)
	case e.Hidden || len(e.Data) == 0:
		e.Frame = nil
	default:
		e.Frame, err = w.client.frames.Next(w.ctx, e.Data)
	}
	if err != nil {
		return err
	}
	e.Hidden, e.Data = false, nil
	return w.out.Event(e)
}

// whole renders the one event of a plain reply, and starts the reply with the status and
// headers that this gives it.
func (w *renderer) whole(e *llm.Event) error {
	r, err := w.client.Plugin.Render(w.ctx, w.client.outgoing(max(w.head.Status, http.StatusOK), e.Data))
	if err != nil {
		return err
	}
	w.head.Status = r.Status
	for name, values := range r.Header {
		w.head.Header[name] = values
	}
	e.Frame, w.waiting = r.Body, false
	return w.out.Start(w.head)
}

// KeepAlive implements llm.Writer.
func (w *renderer) KeepAlive(h llm.Head) (bool, error) {
	if !h.Stream || !isEventStream(w.client.ContentType) {
		return false, nil
	}
	if w.client.frames == nil {
		if err := w.Start(h); err != nil {
			return false, err
		}
	}
	return w.out.KeepAlive(h)
}

// isEventStream reports whether streams of a Content-Type are Server-Sent Events, in which
// there may be comments.
func isEventStream(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}
