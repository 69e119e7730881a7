package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// Fake is a gateway for tests, of which a test sets what it needs.
type Fake struct {
	// OnServe serves requests; nil means SendPlain.
	OnServe   func(context.Context, *llm.Request, llm.Writer) error
	Keys      KeyMode // KeysOff if empty
	ModelList []Model
	Origins   []string
	// TargetList are the targets of models.
	TargetList map[string][]*llm.Target
	// OnReady is the readiness; nil means ready without detail.
	OnReady func() (bool, any)
	// OnOpen finds further formats; nil means that there are none.
	OnOpen func(path, requestID string) (Format, bool)
	// Admin is what operators can do; nil means nothing.
	Admin     Admin
	AdminAuth AdminAuth
	Limits    Limits
	Prefix    string
	Log       *slog.Logger
}

// Options returns the options of an API over the fake.
func (f *Fake) Options() Options {
	return Options{Service: fakeService{f}, Formats: fakeFormats{f}, Admin: f.Admin, AdminAuth: f.AdminAuth, Limits: f.Limits, Prefix: f.Prefix, Log: f.Log}
}

type fakeService struct{ f *Fake }

func (s fakeService) Serve(ctx context.Context, req *llm.Request, w llm.Writer) error {
	if s.f.OnServe != nil {
		return s.f.OnServe(ctx, req, w)
	}
	return SendPlain(ctx, req, w)
}

func (s fakeService) KeyMode() KeyMode {
	if s.f.Keys == "" {
		return KeysOff
	}
	return s.f.Keys
}

// Authenticate knows the keys "member", "viewer", "admin", "vip" and "batch".
func (s fakeService) Authenticate(_ context.Context, token string) (llm.Principal, error) {
	switch token {
	case "member":
		return llm.Principal{KeyID: "k1", Team: "search", Roles: []string{"member", "administrator"},
			Tags: map[string]string{"team": "search", "env": "dev"}}, nil
	case "viewer":
		return llm.Principal{KeyID: "k5", User: "vera", Roles: []string{llm.RoleViewer}}, nil
	case "vip":
		return llm.Principal{KeyID: "k3", Tags: map[string]string{llm.PriorityTag: "high"}}, nil
	case "batch":
		return llm.Principal{KeyID: "k4", Tags: map[string]string{llm.PriorityTag: "low"}}, nil
	case "admin":
		return llm.Principal{KeyID: "k2", Roles: []string{llm.RoleAdmin}}, nil
	}
	return llm.Principal{}, &llm.Error{Code: llm.CodeUnauthenticated, Status: 401, Message: "This key is not known."}
}

// Recognizes knows the key "member".
func (s fakeService) Recognizes(token string) bool { return token == "member" }

// Models returns the list with the caller's team as the owner of models that have none.
func (s fakeService) Models(_ context.Context, who llm.Principal) ([]Model, error) {
	var list []Model
	for _, m := range s.f.ModelList {
		if m.OwnedBy == "" {
			m.OwnedBy = who.Team
		}
		list = append(list, m)
	}
	return list, nil
}

func (s fakeService) Model(_ context.Context, _ llm.Principal, id string) (Model, bool) {
	for _, m := range s.f.ModelList {
		if m.ID == id {
			return m, true
		}
	}
	return Model{}, false
}

func (s fakeService) Targets(_ context.Context, model string) []*llm.Target {
	return s.f.TargetList[model]
}

// Feedback accepts what is said of req_1.
func (s fakeService) Feedback(_ context.Context, who llm.Principal, f *llm.Feedback) error {
	if f.RequestID != "req_1" {
		return &llm.Error{Code: llm.CodeNotFound, Status: 404, Message: "no such request"}
	}
	f.KeyID = who.KeyID
	return nil
}

func (s fakeService) AllowedOrigins() []string { return s.f.Origins }

func (s fakeService) Ready(context.Context) (bool, any) {
	if s.f.OnReady != nil {
		return s.f.OnReady()
	}
	return true, nil
}

type fakeFormats struct{ f *Fake }

func (s fakeFormats) Paths() []Path {
	return []Path{{"/v1/chat/completions", "chat"}, {"/chat/completions", "chat"}, {"/v1/messages", "messages"}}
}

// Open finds the formats of package wire, whose requests may be any JSON object, and those
// of the test.
func (s fakeFormats) Open(path string, h http.Header, requestID string) (Format, bool) {
	if c, ok := wire.ClientAt(path, requestID); ok {
		return fakeFormat{c}, true
	}
	if s.f.OnOpen != nil {
		if f, ok := s.f.OnOpen(path, requestID); ok {
			return f, true
		}
	}
	return fakeFormat{wire.AnyClient(path, h, requestID)}, false
}

func (s fakeFormats) Guess(body []byte) (string, error) { return wire.GuessPath(body) }

type fakeFormat struct{ *wire.Client }

