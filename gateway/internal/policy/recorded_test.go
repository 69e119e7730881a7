package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// An input that a policy has read as a whole comes back as it was, with its usage.
func TestRecallReturnsWholeInputs(t *testing.T) {
	limits := []llm.Limit{{Name: "n", Scope: "all", Unit: llm.UnitConcurrent, Max: 4}, {Name: "d", Scope: "team:search", Unit: llm.UnitUSD, Window: "day", Max: 10}}
	for _, s := range samples() {
		form := string(wholeInput(s.input, limits, []int{25, 80}))
		req := s.input.Request
		r := &llm.Record{Time: s.input.Now.AddDate(0, 0, 1), Endpoint: req.Endpoint, Dialect: req.Dialect, Model: req.Facts.Model, Stream: req.Facts.Stream, Tags: req.Tags,
			KeyID: req.Principal.KeyID, KeyName: req.Principal.Name, Team: req.Principal.Team, Route: s.input.Route,
			Decision: &llm.Decision{Allow: true, Limits: limits, Input: keptInput(value(form))}}
		c, err := recall(r, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.in.Now = c.in.Now.In(s.input.Now.Location())
		got := string(wholeInput(c.in, c.limits, c.percent(c.limits)))
		if d := cmp.Diff(value(form).String(), value(got).String()); d != "" || form != got {
			t.Errorf("%s (-want +got):\n%s", s.name, d)
		}
	}
}
