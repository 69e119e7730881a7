package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Playground is what the playground needs of the gateway.
type Playground interface {
	// Callers lists the keys in whose name requests can be tried, by name.
	Callers(ctx context.Context) ([]Caller, error)
	// Anonymous reports whether requests without a key are served.
	Anonymous() bool
	// OutputPrice returns the price of a million output tokens of the first target of a model; false
	// when it is not known.
	OutputPrice(model string) (llm.NanoUSD, bool)
	// ChatModels lists the models that a caller may hold a conversation with.
	ChatModels(who llm.Principal) []string
	// BaseURL is where applications reach the gateway, up to /v1.
	BaseURL() string
	// ServeAs serves a request of a caller as applications' requests are served: admitted,
	// metered and recorded.
	ServeAs(w http.ResponseWriter, r *http.Request, who llm.Principal)
}

// Caller is a key in whose name a request can be tried. ID is empty for requests without one.
type Caller struct{ ID, Name, Team string }

const (
	// maxTry bounds the body of a request, in bytes: an image of 4 MiB in base64, and texts.
	maxTry = 8 << 20
	// tryPath is the endpoint that the playground uses.
	tryPath = "/v1/chat/completions"
	// playgroundTag is the tag of the playground's requests.
	playgroundTag = "penstock:playground=true"
)

// playgroundView is what the playground shows.
type playgroundView struct {
	Callers []Caller
	// Key is the chosen caller's, A and B the chosen models.
	Key, A, B string
	Models    []playgroundModel
	BaseURL   string
	// More is how many callers are not listed.
	More int
	// Problem says why the chosen caller cannot be used.
	Problem string
}

// playground serves GET /playground.
func (d *Dashboard) playground(w http.ResponseWriter, r *http.Request) {
	q, x := r.URL.Query(), sessionOf(r)
	callers, err := d.callers(r.Context(), x)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	v := playgroundView{Callers: callers, Key: q.Get("key"), BaseURL: d.gateway.BaseURL()}
	if !q.Has("key") && len(callers) > 0 {
		v.Key = callers[0].ID
	}
	var models []string
	if len(callers) > 0 {
		who, err := d.caller(r.Context(), x, v.Key)
		if err != nil {
			v.Problem = llm.AsError(err).Message
		} else {
			models = d.gateway.ChatModels(who)
		}
	}
	for _, name := range models {
		v.Models = append(v.Models, playgroundModel{name, d.pricePerToken(name)})
	}
	v.Callers, v.More = someCallers(v.Callers, v.Key)
	v.A, v.B = choose(models, q.Get("a"), 0), choose(models, q.Get("b"), 1)
	d.render(w, r, http.StatusOK, "playground.html", "Playground", v)
}

// playgroundModel is a model that can be chosen. PerToken is about what an output token costs, in US
// dollars, for the cost that is shown while a reply comes in; empty when that is not known.
type playgroundModel struct{ Name, PerToken string }

func (d *Dashboard) pricePerToken(model string) string {
	price, known := d.gateway.OutputPrice(model)
	if !known {
		return ""
	}
	return strconv.FormatFloat(float64(price)/float64(llm.USD)/1e6, 'g', 4, 64)
}

// maxCallers is how many callers the playground lists.
const maxCallers = 200

// someCallers returns the first callers and the chosen one, and how many are left out.
func someCallers(all []Caller, chosen string) (some []Caller, more int) {
	if len(all) <= maxCallers {
		return all, 0
	}
	some = slices.Clone(all[:maxCallers])
	if i := slices.IndexFunc(all, func(c Caller) bool { return c.ID == chosen }); i >= maxCallers {
		some = append(some, all[i])
	}
	return some, len(all) - len(some)
}

// choose returns the wanted model where it can be used, else the one at a place in the list.
func choose(models []string, wanted string, at int) string {
	if slices.Contains(models, wanted) || len(models) == 0 {
		return wanted
	}
	return models[min(at, len(models)-1)]
}

// callers lists as whom a session may try requests: an admin as every key's holder, others as
// themselves.
func (d *Dashboard) callers(ctx context.Context, x *session) ([]Caller, error) {
	if !x.admin() {
		return []Caller{{x.who.KeyID, cmp.Or(x.who.Name, x.who.KeyID), x.who.Team}}, nil
	}
	list, err := d.gateway.Callers(ctx)
	if err == nil && d.gateway.Anonymous() {
		list = append([]Caller{{Name: "no key"}}, list...)
	}
	return list, err
}

