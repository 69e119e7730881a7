// Package admin holds the endpoints of the admin API that ask something of the running
// gateway: records, spend, budgets, explain, cache purge, reload, keys, teams and users. A handler reads
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

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Operations is what operators can ask of a running gateway. The methods are called
// concurrently, and a *llm.Error among their errors is sent to the operator. Results of
// type any are encoded as JSON.
type Operations interface {
	// Record returns the record of one request.
	Record(ctx context.Context, id string) (*llm.Record, error)
	// Requests lists records, those written last first.
	Requests(ctx context.Context, f llm.RecordFilter) ([]*llm.Record, error)
	// Follow calls each with every record that is written from now on, until ctx ends. The
	// function must not block. The error says that too many follow already.
	Follow(ctx context.Context, each func(*llm.Record)) error
	// Replay ranks a recorded request again and compares.
	Replay(ctx context.Context, id string) (any, error)
	// CompareRouters replays recorded requests through two routers.
	CompareRouters(ctx context.Context, c Comparison) (any, error)
	// DiffPolicy decides on recorded requests again with another policy.
	DiffPolicy(ctx context.Context, q PolicyChange) (any, error)
	// Spend sums up requests. The result encodes as {"rows": […], "total": {…}}; the rows are
	// also offered as CSV.
	Spend(ctx context.Context, q SpendQuery) (any, error)
	// Budgets lists what is used and reserved of limits.
	Budgets(ctx context.Context, q BudgetsQuery) (any, error)
	// Correct sets what a limit's counter has as used, and returns what Budgets does of it.
	Correct(ctx context.Context, c Correction) (any, error)
	// Raises lists the temporary raises of limits that are in force. Raise makes one for an
	// operator, EndRaise ends one; they return it.
	Raises(ctx context.Context, p Page) (any, error)
	Raise(ctx context.Context, spec RaiseSpec, operator string) (any, error)
	EndRaise(ctx context.Context, id string) (any, error)
	// Limits lists the limits that the policy names for a caller, and how full they are.
	Limits(ctx context.Context, q LimitsQuery) (any, error)
	// Explain makes every decision about a request of that caller without sending it.
	Explain(ctx context.Context, req *llm.Request, as Asker) (*llm.Record, error)
	// Targets lists the targets with their circuits, figures and credentials.
	Targets(ctx context.Context, p Page) (any, error)
	// OpenTarget keeps a target or credential from being used, CloseTarget lets it be used at
	// once. Both return what Targets does of the target, or of those of the credential's provider.
	OpenTarget(ctx context.Context, o Opening) (any, error)
	CloseTarget(ctx context.Context, o Opening) (any, error)
	// CacheStats returns the figures of the cache.
	CacheStats() CacheStats
	// Purge removes replies from the cache.
	Purge(ctx context.Context, what Purge) error
	// Policies returns the policy in force, Plugins the modules with what they have done.
	Policies(ctx context.Context) (any, error)
	Plugins(ctx context.Context, p Page) (any, error)
	// Reload loads configuration, policies and modules again.
	Reload(ctx context.Context) (any, error)
	// Keys are the virtual keys, teams and users.
	Keys() *keys.Keys
	// AuditLog is where changes by operators are kept.
	AuditLog() *audit.Log
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
	// Caller returns who asks. operator says that it is the operator of this machine, without
	// a key, who may do everything.
	Caller() (who llm.Principal, operator bool)
}

