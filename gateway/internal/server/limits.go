package server

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
)

// maxLimitModels bounds the models that the policy is asked about for one list of limits.
const maxLimitModels = 200

// LimitList is the reply of GET /admin/v1/limits.
type LimitList struct {
	// Key, Team and User are the caller.
	Key  string `json:"key,omitempty"`
	Team string `json:"team,omitempty"`
	User string `json:"user,omitempty"`
	// Models is how many models the policy was asked about; Skipped how many more there are.
	Models  int `json:"models"`
	Skipped int `json:"skipped,omitempty"`
	// Limits are in the order of their names; Next is the after of their next page.
	Limits []LimitShown `json:"limits"`
	Next   string       `json:"next,omitempty"`
	// Denied are the models that the caller may not use.
	Denied []DeniedModel `json:"denied,omitempty"`
}

// DeniedModel is a model that the policy denies, and why.
type DeniedModel struct {
	Model  string `json:"model"`
	Reason string `json:"reason"`
	Rule   string `json:"rule,omitempty"`
}

// LimitShown is a limit that applies to a caller, and its counter: money in US dollars, the
// rest in counts.
type LimitShown struct {
	Name string `json:"name"`
	Budget
	// OnExceed is what happens to a request without room.
	OnExceed string `json:"on_exceed"`
	// Rule is where the policy names it, as "file.rego:12"; empty if unknown.
	Rule string `json:"rule,omitempty"`
	// Models are those that it applies to; empty for all that are allowed.
	Models []string `json:"for_models,omitempty"`
	limit  llm.Limit
}

// limits asks the policy which limits apply to a caller, for one model or for each that its key
// may use.
func (s *Server) limits(ctx context.Context, q admin.LimitsQuery) (LimitList, error) {
	sn := s.acquire()
	defer sn.release()
	now := time.Now()
	asker := &llm.Request{ID: "limits", Received: now, Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Dry: true}
	if err := sn.assume(ctx, asker, q.Asker, s.keys); err != nil {
		return LimitList{}, err
	}
	who := &asker.Principal
	list := LimitList{Key: who.KeyID, Team: who.Team, User: who.User, Limits: []LimitShown{}}
	models, err := sn.modelsOf(who, q.Model)
	if err != nil {
		return list, err
	}
	list.Skipped = max(len(models)-maxLimitModels, 0)
	for _, model := range models[:min(len(models), maxLimitModels)] {
		req := *asker
		req.Facts.Model = model
		if err := list.ask(ctx, policyStage{sn.policy}, sn, &req); err != nil {
			return list, err
		}
	}
	at := asker.At
	if at.IsZero() {
		at = now
	}
	if err := list.cut(q.Page); err != nil {
		return list, err
	}
	s.fillLimits(&list, at)
	return list, nil
}

// cut leaves the limits of one page.
func (l *LimitList) cut(p admin.Page) error {
	names, err := parseAfter(p.After, 6)
	if err != nil {
		return err
	}
	slices.SortFunc(l.Limits, func(a, b LimitShown) int { return slices.Compare(a.names(), b.names()) })
	l.Limits, l.Next = pageOf(l.Limits, p.Limit, func(shown LimitShown) bool { return slices.Compare(shown.names(), names) > 0 },
		func(shown LimitShown) string { return afterOf(shown.names()...) })
	return nil
}

// names are what a limit is told from all others by.
func (l *LimitShown) names() []string {
	return []string{l.limit.Name, l.limit.Scope, string(l.limit.Unit), l.limit.Window, strconv.FormatInt(l.limit.Max, 10), string(l.limit.OnExceed)}
}

// modelsOf returns the models to ask about: that one, or those that a caller may name.
func (sn *snapshot) modelsOf(who *llm.Principal, model string) ([]string, error) {
	if model != "" {
		_, err := sn.routes.Named(model)
		return []string{model}, err
	}
	var models []string
	for _, m := range sn.routes.List() {
		if _, err := sn.routes.Named(m.ID); err == nil && mayUse(*who, m.ID) {
			models = append(models, m.ID)
		}
	}
	return models, nil
}

// ask adds what the policy decides about a request for one model.
func (l *LimitList) ask(ctx context.Context, p policyStage, sn *snapshot, req *llm.Request) error {
	route, err := sn.routes.Named(req.Facts.Model)
	if err != nil {
		return err
	}
	v, err := p.Decide(ctx, req, route)
	if err != nil {
		return err
	}
	l.Models++
	if !v.Allow {
		l.Denied = append(l.Denied, DeniedModel{req.Facts.Model, v.Reasons[0].Message, v.Reasons[0].Rule})
		return nil
	}
	for _, limit := range v.Limits {
		at := slices.IndexFunc(l.Limits, func(have LimitShown) bool { return have.limit == limit })
		if at < 0 {
			at = len(l.Limits)
			l.Limits = append(l.Limits, LimitShown{Name: limit.Name, Rule: v.RuleOf(llm.PartLimit, limit.Name), limit: limit})
		}
		l.Limits[at].Models = append(l.Limits[at].Models, req.Facts.Model)
	}
	return nil
}

// fillLimits adds the counters, with raises.
func (s *Server) fillLimits(list *LimitList, at time.Time) {
	limits := make([]llm.Limit, len(list.Limits))
	for i := range list.Limits {
		limits[i] = list.Limits[i].limit
	}
	allowed := list.Models - len(list.Denied)
	for i, state := range s.meter.States(s.raised(limits, at), at) {
		shown := &list.Limits[i]
		c := meter.Count{Scope: state.Scope, Unit: state.Unit, Window: state.Window, Spent: state.Before - state.Held, Reserved: state.Held, Max: state.Max}
		if state.ResetsAt > 0 {
			c.Resets = time.UnixMilli(state.ResetsAt)
		}
		shown.Budget, shown.OnExceed = budgetOf(counted{c, state.Raised}), cmp.Or(string(state.OnExceed), "deny")
		if shown.Max == "" { // of a limit that nothing fits
			shown.Max = json.Number("0")
		}
		if len(shown.Models) == allowed {
			shown.Models = nil
		}
	}
}
