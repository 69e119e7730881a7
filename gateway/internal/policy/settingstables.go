package policy

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The default rules do not read the settings as they are written, but tables made of them,
// at data.penstock_tables: what the defaults give is resolved, hours are minutes and patterns
// are regular expressions. So a rule looks up the name of a team and finds its limits as they
// are in a decision. In each table the name "" stands for all names without settings.

// tablesRoot is where the tables are in data.
const tablesRoot = "penstock_tables"

type object = map[string]any

// kinds are whose requests settings can be for. The values of tags are one level deeper.
var kinds = []string{"everyone", "keys", "models", "sessions", "tags", "teams", "users"}

// subjects are the tables that have one entry for each name of each kind.
var subjects = []string{"hours", "limits", "models", "names", "output", "raised", "soft"}

// emptyTables returns tables without entries, to which every reference of the default rules
// leads.
func emptyTables() object {
	tables := object{"tag_names": []any{}, "model_patterns": []any{}, "model_teams": object{}, "data_classes": object{},
		"session_required": object{"": false}, "tags_required": object{}}
	for _, name := range subjects {
		byKind := object{}
		for _, kind := range kinds {
			byKind[kind] = object{}
			if name != "names" {
				byKind[kind] = object{"": emptyEntry(name)}
			}
		}
		tables[name] = byKind
	}
	return tables
}

// emptyEntry returns the entry of a name for which nothing is set.
func emptyEntry(subject string) any {
	switch subject {
	case "models":
		return allowedTable(nil)
	case "soft":
		return object{"marks": []any{}}
	}
	return []any{}
}

// tabulator fills tables.
type tabulator struct {
	tables object
	raises []*raise
	// places are where limits are written, by their names, as "teams.yaml:12"; file returns the
	// file of a kind.
	places map[string]string
	file   func(kind string) string
}

// tabulate returns the tables of settings that have been checked, and where their limits are
// written, by the names that they have in a decision.
func (s *settings) tabulate() (tables object, places map[string]string) {
	t := tabulator{emptyTables(), s.limits.Raises, map[string]string{}, s.file}
	t.group([]string{"teams"}, "team", s.teams.Defaults, s.teams.Teams)
	if e := s.limits.Everyone; e != nil {
		t.group([]string{"everyone"}, "everyone", e, nil)
	}
	if k := s.limits.Keys; k != nil {
		t.group([]string{"keys"}, "key", k.Defaults, k.ByName)
	}
	if u := s.limits.Users; u != nil {
		t.group([]string{"users"}, "user", u.Defaults, u.ByName)
	}
	for _, tag := range slices.Sorted(maps.Keys(s.limits.Tags)) {
		v := s.limits.Tags[tag]
		t.tables["tag_names"] = append(t.tables["tag_names"].([]any), tag)
		t.group([]string{"tags", tag}, tag, v.Defaults, v.ByValue)
		if v.Required {
			t.requireTag(tag, v)
		}
	}
	t.sessions(s.limits.Sessions)
	t.models(&s.models)
	return t.tables, t.places
}

// file returns the name of the file that has a kind of settings.
func (s *settings) file(kind string) string {
	switch kind {
	case "teams":
		return s.teamsName
	case "models":
		return s.modelsName
	}
	return s.limitsName
}

func (t *tabulator) requireTag(tag string, v *byValue) {
	names := slices.Sorted(maps.Keys(v.ByValue))
	rule := object{"any_value": v.Defaults != nil || len(names) == 0, "values": setOf(names), "text": strings.Join(names, ", ")}
	t.tables["tags_required"].(object)[tag] = rule
}

func (t *tabulator) sessions(s *sessionSettings) {
	if s == nil {
		return
	}
	if s.Required {
		t.tables["session_required"] = object{"": true}
	}
	teams := make(map[string]*allowance, len(s.ByTeam))
	for team, a := range s.ByTeam {
		teams[team] = a.allowance(s.window())
	}
	t.group([]string{"sessions"}, "session", s.Defaults.allowance(s.window()), teams)
}

