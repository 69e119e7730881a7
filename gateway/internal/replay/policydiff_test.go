package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func allow(change func(*llm.Decision)) *llm.Decision {
	d := &llm.Decision{Allow: true}
	if change != nil {
		change(d)
	}
	return d
}

func deny(code, rule string) *llm.Decision {
	return &llm.Decision{Reasons: []llm.Reason{{Code: code, Message: "m", Rule: rule}}}
}

// limited is a decision with one limit of so many requests a day.
func limited(max int64) *llm.Decision {
	return allow(func(d *llm.Decision) {
		d.Limits = []llm.Limit{{Name: "n", Scope: "all", Unit: llm.UnitRequests, Window: "day", Max: max}}
		d.Rules = []llm.RuleOf{{Part: llm.PartLimit, Name: "n", Rule: "p.rego:3"}}
	})
}

func obliged(o llm.Obligations) *llm.Decision {
	return allow(func(d *llm.Decision) { d.Obligations = o })
}

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		before, after *llm.Decision
		want          string
	}{
		{allow(nil), allow(func(d *llm.Decision) { d.Revision, d.Memoised, d.Input = "later", true, json.RawMessage("{}") }), ""},
		{allow(nil), deny("c", "p.rego:1"), "denied c p.rego:1; "},
		{deny("c", "p.rego:1"), allow(nil), "allowed c p.rego:1; "},
		{deny("c", "p.rego:1"), deny("c", "p.rego:9"), ""},
		{deny("c", "p.rego:1"), deny("d", "p.rego:2"), "reasons d p.rego:2; "},
		{allow(nil), limited(1), "limit added n p.rego:3; "},
		{limited(1), limited(2), "limit changed n p.rego:3; "},
		{limited(1), limited(1), ""},
		{limited(1), allow(nil), "limit removed n p.rego:3; "},
		{allow(nil), allow(func(d *llm.Decision) { d.Warnings = []string{"w"} }), "warning added  ; "},
		{allow(func(d *llm.Decision) { d.Warnings = []string{"w"} }), allow(nil), "warning removed  ; "},
		{allow(nil), obliged(llm.Obligations{MaxOutputTokens: 1, AllowTargets: []string{"a"}, DenyTargets: []string{"b"}, DataClasses: []string{"c"},
			Regions: []string{"eu"}, Route: "r", Model: "m", Cache: llm.CacheObligation{Mode: "bypass"}, Tags: map[string]string{"a": "b"},
			Headers: map[string]string{"a": "b"}, Log: "full"}),
			"allow_targets  ; cache  ; data_classes  ; deny_targets  ; headers  ; log  ; max_output_tokens  ; model  ; regions  ; route  ; tags  ; "},
	} {
		got := ""
		for _, x := range Changes(c.before, c.after) {
			got += fmt.Sprintf("%s %s %s; ", x.What, x.Name, x.Rule)
		}
		if got != c.want {
			t.Errorf("Changes(%+v, %+v) = %q, want %q", c.before, c.after, got, c.want)
		}
	}
}

// priced is an answered request of team search that cost 2 USD.
func priced(change func(*llm.Record)) *llm.Record {
	r := &llm.Record{ID: "req_1", Team: "search", KeyID: "k", Model: "m", Target: "p/a", Usage: llm.Usage{Input: 1_000_000, Output: 100},
		Price: llm.Price{Known: true, Input: 2 * llm.USD}, Cost: 2 * llm.USD}
	if change != nil {
		change(r)
	}
	return r
}

