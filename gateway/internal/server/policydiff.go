package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/replay"
	"github.com/penstock/penstock/policies"
)

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
	source, err := sn.changedPolicy(q)
	if err != nil {
		return nil, err
	}
	routeOf := func(model string) (*llm.Route, bool) {
		route, err := sn.routes.Named(model)
		return route, err == nil
	}
	zone := sn.config.TimeZone.Location()
	counters := [2]*recounter{newRecounter(zone), newRecounter(zone)}
	p, err := policy.NewReplayer(ctx, policy.ReplayOptions{Options: policy.Options{Source: source, Location: zone, Workers: s.diffWorkers},
		Principal: func(id string) (llm.Principal, bool) { who, ok := known[id]; return who, ok }, Route: routeOf, Used: counters[1].percent})
	if err != nil {
		return nil, err
	}
	d := replay.DiffPolicy(p.Revision(), &replay.Counters{Then: counters[0], Now: counters[1]})
	err = eachByArrival(ctx, l, ledger.Range(q.Selection), func(r *llm.Record) error {
		counters[0].advance(r.Time)
		counters[1].advance(r.Time)
		return addDecision(ctx, d, p, r, q.Examples, routeOf)
	})
	if err != nil {
		return nil, err
	}
	return d.Report(), nil
}

// changedPolicy returns the policies to compare with. Files without rules are data for the
// policies in force.
func (sn *snapshot) changedPolicy(q admin.PolicyChange) (policy.Source, error) {
	for name := range q.Files {
		if strings.HasSuffix(name, ".rego") {
			return policy.Source{Files: q.Files, FS: policies.FS}, nil
		}
	}
	if q.Files == nil {
		return PolicySource(q.Dir)
	}
	return sn.policy.Source().With(q.Files)
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

// badFiles is the asker's error for a policy that is invalid; other errors stay as they are.
func badFiles(err error) error {
	var faults policy.Faults
	if !errors.As(err, &faults) {
		return err
	}
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "files", Message: "files: the policy is invalid.\n" + faults.Error(), Err: err}
}