func (t *tabulator) models(s *modelSettings) {
	rules := make(map[string]*allowance, len(s.Models))
	var patterns []string
	for name, r := range s.Models {
		rules[name] = r.allowance()
		if strings.Contains(name, "*") {
			patterns = append(patterns, name)
		}
		if full := overlay(s.Defaults, r); full.Teams != nil {
			t.modelTeams(name, full.Teams)
		}
	}
	if s.Defaults != nil && s.Defaults.Teams != nil {
		t.modelTeams("", s.Defaults.Teams)
	}
	slices.SortFunc(patterns, func(a, b string) int { // the longest first
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	list := make([]any, len(patterns))
	for i, p := range patterns {
		list[i] = object{"name": p, "regex": regexOf(p)}
	}
	t.tables["model_patterns"] = list
	t.group([]string{"models"}, "model", s.Defaults.allowance(), rules)
	for name, c := range s.DataClasses {
		rule := object{"targets": regexesOf(c.Targets), "regions": setOf(c.Regions), "any_target": len(c.Targets) == 0, "any_region": len(c.Regions) == 0}
		t.tables["data_classes"].(object)[strings.ToLower(name)] = rule
	}
}

func (t *tabulator) modelTeams(model string, teams []string) {
	t.tables["model_teams"].(object)[model] = object{"names": setOf(teams), "text": strings.Join(teams, ", ")}
}

// group fills the entries of all names of one kind.
func (t *tabulator) group(kind []string, label string, defaults *allowance, names map[string]*allowance) {
	if defaults != nil {
		t.entry(kind, "", label, defaults)
	}
	resolved := make(map[string]*allowance, len(names))
	for name, own := range names {
		resolved[name] = overlay(defaults, own)
	}
	for _, r := range t.raises {
		if at, name := r.whose(); slices.Equal(at, kind) && resolved[name] == nil && defaults != nil && name != "" {
			resolved[name] = defaults
		}
	}
	for name, full := range resolved {
		t.entry(kind, name, label, full)
		t.at(kind, "names")[name] = true
	}
}

// at returns the table of one kind.
func (t *tabulator) at(kind []string, subject string) object {
	table := t.tables[subject].(object)
	for _, name := range kind {
		if table[name] == nil {
			table[name] = object{}
		}
		table = table[name].(object)
	}
	return table
}

// entry fills what the tables have for one name. Entries without content are there as well:
// they keep the defaults away.
func (t *tabulator) entry(kind []string, name, label string, a *allowance) {
	limits, raised := []any{}, []any{}
	for _, q := range a.all() {
		periods := t.periods(kind, name, q)
		for _, p := range periods {
			for _, l := range q.limits(who(label, name), p.add) {
				t.places[l["name"].(string)] = t.file(kind[0]) + ":" + strconv.Itoa(q.row)
				if scope := scopeOf(label, name); scope != "" {
					l["scope"] = scope
				}
				if len(periods) == 1 {
					limits = append(limits, l)
				} else {
					raised = append(raised, object{"from": p.from, "until": p.until, "limit": l})
				}
			}
		}
	}
	hours := []any{}
	for _, h := range a.Hours {
		hours = append(hours, h.table())
	}
	put := func(subject string, v any, empty bool) {
		if table := t.at(kind, subject); !empty || name != "" {
			table[name] = v
		}
	}
	put("limits", limits, len(limits) == 0)
	put("raised", raised, len(raised) == 0)
	put("hours", hours, len(hours) == 0)
	put("models", allowedTable(a.Models), len(a.Models) == 0)
	put("soft", softTable(a), a.PastSoft == nil)
	put("output", outputTable(a.MaxOutputTokens), a.MaxOutputTokens == nil)
}

// who names the subject of a limit.
func who(label, name string) string {
	switch {
	case label == "everyone" || label == "session" && name == "":
		return label
	case label == "session":
		return "session of team " + name
	case name == "":
		return "each " + label
	}
	return label + " " + name
}

// scopeOf returns the scope of the limits of a name, if it is the same for all requests.
func scopeOf(label, name string) string {
	switch {
	case label == "everyone":
		return label
	case name != "" && (label == "team" || label == "user"):
		return label + ":" + name
	}
	return ""
}

func numberOf(i int64) json.Number { return json.Number(strconv.FormatInt(i, 10)) }

// allowedTable returns a list of names and patterns in the form in which names are found.
func allowedTable(names []string) object {
	exact, patterns := object{}, []string{}
	for _, n := range names {
		if strings.Contains(n, "*") {
			patterns = append(patterns, n)
		} else {
			exact[n] = true
		}
	}
	return object{"any": len(names) == 0, "names": exact, "patterns": regexesOf(patterns), "text": strings.Join(names, ", ")}
}

// table returns when a rule refuses, as intervals by weekday.
func (h *hoursRule) table() object {
	closed := object{}
	for d, list := range h.closedOf() {
		var intervals []any
		for _, i := range list {
			intervals = append(intervals, object{"from": numberOf(int64(i.from)), "to": numberOf(int64(i.to))})
		}
		if len(intervals) > 0 {
			closed[time.Weekday(d).String()] = intervals
		}
	}
	text := "open " + strings.Join(h.Open.text, " and ")
	if len(h.Open.text) == 0 {
		text = "closed " + strings.Join(h.Closed.text, " and ")
	}
	return object{"closed": closed, "models": allowedTable(h.Models), "text": text}
}

func setOf(names []string) object {
	out := make(object, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

func regexesOf(patterns []string) []any {
	out := make([]any, len(patterns))
	for i, p := range patterns {
		out[i] = regexOf(p)
	}
	return out
}

// regexOf returns a regular expression for a name in which "*" matches any characters.
func regexOf(pattern string) string {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return "(?s)^" + strings.Join(parts, ".*") + "$"
}
