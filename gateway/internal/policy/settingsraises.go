package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// whose returns the kind and name whose limit is raised.
func (r *raise) whose() (kind []string, name string) {
	switch {
	case r.Team != "":
		return []string{"teams"}, r.Team
	case r.Key != "":
		return []string{"keys"}, r.Key
	case r.User != "":
		return []string{"users"}, r.User
	case r.Everyone:
		return []string{"everyone"}, ""
	}
	for tag, value := range r.Tag {
		return []string{"tags", tag}, value
	}
	return nil, ""
}

func (r *raise) unit() llm.Unit {
	if r.Unit == "" {
		return llm.UnitUSD
	}
	return llm.Unit(r.Unit)
}

// raises reports whether it is this quota that is raised.
func (r *raise) raises(kind []string, name string, q quota) bool {
	at, whose := r.whose()
	return slices.Equal(at, kind) && whose == name && r.unit() == q.unit && r.Window == q.window
}

// checkRaises reads the amounts of raises and reports those without effect.
func (s *settings) checkRaises(c settingsCheck) {
	for i, r := range s.limits.Raises {
		path := fmt.Sprintf("raises[%d]", i)
		given := 0
		for _, is := range []bool{r.Team != "", r.Key != "", r.User != "", r.Everyone, len(r.Tag) == 1} {
			if is {
				given++
			}
		}
		switch {
		case given != 1 || len(r.Tag) > 1:
			c.fault(r.place, path, "write one of team, key, user, everyone and tag (with one value)", "does not say whose limit is raised")
			continue
		case r.From != "" && r.From > r.Until:
			c.fault(r.place, path, "", "ends on %s, before it begins on %s", r.Until, r.From)
		}
		if !r.readAmount(c, path) {
			continue
		}
		s.checkRaised(c, path, r)
	}
}

func (r *raise) readAmount(c settingsCheck, path string) bool {
	reader := settingsReader{file: c.file}
	var ok bool
	if r.unit() == llm.UnitUSD {
		r.Add.amount, ok = readDollars(&reader, path+".add", r.Add.node)
	} else {
		r.Add.amount, ok = readCount(&reader, path+".add", r.Add.node)
	}
	if ok && r.Add.amount == 0 {
		c.fault(r.Add.place, path+".add", "", "must be more than 0")
	}
	*c.faults = append(*c.faults, reader.faults...)
	return ok
}

// checkRaised reports a raise of a limit that does not exist.
func (s *settings) checkRaised(c settingsCheck, path string, r *raise) {
	kind, name := r.whose()
	full, known := s.resolved(kind, name)
	switch {
	case full == nil && len(known) > 0:
		c.fault(r.place, path, suggestion(name, known), "%s %q has no limits", strings.TrimSuffix(kind[0], "s"), name)
	case full == nil:
		c.fault(r.place, path, "set the limit first", "%s has no limits", strings.Join(kind, " "))
	case !slices.ContainsFunc(full.all(), func(q quota) bool { return r.raises(kind, name, q) }):
		var have []string
		for _, q := range full.all() {
			have = append(have, strings.TrimSpace(string(q.unit)+" "+string(q.window)))
		}
		hint := "it has none"
		if len(have) > 0 {
			hint = "it has " + strings.Join(have, ", ") + " (unit and window)"
		}
		c.fault(r.place, path, hint, "there is no limit of %s to raise", strings.TrimSpace(string(r.unit())+" "+string(r.Window)))
	}
}

// resolved returns what holds for a name, the defaults included; nil if nothing does.
func (s *settings) resolved(kind []string, name string) (*allowance, []string) {
	pick := func(defaults *allowance, names map[string]*allowance) (*allowance, []string) {
		if own := names[name]; own != nil {
			return overlay(defaults, own), nil
		}
		return defaults, slices.Sorted(maps.Keys(names))
	}
	switch kind[0] {
	case "everyone":
		return s.limits.Everyone, nil
	case "teams": // a team that is not listed is a slip more often than not
		if own := s.teams.Teams[name]; own == nil && len(s.teams.Teams) > 0 {
			return nil, slices.Sorted(maps.Keys(s.teams.Teams))
		}
		return pick(s.teams.Defaults, s.teams.Teams)
	case "keys":
		if s.limits.Keys != nil {
			return pick(s.limits.Keys.Defaults, s.limits.Keys.ByName)
		}
	case "users":
		if s.limits.Users != nil {
			return pick(s.limits.Users.Defaults, s.limits.Users.ByName)
		}
	case "tags":
		if v := s.limits.Tags[kind[1]]; v != nil {
			return pick(v.Defaults, v.ByValue)
		}
	}
	return nil, nil
}

// period is a time with one amount of raises. Days are included; they compare as text.
type period struct {
	from, until string
	add         int64
}

const (
	firstDay = "0000-00-00"
	lastDay  = "9999-99-99"
)

// periods returns the times with different raises of a quota, in order and without gaps; one
// if nothing raises it.
func (t *tabulator) periods(kind []string, name string, q quota) (list []period) {
	var raises []*raise
	begins := []string{firstDay}
	for _, r := range t.raises {
		if !r.raises(kind, name, q) {
			continue
		}
		raises = append(raises, r)
		if r.From != "" {
			begins = append(begins, string(r.From))
		}
		begins = append(begins, dayAfter(string(r.Until)))
	}
	slices.Sort(begins)
	begins = slices.Compact(begins)
	for i, from := range begins {
		p := period{from: from, until: lastDay}
		if i+1 < len(begins) {
			p.until = dayBefore(begins[i+1])
		}
		for _, r := range raises {
			if string(r.From) <= from && string(r.Until) >= from {
				p.add += r.Add.amount
			}
		}
		list = append(list, p)
	}
	return list
}

func dayAfter(day string) string  { return shifted(day, 1) }
func dayBefore(day string) string { return shifted(day, -1) }

func shifted(day string, days int) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil { // the reader has checked it
		return day
	}
	return t.AddDate(0, 0, days).Format(time.DateOnly)
}