// Request accepts any JSON object.
func (fakeFormat) Request(_ context.Context, in llm.Incoming) (*llm.Request, error) {
	var facts struct {
		Model    string            `json:"model"`
		Stream   bool              `json:"stream"`
		User     string            `json:"user"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := json.Unmarshal(in.Body, &facts); err != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidJSON, Status: 400, Message: "not JSON"}
	}
	return &llm.Request{Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Body: in.Body,
		Facts: llm.Facts{Model: facts.Model, Stream: facts.Stream, User: facts.User, Metadata: facts.Metadata}}, nil
}

// SendPlain answers every request with one JSON event.
func SendPlain(_ context.Context, req *llm.Request, w llm.Writer) error {
	if err := w.Start(llm.Head{Status: 200, Header: http.Header{"X-Penstock-Model": {req.Facts.Model}, "X-Request-Id": {"the provider's"}}}); err != nil {
		return err
	}
	return w.Event(llm.Event{Frame: []byte(`{"ok":true}`), Final: true})
}

// FakeAdmin answers everything that operators ask with an empty object, records and
// explanations with the request's facts.
type FakeAdmin struct {
	// Refused counts refused callers by reason; nil counts none.
	Refused map[string]int
	// OnOverload gets what CountOverload does; nil for nothing.
	OnOverload func(reason string, p llm.Priority)
	// ReloadErr is the error of Reload.
	ReloadErr error
	// Ring are the keys, teams and users, and Log the audit log that is listed; nil for tests
	// that do not ask for them.
	Ring *keys.Keys
	Log  *audit.Log

	mu sync.Mutex
	// audited are the entries of Audit.
	audited []audit.Entry
}

// Keys implements admin.Operations.
func (f *FakeAdmin) Keys() *keys.Keys { return f.Ring }

// AuditLog implements admin.Operations.
func (f *FakeAdmin) AuditLog() *audit.Log { return f.Log }

// Audit remembers the entry.
func (f *FakeAdmin) Audit(_ context.Context, e audit.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.audited = append(f.audited, e)
}

// Audited returns the entries of Audit.
func (f *FakeAdmin) Audited() []audit.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.audited)
}

var _ Admin = (*FakeAdmin)(nil)

// Record finds records whose id begins with req_.
func (f *FakeAdmin) Record(_ context.Context, id string) (*llm.Record, error) {
	if len(id) < 4 || id[:4] != "req_" {
		return nil, &llm.Error{Code: llm.CodeNotFound, Status: 404, Message: "no record of " + id}
	}
	return &llm.Record{ID: id, KeyID: "k1", RequestText: "the prompt", ReplyText: "the answer"}, nil
}

// Requests lists one record.
func (f *FakeAdmin) Requests(context.Context, llm.RecordFilter) ([]*llm.Record, error) {
	return []*llm.Record{{ID: "req_1"}}, nil
}

// Follow hands out one record, and ends.
func (f *FakeAdmin) Follow(_ context.Context, each func(*llm.Record)) error {
	each(&llm.Record{ID: "req_1"})
	return nil
}

// Policies implements admin.Operations.
func (f *FakeAdmin) Policies(context.Context) (any, error) { return struct{}{}, nil }

// Plugins implements admin.Operations.
func (f *FakeAdmin) Plugins(context.Context, admin.Page) (any, error) { return struct{}{}, nil }

// Replay implements admin.Operations.
func (f *FakeAdmin) Replay(context.Context, string) (any, error) { return struct{}{}, nil }

// DiffPolicy implements admin.Operations.
func (f *FakeAdmin) DiffPolicy(context.Context, admin.PolicyChange) (any, error) {
	return map[string]int{"different": 1}, nil
}

// CompareRouters implements admin.Operations.
func (f *FakeAdmin) CompareRouters(context.Context, admin.Comparison) (any, error) {
	return struct{}{}, nil
}

// Spend returns one row.
func (f *FakeAdmin) Spend(context.Context, admin.SpendQuery) (any, error) {
	return map[string]any{"rows": []map[string]any{{"model": "m"}}}, nil
}

// Budgets implements admin.Operations.
func (f *FakeAdmin) Budgets(context.Context, admin.BudgetsQuery) (any, error) {
	return struct{}{}, nil
}

// Correct implements admin.Operations.
func (f *FakeAdmin) Correct(context.Context, admin.Correction) (any, error) { return struct{}{}, nil }

// Raises implements admin.Operations.
func (f *FakeAdmin) Raises(context.Context, admin.Page) (any, error) { return struct{}{}, nil }

// Raise implements admin.Operations.
func (f *FakeAdmin) Raise(context.Context, admin.RaiseSpec, string) (any, error) {
	return struct{}{}, nil
}

// EndRaise implements admin.Operations.
func (f *FakeAdmin) EndRaise(context.Context, string) (any, error) { return struct{}{}, nil }

// Limits implements admin.Operations.
func (f *FakeAdmin) Limits(context.Context, admin.LimitsQuery) (any, error) { return struct{}{}, nil }

// Explain returns what the request would be served with.
func (f *FakeAdmin) Explain(_ context.Context, req *llm.Request, as admin.Asker) (*llm.Record, error) {
	return &llm.Record{ID: req.ID, Dry: true, Model: req.Facts.Model, KeyID: req.Principal.KeyID, Team: as.Team, Tags: req.Tags}, nil
}

// Targets implements admin.Operations.
func (f *FakeAdmin) Targets(context.Context, admin.Page) (any, error) { return struct{}{}, nil }

// OpenTarget returns who opens the target.
func (f *FakeAdmin) OpenTarget(_ context.Context, o admin.Opening) (any, error) { return o.By, nil }

// CloseTarget implements admin.Operations.
func (f *FakeAdmin) CloseTarget(context.Context, admin.Opening) (any, error) { return struct{}{}, nil }

// Purge implements admin.Operations.
func (f *FakeAdmin) CacheStats() admin.CacheStats             { return admin.CacheStats{} }
func (f *FakeAdmin) Purge(context.Context, admin.Purge) error { return nil }

// Reload implements admin.Operations.
func (f *FakeAdmin) Reload(context.Context) (any, error) { return struct{}{}, f.ReloadErr }

// Metrics sends a single sample.
func (f *FakeAdmin) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
}

// CountOverload implements Admin.
func (f *FakeAdmin) CountOverload(reason string, p llm.Priority) {
	if f.OnOverload != nil {
		f.OnOverload(reason, p)
	}
}

// CountRefused implements Admin.
func (f *FakeAdmin) CountRefused(reason string) {
	if f.Refused != nil {
		f.Refused[reason]++
	}
}