// caller returns the principal of a key, if the session may use it.
func (d *Dashboard) caller(ctx context.Context, x *session, key string) (llm.Principal, error) {
	switch {
	case key == "" && x.admin() && d.gateway.Anonymous():
		return llm.Principal{}, nil
	case key == "":
		return llm.Principal{}, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "key", Message: "Choose the key to try as: this gateway serves no request without one."}
	case key == x.who.KeyID || x.admin():
		return d.sessions.holder(ctx, key)
	}
	return llm.Principal{}, &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "You may try requests with your own key only. A key with the role admin may use any."}
}

// tryRequest serves POST /playground/run: one chat completion, as the application that holds
// the key named by ?key would send it. The reply is always a stream of events: those of the
// completion, then an event "record" with its figures, or an event "failed" with an error.
func (d *Dashboard) tryRequest(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	who, err := d.caller(r.Context(), sessionOf(r), r.URL.Query().Get("key"))
	if err != nil {
		d.fail(w, r, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTry))
	if err != nil {
		d.fail(w, r, &llm.Error{Code: llm.CodeTooLarge, Status: http.StatusRequestEntityTooLarge, Err: err,
			Message: fmt.Sprintf("The request is larger than %d MiB or was cut off. Use a smaller image.", maxTry>>20)})
		return
	}
	inner := r.Clone(r.Context())
	inner.URL = &url.URL{Path: tryPath}
	inner.Header = http.Header{"Content-Type": {"application/json"}, "X-Penstock-Tags": {playgroundTag}}
	inner.Body, inner.ContentLength, inner.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	out := &tryReply{ResponseWriter: w}
	d.gateway.ServeAs(out, inner, who)
	if r.Context().Err() == nil {
		out.finish(d.figures(r.Context(), w.Header().Get("X-Penstock-Request-Id")))
	}
}

// tryFigures are what the playground shows of a request that has ended, as texts.
type tryFigures struct {
	ID         string `json:"id"`
	Target     string `json:"target,omitempty"`
	FirstToken string `json:"first_token"`
	Total      string `json:"total"`
	Tokens     string `json:"tokens"`
	Cost       string `json:"cost"`
}

// figures returns the figures of a request; nil when it has not been recorded.
func (d *Dashboard) figures(ctx context.Context, id string) *tryFigures {
	record, err := d.gateway.Record(ctx, id)
	if err != nil {
		if llm.AsError(err).Code != llm.CodeNotFound {
			d.log.Warn("read the record of a request of the playground", "request", id, "err", err)
		}
		return nil
	}
	f := &tryFigures{ID: record.ID, Target: record.Target, FirstToken: "–", Total: formatMillis(record.Duration), Cost: "–",
		Tokens: formatCount(record.Usage.Input) + " in, " + formatCount(record.Usage.Output) + " out"}
	if record.FirstByte > 0 {
		f.FirstToken = formatMillis(record.FirstByte)
	}
	switch {
	case record.Price.Known:
		f.Cost = formatUSD(record.Cost)
	case record.Target != "":
		f.Cost = "unpriced"
	}
	return f
}

// tryReply turns an error reply into an event of a stream, so that a page reads every outcome
// in one way. The error's body is kept until finish.
type tryReply struct {
	http.ResponseWriter
	failed bool
	kept   []byte
}

// Unwrap lets http.ResponseController find the connection.
func (t *tryReply) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader starts the stream, whatever the status.
func (t *tryReply) WriteHeader(status int) {
	h := t.Header()
	t.failed = status >= http.StatusBadRequest || !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
	h.Del("Content-Length")
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	t.ResponseWriter.WriteHeader(http.StatusOK)
}

// Write writes events, and keeps what is none.
func (t *tryReply) Write(b []byte) (int, error) {
	if !t.failed {
		return t.ResponseWriter.Write(b)
	}
	t.kept = append(t.kept, b[:min(len(b), maxForm-len(t.kept))]...)
	return len(b), nil
}

// finish writes the last events. An error to write means that the browser is gone.
func (t *tryReply) finish(f *tryFigures) {
	if t.failed {
		t.event("failed", map[string]string{"message": errorText(t.kept)})
	}
	if f != nil {
		t.event("record", f)
	}
	_ = http.NewResponseController(t.ResponseWriter).Flush()
}

func (t *tryReply) event(name string, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		_, _ = fmt.Fprintf(t.ResponseWriter, "event: %s\ndata: %s\n\n", name, data)
	}
}

// errorText returns the message of an error reply of chat completions.
func errorText(body []byte) string {
	var reply struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &reply) // what is no error reply is shown as it is
	return cmp.Or(reply.Error.Message, strings.TrimSpace(string(body)), "The gateway gave no reply.")
}
