package wire

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// Client is how one client speaks during one exchange, in a format that is known
// natively. It reads the request, and renders what is not an event of a reply. Only for a
// target of another dialect, or a transform, the exchange goes through a module.
type Client struct {
	format *Format
	reply  rendering
	// list is set when a stream goes to the client as one JSON list.
	list *listWriter
}

// ClientAt returns the client of the format that is spoken at a path; false when no row
// of the table has the path.
func ClientAt(path, requestID string) (*Client, bool) {
	f := at(path)
	if f == nil {
		return nil, false
	}
	return &Client{format: f, reply: rendering{requestID: requestID, created: time.Now()}}, true
}

// TranslateBy gives the client the module that translates its dialect, which modules
// returns. It must be called before a request is read: each dialect of the table but the
// canonical one has such a module.
func (c *Client) TranslateBy(modules func(llm.Dialect) ClientModule) {
	if c.format.Dialect != llm.OpenAI {
		c.reply.module = modules(c.format.Dialect)
	}
}

// AnyClient returns a client for paths of no format: one of Gemini's format at the paths of
// that API, or if its headers are Google's; one of Anthropic's if its headers name a version
// of that API; else one of the canonical format.
func AnyClient(path string, h http.Header, requestID string) *Client {
	f := chatCompletions
	switch {
	case strings.HasPrefix(path, "/v1beta/"), h.Get("X-Goog-Api-Key") != "", h.Get("X-Goog-Api-Client") != "":
		f = generateContent
	case h.Get("Anthropic-Version") != "":
		f = messages
	}
	return &Client{format: f, reply: rendering{requestID: requestID}}
}

// Speaks returns the client's dialect.
func (c *Client) Speaks() llm.Dialect { return c.format.Dialect }

// Request reads a request. The caller adds what headers say of tags and caching.
func (c *Client) Request(_ context.Context, in llm.Incoming) (*llm.Request, error) {
	facts, cache, err := c.format.facts(in.Body, intake.Options{})
	if err == nil && !facts.CacheAt.IsZero() && c.format != chatCompletions { // whose calls cut it out
		in.Body = apply(in.Body, []edit{{at: facts.CacheAt}})
		facts, _, err = c.format.facts(in.Body, intake.Options{})
	}
	if err != nil {
		return nil, err
	}
	if c.format.target != nil {
		if facts.Model, facts.Stream, err = c.pathFacts(in.Path, facts.Model); err != nil {
			return nil, err
		}
		if facts.Stream && !hasParameter(in.Query, "alt", "sse") {
			c.list = &listWriter{}
		}
	}
	if !in.Received.IsZero() {
		c.reply.created = in.Received
	}
	r := &llm.Request{Endpoint: c.format.Endpoint, Dialect: c.format.Dialect, Body: in.Body, Facts: facts, Cache: cache,
		Header: pick(in.Header, c.format.headers), Query: pickQuery(in.Query, c.format.queries), Session: sessionOf(in.Header, &facts)}
	if c.format.Endpoint == llm.Embeddings {
		r.Batch = func() llm.Batch { return batchOf(c.format, r) }
	}
	if c.format.Dialect == llm.OpenAI {
		return r, nil
	}
	r.Form = c.format.Dialect
	form := &canonicalForm{module: c.reply.module, in: in, request: r}
	r.Canonical, c.reply.context = form.get, form.context
	return r, nil
}

// pick are those of the given headers that are there.
func pick(h http.Header, names []string) http.Header {
	var out http.Header
	for _, name := range names {
		if values := h[name]; len(values) > 0 {
			if out == nil {
				out = http.Header{}
			}
			out[name] = values
		}
	}
	return out
}

// pickQuery are those of the given parameters, each with its value, that are there.
func pickQuery(query string, params []string) string {
	if query == "" {
		return ""
	}
	return strings.Join(slices.DeleteFunc(strings.Split(query, "&"), func(p string) bool { return !slices.Contains(params, p) }), "&")
}

// Writer returns where the events of a reply go. Those in the client's format pass as they
// are.
func (c *Client) Writer(ctx context.Context, w llm.Writer) llm.Writer {
	if c.list != nil {
		c.list.out = w
		w = c.list
	}
	if c.reply.module == nil {
		return w
	}
	// Google's client for Python takes a comment for broken JSON.
	comments := c.format.Dialect != llm.Gemini
	return &renderer{rendering: &c.reply, ctx: ctx, out: w, native: c.format.Dialect, comments: comments}
}

// Error renders an error reply.
func (c *Client) Error(_ context.Context, e *llm.Error) llm.Rendered {
	return c.format.render(e, c.reply.requestID)
}

// Break renders the event that ends a stream with an error.
func (c *Client) Break(_ context.Context, e *llm.Error) []byte {
	if c.list != nil {
		return c.list.broken(c.format.render(e, c.reply.requestID).Body)
	}
	return c.format.breakOff(e, c.reply.requestID)
}

// StreamType is the Content-Type of streamed replies.
func (c *Client) StreamType() string {
	if c.list != nil {
		return "application/json; charset=UTF-8"
	}
	return eventStream
}

// eventStream is the Content-Type of Server-Sent Events.
const eventStream = "text/event-stream; charset=utf-8"

// Close releases the module.
func (c *Client) Close() { c.reply.close() }

// withoutCredentials is a query without what may be a credential.
func withoutCredentials(query string) string {
	parts := strings.Split(query, "&")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool {
		name, _, _ := strings.Cut(strings.ToLower(part), "=")
		if plain, err := url.QueryUnescape(name); err != nil || plain != name {
			return true
		}
		return strings.Contains(name, "key") || strings.Contains(name, "token")
	}), "&")
}
