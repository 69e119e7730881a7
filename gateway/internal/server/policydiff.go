package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/replay"
)

// maxDiff bounds one comparison of policies for an operator of the running gateway.
const maxDiff = time.Minute

// DiffPolicy decides on the records of a ledger again with other policies. The policy in force
// takes no part. Keys, routes and prices are those of now. Its error has policy.Faults when the
// policy is invalid.
func (s *Server) DiffPolicy(ctx context.Context, l *ledger.Reader, q admin.PolicyChange) (*replay.PolicyReport, error) {
	sn := s.acquire()
	defer sn.release()
	known, err := principals(ctx, l)
	if err != nil {
		return nil, err
	}
	source := PolicySource(q.Dir)
	source.Files = q.Files
	routeOf := func(model string) (*llm.Route, bool) {
		route, err := sn.routes.Named(model)
		return route, err == nil
	}
	p, err := policy.NewReplayer(ctx, policy.ReplayOptions{Options: policy.Options{Source: source, Location: sn.config.TimeZone.Location(), Workers: s.diffWorkers},
		Principal: func(id string) (llm.Principal, bool) { who, ok := known[id]; return who, ok }, Route: routeOf})
	if err != nil {
		return nil, err
	}
	d := replay.DiffPolicy(p.Revision())
	err = l.Each(ctx, ledger.Range{Since: q.Since, Until: q.Until, Model: q.Model}, func(r *llm.Record) error {
		return addDecision(ctx, d, p, r, q.Examples, routeOf)
	})
	if err != nil {
		return nil, err
	}
	return d.Report(), nil
}

// addDecision decides on a record again, and adds or skips it.
func addDecision(ctx context.Context, d *replay.PolicyDiff, p *policy.Replayer, r *llm.Record, examples int, routeOf func(string) (*llm.Route, bool)) error {
	v, err := p.Decide(ctx, r)
	if why := new(policy.NotReplayable); errors.As(err, &why) {
		d.Skip(why.Why)
		return nil
	}
	if err != nil {
		return err
	}
	name := v.After.Obligations.Destination()
	if name == "" {
		name = r.Route
		if r.FirstDecision != nil {
			name = r.Model
		}
	}
	var targets []*llm.Target
	if route, ok := routeOf(name); ok {
		targets = route.All()
	}
	return d.Add(r, &v.Before, &v.After, targets, examples, func() error { return p.Explain(ctx, v) })
}

// principals returns the callers of all keys by the ID under which their requests are recorded.
// Of keys that replaced each other, the newest that is not revoked counts.
func principals(ctx context.Context, l *ledger.Reader) (map[string]llm.Principal, error) {
	ring, err := keys.Open(ctx, l.DB(), keys.Options{})
	if err != nil {
		return nil, err
	}
	list, err := ring.List(ctx)
	if err != nil {
		return nil, err
	}
	known, newest := make(map[string]llm.Principal, len(list)), make(map[string]*keys.Key, len(list))
	for i := range list {
		k := &list[i]
		if old := newest[k.Origin]; old == nil || !old.Revoked.IsZero() || k.Revoked.IsZero() && k.Created.After(old.Created) {
			newest[k.Origin], known[k.Origin] = k, k.Principal()
		}
	}
	for id, who := range known {
		if admitted, err := ring.Admit(ctx, who); err == nil { // who is refused now was not when it asked
			known[id] = admitted
		}
	}
	return known, nil
}

// diffPolicyFor is DiffPolicy for an operator: one at a time, and for a bounded time.
func (s *Server) diffPolicyFor(ctx context.Context, q admin.PolicyChange) (any, error) {
	if !s.comparing.TryLock() {
		return nil, &llm.Error{Code: llm.CodeOverloaded, Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second,
			Message: "Another comparison of routers or policies is running. Ask again when it is done, or run penstock policy diff."}
	}
	defer s.comparing.Unlock()
	within, stop := context.WithTimeout(ctx, maxDiff)
	defer stop()
	report, err := s.DiffPolicy(within, s.ledger.Reader, q)
	var faults policy.Faults
	switch {
	case errors.As(err, &faults):
		return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "files", Message: "files: the policy is invalid.\n" + faults.Error(), Err: err}
	case err != nil && ctx.Err() == nil && within.Err() != nil:
		return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "since", Err: err,
			Message: "since: deciding on these records again takes longer than " + maxDiff.String() + ". Name a shorter time, or run penstock policy diff, which has no such bound."}
	}
	return report, err
}
