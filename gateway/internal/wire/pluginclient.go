package wire

import (
	"context"
	"log/slog"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// PluginClient is how one client speaks during one exchange, in a plugin's format. One
// goroutine uses it.
type PluginClient struct {
	PluginOptions
	reply rendering
}

// PluginOptions say how a client speaks whose format a plugin knows. All are required.
type PluginOptions struct {
	Dialect llm.Dialect
	// ContentType is that of streamed replies.
	ContentType string
	Plugin      ClientModule
	RequestID   string
	// Log receives what went wrong while an error was rendered.
	Log *slog.Logger
}

// NewPluginClient returns a client of a plugin's format.
func NewPluginClient(o PluginOptions) *PluginClient {
	return &PluginClient{PluginOptions: o, reply: rendering{module: o.Plugin, requestID: o.RequestID, created: time.Now()}}
}

// Speaks returns the plugin's dialect.
func (c *PluginClient) Speaks() llm.Dialect { return c.Dialect }

// Request reads a request, whose canonical form the plugin makes.
func (c *PluginClient) Request(ctx context.Context, in llm.Incoming) (*llm.Request, error) {
	if !in.Received.IsZero() {
		c.reply.created = in.Received
	}
	a, err := accept(ctx, c.Plugin, in)
	if err != nil {
		return nil, err
	}
	c.reply.context = func(context.Context) ([]byte, error) { return a.Context, nil }
	return &llm.Request{Endpoint: llm.ChatCompletions, Dialect: c.Dialect, Body: a.Body, Facts: a.facts, Cache: a.cache,
		Session: sessionOf(in.Header, &a.facts)}, nil
}

// Writer returns where canonical events go to be rendered.
func (c *PluginClient) Writer(ctx context.Context, w llm.Writer) llm.Writer {
	return &renderer{rendering: &c.reply, ctx: ctx, out: w, comments: isEventStream(c.ContentType)}
}

// Error renders an error reply. A plugin that fails in this, too, leaves the canonical
// form.
func (c *PluginClient) Error(ctx context.Context, e *llm.Error) llm.Rendered {
	canonical := llm.Rendered{Status: openAIStatus(e), Body: openAIError(e)}
	ctx, stop := detached(ctx)
	defer stop()
	r, err := c.Plugin.Render(ctx, c.reply.outgoing(canonical.Status, canonical.Body))
	if err != nil {
		c.failed("render an error", err)
		return canonical
	}
	return r
}

// Break renders the event that ends a stream with an error.
func (c *PluginClient) Break(ctx context.Context, e *llm.Error) []byte {
	ctx, stop := detached(ctx)
	defer stop()
	frames, err := c.reply.stream(ctx, openAIStatus(e))
	if err == nil {
		var frame []byte
		if frame, err = frames.Next(ctx, openAIError(e)); err == nil {
			return frame
		}
	}
	c.failed("end a stream with an error", err)
	return breakOpenAI(e, c.RequestID)
}

func (c *PluginClient) failed(doing string, err error) {
	c.Log.Warn("a plugin could not "+doing, "plugin", string(c.Dialect), "request", c.RequestID, "err", err)
}

// StreamType is the Content-Type of streamed replies.
func (c *PluginClient) StreamType() string { return c.ContentType }

// Close releases the plugin.
func (c *PluginClient) Close() { c.reply.close() }
