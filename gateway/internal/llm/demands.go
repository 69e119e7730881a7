package llm

import (
	"slices"
	"strings"
)

// The tags by which keys and callers say what a request demands.
const (
	DataClassTag = "data_class"
	RegionTag    = "region"
)

// Demands are what a request asks of every target that it is sent to. Names are compared
// without regard to case.
type Demands struct {
	// Classes are the classes of data in the request: a target must admit all of them.
	Classes []string
	// Regions are where the request may be answered; nil means anywhere, and an empty list
	// nowhere.
	Regions []string
}

// Refuses says why a target does not meet the demands; empty when it does. A target meets
// none that nothing is known of: one without data classes admits none, and one without a
// region is nowhere.
func (d *Demands) Refuses(t *Target) string {
	for _, class := range d.Classes {
		if !containsFold(t.Data, class) {
			return "may not get data of class " + class
		}
	}
	switch {
	case d.Regions == nil || t.Region != "" && containsFold(d.Regions, t.Region):
		return ""
	case len(d.Regions) == 0:
		return "the request may be answered in no region"
	case t.Region == "":
		return "is in no known region, the request must stay in " + anyOf(d.Regions)
	}
	return "is in " + t.Region + ", the request must stay in " + anyOf(d.Regions)
}

// And returns the demands of both. Neither is changed.
func (d Demands) And(more Demands) Demands {
	return Demands{Classes: union(d.Classes, more.Classes), Regions: commonRegions(d.Regions, more.Regions)}
}

// commonRegions returns the regions that both lists allow.
func commonRegions(a, b []string) []string {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return slices.DeleteFunc(append([]string{}, a...), func(region string) bool { return !containsFold(b, region) })
}

func containsFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

// anyOf joins names as alternatives.
func anyOf(names []string) string { return strings.Join(names, " or ") }