// Reply is a reply with status 200.
type Reply struct {
	ContentType string
	Body        []byte
	// Stream writes the body as it comes, each call of write at once, until the caller has gone;
	// nil for a reply with Body.
	Stream func(ctx context.Context, write func([]byte) error) error
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
		{http.MethodGet, "/admin/v1/requests", "requests, the newest first: ?model=&target=&team=&key=&user=&tag=NAME=VALUE&outcome=ok|cached|error|refused&limit=&before=", h.listRequests},
		{http.MethodGet, "/admin/v1/requests/live", "requests as they end, a line of JSON each, by the same parameters", h.followRequests},
		{http.MethodGet, "/admin/v1/requests/{id}", "why a request was routed and what it cost", h.record},
		{http.MethodPost, "/admin/v1/requests/{id}/replay", "rank a recorded request again, and compare", h.replay},
		{http.MethodPost, "/admin/v1/routes/compare", `replay records through two routers: {"routers":[{"router","with"},…],"since","model"}`, h.compare},
		{http.MethodPost, "/admin/v1/policy/diff", `who would be treated differently by other policies: {"files":{"NAME.rego":"…"},"since","until","model","examples"}`, h.diffPolicy},
		{http.MethodGet, "/admin/v1/spend", "spend by dimension: ?by=model,team&since=24h&until=&zone=UTC&format=json|csv, and a dimension=value to select", h.spend},
		{http.MethodGet, "/admin/v1/budgets", "what is used and reserved of every limit: ?scope=team:*&unit=&full=0.8&limit=&after=", h.budgets},
		{http.MethodPost, "/admin/v1/budgets", `correct a counter: {"scope","unit","window","used"}`, h.correct},
		{http.MethodGet, "/admin/v1/raises", "temporary raises of limits: ?limit=&after=", h.raises},
		{http.MethodPost, "/admin/v1/raises", `raise limits until a time: {"scope","unit","window","by" or "to","until","reason"}`, h.raise},
		{http.MethodDelete, "/admin/v1/raises/{id}", "end a temporary raise early", h.endRaise},
		{http.MethodGet, "/admin/v1/limits", "every limit of a caller: ?key=ID&model=NAME&team=&user=&session=&tag=NAME=VALUE&at=&limit=&after=", h.limits},
		{http.MethodGet, "/admin/v1/targets", "targets with their circuits, figures and credentials: ?limit=&after=", h.targets},
		{http.MethodPost, "/admin/v1/targets/open", `take a target or credential out of use: {"id","for"}`, h.openTarget},
		{http.MethodPost, "/admin/v1/targets/close", `let a target or credential be used at once: {"id"}`, h.closeTarget},
		{http.MethodPost, "/admin/v1/explain", "what would happen to a request, without sending it", h.explain},
		{http.MethodGet, "/admin/v1/cache", "the cache's size, hit ratio and what it has saved", h.cacheStats},
		{http.MethodDelete, "/admin/v1/cache", "purge cached replies: ?all=true, ?model=NAME, ?namespace=NAME or ?id=ID", h.purge},
		{http.MethodGet, "/admin/v1/policies", "the policy in force, and why the last reload was refused", h.policies},
		{http.MethodGet, "/admin/v1/plugins", "the modules and what they have done: ?limit=&after=", h.plugins},
		{http.MethodPost, "/admin/v1/reload", "load configuration, policies and modules again", h.reload},
		{http.MethodGet, "/admin/v1/keys", "virtual keys: ?team=&user=&state=active|blocked|expired|replaced|revoked&limit=&after=", h.listKeys},
		{http.MethodPost, "/admin/v1/keys", `create a key: {"name","team","user","roles","models","tags","budget","expires"}`, h.createKey},
		{http.MethodGet, "/admin/v1/keys/{id}", "one key, without its secret", h.key},
		{http.MethodPatch, "/admin/v1/keys/{id}", `change a key: {"name","models","tags","budget","expires"}`, h.changeKey},
		{http.MethodDelete, "/admin/v1/keys/{id}", "revoke a key, and the keys made with it", h.revokeKey},
		{http.MethodPost, "/admin/v1/keys/{id}/rotate", `replace a key; the old one works on for {"overlap"}`, h.rotateKey},
		{http.MethodGet, "/admin/v1/teams", "teams: ?limit=&after=", h.listTeams},
		{http.MethodPost, "/admin/v1/teams", `create a team: {"name","models","tags","members","blocked"}`, h.createTeam},
		{http.MethodGet, "/admin/v1/teams/{id}", "one team with its members", h.team},
		{http.MethodPatch, "/admin/v1/teams/{id}", `change or block a team: {"models","tags","blocked"}`, h.changeTeam},
		{http.MethodDelete, "/admin/v1/teams/{id}", "remove a team without keys", h.removeTeam},
		{http.MethodPost, "/admin/v1/teams/{id}/members", `add a member, or change its role: {"user","role"}`, h.addMember},
		{http.MethodDelete, "/admin/v1/teams/{id}/members", "remove a member: ?user=NAME", h.removeMember},
		{http.MethodGet, "/admin/v1/users", "users: ?limit=&after=", h.listUsers},
		{http.MethodPost, "/admin/v1/users", `create a user: {"name","roles","blocked"}`, h.createUser},
		{http.MethodGet, "/admin/v1/users/{id}", "one user", h.user},
		{http.MethodPatch, "/admin/v1/users/{id}", `change or block a user: {"roles","blocked"}`, h.changeUser},
		{http.MethodDelete, "/admin/v1/users/{id}", "remove a user without keys", h.removeUser},
		{http.MethodGet, "/admin/v1/audit", "who changed what, the newest first: ?since=24h&limit=&after=", h.listAudit},
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

func (h handlers) record(r *http.Request, in Input) (Reply, error) {
	record, err := h.ops.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return Reply{}, err
	}
	who, operator := in.Caller()
	if operator || Admin.Admits(who.Roles) || ownsRecord(&who, record) {
		return jsonReply(record)
	}
	if !Viewer.Admits(who.Roles) {
		return Reply{}, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "There is no record of your requests with the id " + llm.Quote(r.PathValue("id")) + "."}
	}
	shown := *record
	shown.RequestText, shown.ReplyText = "", ""
	return jsonReply(&shown)
}

// ownsRecord reports whether a request was the caller's own, or its user's.
func ownsRecord(who *llm.Principal, r *llm.Record) bool {
	return who.KeyID != "" && r.KeyID == who.KeyID || who.User != "" && r.User == who.User
}

func (h handlers) reload(r *http.Request, _ Input) (Reply, error) {
	done, err := h.ops.Reload(r.Context())
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(done)
}
