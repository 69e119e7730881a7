package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Redirect is a model or route that settings send requests to.
type Redirect struct {
	// Place is where it is written, as "policies/teams.yaml:4:14".
	Place string
	Name  string
}

// Redirects returns where the settings send requests past a soft limit, sorted by place. The
// policy does not know which models there are.
func (e *Engine) Redirects() []Redirect { return e.program.redirects }

func (s *settings) redirects() (list []Redirect) {
	if s == nil {
		return nil
	}
	add := func(file string, p *pastSoft) {
		if p == nil {
			return
		}
		names := append(slices.Sorted(maps.Values(p.Models)), p.Model, p.Route)
		for _, name := range slices.Compact(names) {
			if name != "" {
				list = append(list, Redirect{fmt.Sprintf("%s:%d:%d", file, p.row, p.col), name})
			}
		}
	}
	each := func(file string, defaults *allowance, names map[string]*allowance) {
		for _, a := range append(slices.Collect(maps.Values(names)), defaults) {
			if a != nil {
				add(file, a.PastSoft)
			}
		}
	}
	each(s.teamsName, s.teams.Defaults, s.teams.Teams)
	each(s.limitsName, s.limits.Everyone, nil)
	for _, n := range []*byName{s.limits.Keys, s.limits.Users} {
		if n != nil {
			each(s.limitsName, n.Defaults, n.ByName)
		}
	}
	for _, v := range s.limits.Tags {
		each(s.limitsName, v.Defaults, v.ByValue)
	}
	if t := s.limits.Sessions; t != nil {
		for _, a := range append(slices.Collect(maps.Values(t.ByTeam)), t.Defaults) {
			if a != nil {
				add(s.limitsName, a.PastSoft)
			}
		}
	}
	for _, r := range append(slices.Collect(maps.Values(s.models.Models)), s.models.Defaults) {
		if r != nil {
			add(s.modelsName, r.PastSoft)
		}
	}
	slices.SortFunc(list, func(a, b Redirect) int { return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Name, b.Name)) })
	return list
}