func TestPolicyDiff(t *testing.T) {
	route := []*llm.Target{{ID: "p/a", Price: llm.Price{Known: true, Input: 2 * llm.USD}}, {ID: "p/b", Price: llm.Price{Known: true, Input: llm.USD / 2}}, {ID: "p/c"}}
	d := DiffPolicy("rev", nil)
	explained := 0
	add := func(r *llm.Record, before, after *llm.Decision) {
		t.Helper()
		if err := d.Add(r, before, after, route, 2, func() error { explained++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	unpriced := func(r *llm.Record) { r.Price.Known = false }
	add(priced(nil), allow(nil), allow(nil))
	add(priced(nil), allow(nil), deny("c", "p.rego:1"))
	add(priced(unpriced), allow(nil), deny("c", "p.rego:1"))
	add(priced(nil), deny("c", ""), allow(nil))
	add(priced(nil), allow(nil), obliged(llm.Obligations{DenyTargets: []string{"p/a"}}))
	add(priced(nil), allow(nil), obliged(llm.Obligations{AllowTargets: []string{"p/c"}}))
	add(priced(nil), allow(nil), obliged(llm.Obligations{AllowTargets: []string{"gone/*"}}))
	add(priced(nil), allow(nil), obliged(llm.Obligations{AllowTargets: []string{"p/*"}}))
	d.Skip("too old")
	got := d.Report()
	want := &PolicyReport{Revision: "rev", Records: 9, Compared: 8, Different: 7, Skipped: []Skip{{"too old", 1}}, Denied: 3, Allowed: 1, Changed: 3,
		DeniedCost: 4 * llm.USD, DeniedUnpriced: 1, Repriced: Repriced{Requests: 2, Unpriced: 1, Before: 2 * llm.USD, After: llm.USD / 2},
		Changes: []ChangeCount{{"allow_targets", "", "", 2, 4 * llm.USD}, {"denied", "c", "p.rego:1", 2, 2 * llm.USD},
			{"allowed", "c", "", 1, 2 * llm.USD}, {"denied", string(llm.CodeNoTarget), "", 1, 2 * llm.USD}, {"deny_targets", "", "", 1, 2 * llm.USD}},
		Groups: []Group{{"key", "k", 3, 1, 3, 12 * llm.USD}, {"model", "m", 3, 1, 3, 12 * llm.USD}, {"team", "search", 3, 1, 3, 12 * llm.USD}}}
	examples := len(got.Examples)
	got.Examples = nil
	if diff := cmp.Diff(want, got); diff != "" || examples != 2 || explained != 7 {
		t.Errorf("%d examples, %d explained (-want +got):\n%s", examples, explained, diff)
	}
	broken := errors.New("out of time")
	if err := d.Add(priced(nil), allow(nil), deny("c", ""), route, 2, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("an error of explain: %v", err)
	}
}

// Less output costs less.
func TestPolicyDiffCuts(t *testing.T) {
	d := DiffPolicy("rev", nil)
	r := priced(func(r *llm.Record) { r.Price.Output, r.Cost = 1000*llm.USD, r.Cost+llm.USD/10 })
	if err := d.Add(r, allow(nil), obliged(llm.Obligations{MaxOutputTokens: 10}), []*llm.Target{{ID: "p/a"}}, 0, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := d.Report(); got.Repriced != (Repriced{1, 0, 2*llm.USD + llm.USD/10, 2*llm.USD + llm.USD/100}) || len(got.Examples) != 0 {
		t.Errorf("%+v", got)
	}
}

// However many keys, teams and rules there are, their number is bounded.
func TestPolicyDiffIsBounded(t *testing.T) {
	d := DiffPolicy("rev", nil)
	for i := range 2 * maxTargets {
		name := fmt.Sprint(i)
		r := priced(func(r *llm.Record) { r.KeyID, r.Team, r.Model = name, name, name })
		if err := d.Add(r, allow(nil), deny(name, name), nil, 10, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	got := d.Report()
	if len(got.Groups) > maxTargets+3 || len(got.Changes) != maxTargets+1 || len(got.Examples) != 10 || got.Different != 2*maxTargets {
		t.Errorf("%d groups, %d changes, %d examples", len(got.Groups), len(got.Changes), len(got.Examples))
	}
}
