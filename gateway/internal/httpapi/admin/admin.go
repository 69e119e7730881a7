// Package admin holds the endpoints of the admin API that ask something of the running
// gateway: records, spend, budgets, explain, cache purge and reload. A handler reads
// what the operator asks for and returns the reply as a value.
//
// Package httpapi decides who is an operator, reads bodies within its limits, and writes
// replies and errors.
package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Operations is what operators can ask of a running gateway. The methods are called
// concurrently, and a *llm.Error among their errors is sent to the operator. Results of
// type any are encoded as JSON.
type Operations interface {
	// Record returns the record of one request.
	Record(ctx context.Context, id string) (*llm.Record, error)
	// Replay ranks a recorded request again and compares.
	Replay(ctx context.Context, id string) (any, error)
	// CompareRouters replays recorded requests through two routers.
	CompareRouters(ctx context.Context, c Comparison) (any, error)
	// DiffPolicy decides on recorded requests again with another policy.
	DiffPolicy(ctx context.Context, q PolicyChange) (any, error)
	// Spend sums up requests. The result encodes as {"rows": […], "total": {…}}; the rows are
	// also offered as CSV.
	Spend(ctx context.Context, q SpendQuery) (any, error)
	// Budgets lists what is used and reserved of every limit.
	Budgets(ctx context.Context) (any, error)
	// Correct sets what a limit's counter has as used, and returns what Budgets does.
	Correct(ctx context.Context, c Correction) (any, error)
	// Explain makes every decision about a request of that caller without sending it.
	Explain(ctx context.Context, req *llm.Request, as Asker) (*llm.Record, error)
	// Targets lists the targets with their circuits, figures and credentials.
	Targets(ctx context.Context) (any, error)
	// OpenTarget keeps a target or credential from being used, CloseTarget lets it be used at
	// once. Both return what Targets does.
	OpenTarget(ctx context.Context, o Opening) (any, error)
	CloseTarget(ctx context.Context, o Opening) (any, error)
	// CacheStats returns the figures of the cache.
	CacheStats() CacheStats
	// Purge removes replies from the cache.
	Purge(ctx context.Context, what Purge) error
	// Reload loads configuration, policies and modules again.
	Reload(ctx context.Context) (any, error)
}

// Input reads the body of the request that is served.
type Input interface {
	// Body returns the whole body, decompressed, within the limits of size and time.
	Body() ([]byte, error)
	// Request makes a request of a body that clients send to a path, with the tags and cache
	// instructions of the operator's headers. Its principal is empty. Without a path it is
	// guessed from the body. close must be called when the request is no longer used.
	Request(path string, body []byte) (req *llm.Request, close func(), err error)
	// Operator names who asks, for the log.
	Operator() string
}

// Reply is a reply with status 200.
type Reply struct {
	ContentType string
	Body        []byte
	// Filename is the name under which browsers save the body; empty means that they
	// display it.
	Filename string
}

// Handler serves one request.
type Handler func(r *http.Request, in Input) (Reply, error)

// Route is one endpoint. Its path may have the parameter {id}, which the request's
// PathValue returns.
type Route struct {
	Method, Path string
	// Summary describes the endpoint in one line.
	Summary string
	Serve   Handler
}

// Routes returns the endpoints for these operations.
func Routes(o Operations) []Route {
	h := handlers{o}
	return []Route{
		{http.MethodGet, "/admin/v1/requests/{id}", "why a request was routed and what it cost", h.record},
		{http.MethodPost, "/admin/v1/requests/{id}/replay", "rank a recorded request again, and compare", h.replay},
		{http.MethodPost, "/admin/v1/routes/compare", `replay records through two routers: {"routers":[{"router","with"},…],"since","model"}`, h.compare},
		{http.MethodPost, "/admin/v1/policy/diff", `who would be treated differently by other policies: {"files":{"NAME.rego":"…"},"since","until","model","examples"}`, h.diffPolicy},
		{http.MethodGet, "/admin/v1/spend", "spend by dimension: ?by=model,team&since=24h&until=&zone=UTC&format=json|csv, and a dimension=value to select", h.spend},
		{http.MethodGet, "/admin/v1/budgets", "what is used and reserved of every limit", h.budgets},
		{http.MethodPost, "/admin/v1/budgets", `correct a counter: {"scope","unit","window","used"}`, h.correct},
		{http.MethodGet, "/admin/v1/targets", "targets with their circuits, figures and credentials", h.targets},
		{http.MethodPost, "/admin/v1/targets/open", `take a target or credential out of use: {"id","for"}`, h.openTarget},
		{http.MethodPost, "/admin/v1/targets/close", `let a target or credential be used at once: {"id"}`, h.closeTarget},
		{http.MethodPost, "/admin/v1/explain", "what would happen to a request, without sending it", h.explain},
		{http.MethodGet, "/admin/v1/cache", "the cache's size, hit ratio and what it has saved", h.cacheStats},
		{http.MethodDelete, "/admin/v1/cache", "purge cached replies: ?all=true, ?model=NAME, ?namespace=NAME or ?id=ID", h.purge},
		{http.MethodPost, "/admin/v1/reload", "load configuration, policies and modules again", h.reload},
	}
}

// handlers are the endpoints over one gateway's operations.
type handlers struct{ ops Operations }

// jsonReply returns v as a reply.
func jsonReply(v any) (Reply, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return Reply{}, fmt.Errorf("encode reply: %w", err)
	}
	return Reply{ContentType: "application/json", Body: append(body, '\n')}, nil
}

// badQuery is the error for a query parameter that is wrong.
func badQuery(name string, err error) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: name, Message: name + ": " + err.Error() + "."}
}

func (h handlers) record(r *http.Request, _ Input) (Reply, error) {
	record, err := h.ops.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(record)
}

func (h handlers) reload(r *http.Request, _ Input) (Reply, error) {
	done, err := h.ops.Reload(r.Context())
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(done)
}
