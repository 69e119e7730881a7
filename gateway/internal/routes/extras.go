package routes

import (
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// extraTargets returns the targets that a route asks besides those that answer its requests.
func extraTargets(route *llm.Route) (targets []*llm.Target) {
	if t := route.Escalate.Score.Target; t != nil {
		targets = append(targets, t)
	}
	if c := route.Classify; c != nil && c.Target != nil {
		targets = append(targets, c.Target)
	}
	if m := route.Mirror; m != nil && m.Target != nil {
		targets = append(targets, m.Target)
	}
	return targets
}

// extras sets what a route does with requests besides sending them to its targets: it checks
// answers, labels requests and copies some.
func (r *Routes) extras(route *llm.Route, star string, m *config.Model) {
	route.Escalate = m.Escalation()
	if e := m.Escalate; e != nil && e.SelfScore != nil && e.SelfScore.Target != nil {
		route.Escalate.Score.Target = r.target(*e.SelfScore.Target, star, false)
	}
	if c := m.Classify; c != nil {
		route.Classify = &llm.Classify{URL: c.URL, Key: c.APIKey.Reveal, Labels: c.Labels, Timeout: c.Timeout}
		if c.Target != nil {
			route.Classify.Target = r.target(*c.Target, star, false)
		}
	}
	if c := m.Mirror; c != nil {
		route.Mirror = &llm.Mirror{Use: c.Use, Share: float64(c.Share), MaxInflight: c.MaxInflight, Timeout: c.Timeout}
		if c.Target != nil {
			route.Mirror.Target = r.target(*c.Target, star, false)
		}
	}
}
