package policy

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// loadSettings reads the settings files among the texts. It returns nil if there are none.
func loadSettings(texts []text) (*settings, Faults) {
	var s settings
	var faults Faults
	found := false
	for _, t := range texts {
		if !isSettings(t.path) {
			continue
		}
		found = true
		switch t.path {
		case teamsFile:
			faults = append(faults, readSettings(t, &s.teams)...)
			s.teamsName = t.name
		case limitsFile:
			faults = append(faults, readSettings(t, &s.limits)...)
			s.limitsName = t.name
		case modelsFile:
			faults = append(faults, readSettings(t, &s.models)...)
			s.modelsName = t.name
		}
	}
	if !found || len(faults) > 0 {
		return nil, faults
	}
	s.check(&faults)
	return &s, faults
}

// settingsCheck collects faults of one file.
type settingsCheck struct {
	file   string
	faults *Faults
}

func (c settingsCheck) fault(p place, path, hint, format string, args ...any) {
	*c.faults = append(*c.faults, Fault{File: c.file, Row: p.row, Col: p.col, Message: path + ": " + fmt.Sprintf(format, args...), Hint: hint})
}

// check finds what the form alone does not show.
func (s *settings) check(faults *Faults) {
	t := settingsCheck{s.teamsName, faults}
	t.group("defaults", "teams", s.teams.Defaults, s.teams.Teams)

	l := settingsCheck{s.limitsName, faults}
	if s.limits.Everyone != nil {
		l.group("", "everyone", nil, map[string]*allowance{"": s.limits.Everyone})
	}
	for name, n := range map[string]*byName{"keys": s.limits.Keys, "users": s.limits.Users} {
		if n != nil {
			l.group(name+".defaults", name+".by_name", n.Defaults, n.ByName)
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(s.limits.Tags)) {
		v := s.limits.Tags[tag]
		l.group("tags."+tag+".defaults", "tags."+tag+".by_value", v.Defaults, v.ByValue)
	}
	s.checkSessions(l)
	s.checkRaises(l)

	m := settingsCheck{s.modelsName, faults}
	rules := make(map[string]*allowance, len(s.models.Models))
	for name, r := range s.models.Models {
		rules[name] = r.allowance()
		s.knownTeams(m, "models."+name+".teams", r.place, r.Teams)
	}
	m.group("defaults", "models", s.models.Defaults.allowance(), rules)
	m.noModels("defaults", s.models.Defaults)
	for _, name := range slices.Sorted(maps.Keys(s.models.Models)) {
		m.noModels("models."+name, s.models.Models[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.models.DataClasses)) {
		if c := s.models.DataClasses[name]; len(c.Targets)+len(c.Regions) == 0 {
			m.fault(c.place, "data_classes."+name, "name the targets or regions that may get such data", "has neither targets nor regions")
		}
	}
}

// noModels reports hours in models.yaml that name models.
func (c settingsCheck) noModels(path string, r *modelRules) {
	if r == nil {
		return
	}
	for i, h := range r.Hours {
		if h.Models != nil {
			c.fault(h.place, fmt.Sprintf("%s.hours[%d].models", path, i), "remove it", "the hours here are those of this model")
		}
	}
}

// knownTeams reports teams that teams.yaml does not have, if it lists any.
func (s *settings) knownTeams(c settingsCheck, path string, at place, teams []string) {
	for _, name := range teams {
		if _, ok := s.teams.Teams[name]; !ok && len(s.teams.Teams) > 0 {
			c.fault(at, path, unknownTeamHint(name, s.teams.Teams), "there is no team %q in %s", name, teamsFile)
		}
	}
}

func unknownTeamHint(name string, teams map[string]*allowance) string {
	if near := nearest(name, slices.Sorted(maps.Keys(teams))); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return fmt.Sprintf("add it to teams in %s, or correct the name", teamsFile)
}

// group checks allowances of one kind: the defaults and those by name.
func (c settingsCheck) group(defaultsPath, path string, defaults *allowance, names map[string]*allowance) {
	c.allowance(defaultsPath, defaults, defaults)
	soft := defaults.hasSoft()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		full := overlay(defaults, names[name])
		c.allowance(join(path, name), names[name], full)
		soft = soft || full.hasSoft()
		if own := names[name]; own.PastSoft != nil && !full.hasSoft() {
			c.pastSoftIdle(join(path, name), own.PastSoft)
		}
	}
	if defaults != nil && defaults.PastSoft != nil && !soft {
		c.pastSoftIdle(defaultsPath, defaults.PastSoft)
	}
}

func (c settingsCheck) pastSoftIdle(path string, p *pastSoft) {
	c.fault(p.place, join(path, "past_soft"), "give a limit a soft part, such as budget: {month: {hard: 500, soft: 80%}}", "has no effect: there is no soft limit")
}

// allowance checks what a file has for one name, of which full is with the defaults.
func (c settingsCheck) allowance(path string, a, full *allowance) {
	if a == nil {
		return
	}
	for i, h := range a.Hours {
		at := fmt.Sprintf("%s[%d]", join(path, "hours"), i)
		switch {
		case len(h.Open.list) > 0 && len(h.Closed.list) > 0:
			c.fault(h.place, at, "write two entries", "has both open and closed")
		case len(h.Open.list)+len(h.Closed.list) == 0:
			c.fault(h.place, at, "add open or closed, such as closed: 22:00-06:00", "has neither open nor closed")
		case h.Models != nil && len(h.Models) == 0:
			c.fault(h.place, at+".models", "name models, or leave it out for all", "is empty")
		}
	}
	c.pastSoft(path, a.PastSoft)
	c.twice(path, "rpm", "requests", a.RPM, full.RPM, full.Requests)
	c.twice(path, "tpm", "tokens", a.TPM, full.TPM, full.Tokens)
	if a.Concurrent != nil && a.Concurrent.hasHard && a.Concurrent.hard == 0 {
		c.fault(a.Concurrent.place, join(path, "concurrent"), "", "must be at least 1")
	}
}

// twice reports a limit that two members define.
func (c settingsCheck) twice(path, short, long string, own, full *count, by map[window]*count) {
	if other := by["1m"]; full != nil && other != nil {
		at := other.place
		if own != nil {
			at = own.place
		}
		c.fault(at, join(path, short), "delete one of the two", "is %s: {1m: …}, which is given as well in row %d", long, other.row)
	}
}

func (c settingsCheck) pastSoft(path string, p *pastSoft) {
	if p == nil {
		return
	}
	given := 0
	for _, is := range []bool{p.Model != "", p.Models != nil, p.Route != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		c.fault(p.place, join(path, "past_soft"), "write one of model, models and route", "has %d members", given)
	}
	for _, from := range slices.Sorted(maps.Keys(p.Models)) {
		if p.Models[from] == from {
			c.fault(p.place, join(path, "past_soft.models."+from), "name another model, or remove the line", "a model can't replace itself")
		}
	}
}

func (s *settings) checkSessions(c settingsCheck) {
	sessions := s.limits.Sessions
	if sessions == nil {
		return
	}
	s.knownTeams(c, "sessions.by_team", sessions.place, slices.Sorted(maps.Keys(sessions.ByTeam)))
	names := make(map[string]*allowance, len(sessions.ByTeam))
	for team, a := range sessions.ByTeam {
		names[team] = a.allowance(sessions.window())
	}
	c.group("sessions.defaults", "sessions.by_team", sessions.Defaults.allowance(sessions.window()), names)
}

// sessionWindow is how long the use of a session counts if nothing else is said.
const sessionWindow = "168h"

func (s *sessionSettings) window() window {
	if s.Window == "" {
		return sessionWindow
	}
	return s.Window
}

// allowance returns the same for requests of a session.
func (a *sessionAllowance) allowance(w window) *allowance {
	if a == nil {
		return nil
	}
	out := &allowance{PastSoft: a.PastSoft, place: a.place}
	if a.Budget != nil {
		out.Budget = map[window]*dollars{w: a.Budget}
	}
	if a.Turns != nil {
		out.Requests = map[window]*count{w: a.Turns}
	}
	if a.Tokens != nil {
		out.Tokens = map[window]*count{w: a.Tokens}
	}
	out.Concurrent = a.Concurrent
	return out
}

// allowance returns what of the rules of a model is that of others as well.
func (r *modelRules) allowance() *allowance {
	if r == nil {
		return nil
	}
	return &allowance{quotas: r.quotas, Hours: r.Hours, MaxOutputTokens: r.MaxOutputTokens, PastSoft: r.PastSoft, place: r.place}
}

// overlay returns own with the members of the defaults that it lacks.
func overlay[T any](defaults, own *T) *T {
	if defaults == nil {
		return own
	}
	out := *own
	v, usual := reflect.ValueOf(&out).Elem(), reflect.ValueOf(defaults).Elem()
	for _, f := range membersOf(v.Type()) {
		if v.FieldByIndex(f.Index).IsZero() {
			v.FieldByIndex(f.Index).Set(usual.FieldByIndex(f.Index))
		}
	}
	return &out
}
