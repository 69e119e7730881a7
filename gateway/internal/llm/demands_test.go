package llm

import (
	"slices"
	"testing"
)

// TestDemandsRefuseWhatIsUnknown wants targets refused that lack a class or a region, or of
// which none is known, and says why.
func TestDemandsRefuseWhatIsUnknown(t *testing.T) {
	eu := &Target{Region: "eu", Data: []string{"public", "Internal"}}
	for _, c := range []struct {
		demands Demands
		target  *Target
		want    string
	}{
		{Demands{}, &Target{}, ""},
		{Demands{Classes: []string{"public"}}, eu, ""},
		{Demands{Classes: []string{"internal", "PUBLIC"}, Regions: []string{"us", "EU"}}, eu, ""},
		{Demands{Classes: []string{"public", "secret"}}, eu, "may not get data of class secret"},
		{Demands{Classes: []string{"public"}}, &Target{}, "may not get data of class public"},
		{Demands{Regions: []string{"us", "ch"}}, eu, "is in eu, the request must stay in us or ch"},
		{Demands{Regions: []string{"eu"}}, &Target{}, "is in no known region, the request must stay in eu"},
		{Demands{Regions: []string{"eu"}}, &Target{Region: "eu-west-2"}, "is in eu-west-2, the request must stay in eu"},
		{Demands{Regions: []string{""}}, &Target{}, "is in no known region, the request must stay in "},
		{Demands{Regions: []string{}}, eu, "the request may be answered in no region"},
	} {
		if got := c.demands.Refuses(c.target); got != c.want {
			t.Errorf("%+v refuses %+v for %q, want %q", c.demands, c.target, got, c.want)
		}
	}
}

// TestDecisionsDemandTogether wants the classes of both decisions, and only regions that both
// allow.
func TestDecisionsDemandTogether(t *testing.T) {
	of := func(classes, regions []string) Decision {
		return Decision{Allow: true, Obligations: Obligations{DataClasses: classes, Regions: regions}}
	}
	for _, c := range []struct{ a, b, want []string }{
		{nil, nil, nil},
		{[]string{"eu"}, nil, []string{"eu"}},
		{nil, []string{"eu"}, []string{"eu"}},
		{[]string{"eu", "ch"}, []string{"EU", "us"}, []string{"eu"}},
		{[]string{"eu"}, []string{"us"}, []string{}},
	} {
		both := of([]string{"x"}, c.a).And(of([]string{"y", "x"}, c.b)).Obligations
		if !slices.Equal(both.Regions, c.want) || (both.Regions == nil) != (c.want == nil) {
			t.Errorf("regions %v and %v are %v, want %v", c.a, c.b, both.Regions, c.want)
		}
		if !slices.Equal(both.DataClasses, []string{"x", "y"}) {
			t.Errorf("data classes are %v", both.DataClasses)
		}
	}
}
