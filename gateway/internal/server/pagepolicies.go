package server

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/activity"
	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/replay"
)

// Policy returns the policy in force, with what it decided in the last 24 hours.
func (p pages) Policy(ctx context.Context) dashboard.Policy {
	sn := p.server.acquire()
	defer sn.release()
	st := sn.policy.Status()
	out := dashboard.Policy{Revision: st.Revision, Files: st.Files, Tests: st.Tests, Hits: st.Hits, Misses: st.Misses, Source: cmp.Or(sn.config.Policies.Folder, "built in")}
	if b := sn.bundle.ready(); b != nil {
		out.Source = b.URL
	}
	if err := p.server.reloadError.Load(); err != nil {
		out.Refused = (*err).Error()
	}
	for part, h := range p.server.activity.Parts() {
		out.Decided = append(out.Decided, dashboard.Decided{Kind: part.Kind, Name: part.Name, Rule: h.Rule, Requests: h.Requests, Last: h.Last, At: h.At})
	}
	slices.SortFunc(out.Decided, func(a, b dashboard.Decided) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	out.Decided = out.Decided[:min(len(out.Decided), maxDecided)]
	p.addRules(ctx, sn.policy, out.Decided)
	return out
}

// maxVersions bounds the versions of the policy that the page lists, maxReloads the reloads that
// they are looked for among.
const maxVersions, maxReloads = 20, 200

// Versions lists the changes of the policy in force, and the reloads that were refused, the latest
// first.
func (p pages) Versions(ctx context.Context) ([]dashboard.PolicyVersion, error) {
	list, _, err := p.server.audit.List(ctx, audit.Query{Actions: []string{actionReload, actionAskedReload}, Limit: maxReloads})
	if err != nil {
		return nil, err
	}
	var out []dashboard.PolicyVersion
	for _, e := range list {
		var before, after revisions
		_ = json.Unmarshal(e.Before, &before) // earlier versions did not keep it
		_ = json.Unmarshal(e.After, &after)
		if e.Outcome == audit.Done && before == after || len(out) == maxVersions {
			continue
		}
		v := dashboard.PolicyVersion{Time: e.Time, From: before.Policy, To: after.Policy, By: e.Object, Fault: e.Detail}
		if e.Action == actionAskedReload {
			v.By = operatorOf(e)
		}
		out = append(out, v)
	}
	return out, nil
}

// operatorOf names who has asked for a change.
func operatorOf(e audit.Entry) string {
	who := "an operator"
	if e.Key != "" {
		who = "key " + e.Key
	}
	if e.User != "" {
		who += " of " + e.User
	}
	if e.Address != "" {
		who += " from " + e.Address
	}
	return who
}

const (
	// maxDecided bounds the parts of decisions that the page lists.
	maxDecided = 100
	// maxExplained bounds the requests whose decisions are explained for their rules.
	maxExplained = 20
)

// addRules adds the rules that the records do not name, from decisions that are explained
// again. A decision that cannot be explained leaves its parts without.
func (p pages) addRules(ctx context.Context, e *policy.Engine, parts []dashboard.Decided) {
	explained := map[string]*llm.Decision{}
	for i := range parts {
		d := &parts[i]
		if d.Rule != "" || d.Kind == activity.Refusal || d.Name == activity.Other {
			continue
		}
		if _, done := explained[d.Last]; !done && len(explained) < maxExplained {
			explained[d.Last] = p.explained(ctx, e, d.Last)
		}
		if v := explained[d.Last]; v != nil {
			d.Rule = v.RuleOf(d.Kind, d.Name)
		}
	}
}

// explained returns the decision about a request with its rules; nil without.
func (p pages) explained(ctx context.Context, e *policy.Engine, id string) *llm.Decision {
	r, err := p.server.ledger.Record(ctx, id)
	if err != nil || r.Decision == nil {
		return nil
	}
	v, err := e.Explain(ctx, *r.Decision)
	if err != nil {
		return nil
	}
	return &v
}

// Modules lists the built-in module and the operator's.
func (p pages) Modules() []dashboard.Module {
	sn := p.server.acquire()
	defer sn.release()
	var out []dashboard.Module
	for _, st := range p.server.moduleStats(sn) {
		m := dashboard.Module{Name: st.Name, Kind: sn.config.KindOf(st.Name), SHA256: st.SHA256, Calls: st.Calls, Faults: st.Faults, Rejections: st.Rejections, Memory: st.Memory, Instances: st.Instances}
		if st.Calls > 0 {
			m.Fuel, m.Time = st.Fuel/st.Calls, st.Time/time.Duration(st.Calls)
		}
		if own := sn.plugins[st.Name].module; own != nil {
			m.Version, m.Disabled = own.Manifest().Version, own.Disabled()
		} else {
			m.Kind, m.Version = "built in", p.server.o.Version
		}
		out = append(out, m)
	}
	return out
}

// WhatIf compares the policy in force with one that has changed files.
func (p pages) WhatIf(ctx context.Context, files map[string]string, since time.Time) (*replay.PolicyReport, error) {
	sn := p.server.acquire()
	source, err := sn.policy.Source().With(files)
	sn.release()
	if err != nil {
		return nil, badFiles(err)
	}
	q := admin.PolicyChange{Files: source.Files, Selection: admin.Selection{Since: since}, Examples: 50}
	report, err := compareFor(ctx, p.server, "penstock policy diff", func(ctx context.Context, l *ledger.Reader) (*replay.PolicyReport, error) {
		return p.server.DiffPolicy(ctx, l, q)
	})
	return report, badFiles(err)
}
