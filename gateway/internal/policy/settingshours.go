package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// minutesOfDay is the end of a day, in minutes.
const minutesOfDay = 24 * 60

// span is a time of the day on some weekdays, in minutes since midnight. One that ends
// before it begins ends on the next day.
type span struct {
	days     [7]bool // by time.Weekday
	from, to int
}

// spans is one span or a list of them, with how they are written.
type spans struct {
	list []span
	text []string
}

func (s *spans) read(r *settingsReader, path string, n *yaml.Node) {
	var written texts
	before := len(r.faults)
	if written.read(r, path, n); len(r.faults) > before {
		return
	}
	if len(written) == 0 {
		r.fault(n, path, "write a time such as 22:00-06:00", "is empty")
	}
	for i, text := range written {
		at, node := path, n
		if n.Kind == yaml.SequenceNode {
			at, node = fmt.Sprintf("%s[%d]", path, i), n.Content[i]
		}
		parsed, err := parseSpan(text)
		if err != nil {
			r.fault(node, at, "write it as 22:00-06:00, Sat-Sun or Mon-Fri 08:00-18:00", "%v", err)
			continue
		}
		s.list, s.text = append(s.list, parsed), append(s.text, text)
	}
}

// spanPattern describes a span to editors.
const spanPattern = `^([A-Za-z]{3,9}(-[A-Za-z]{3,9})?(,[A-Za-z]{3,9}(-[A-Za-z]{3,9})?)*)?( ?([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00))?$`

func (s *spans) schema() map[string]any {
	return oneOrMore(map[string]any{"type": "string", "minLength": 1, "pattern": spanPattern,
		"examples": []string{"22:00-06:00", "Sat-Sun", "Mon-Fri 08:00-18:00", "Mon,Wed 09:00-12:00"}})
}

// parseSpan parses "[DAYS] [HH:MM-HH:MM]". DAYS are weekdays and ranges of them, separated by
// commas; without them it is every day, and without a time the whole day.
func parseSpan(text string) (s span, err error) {
	parts := strings.Split(text, " ")
	s.to = minutesOfDay
	days, hours := "", parts[len(parts)-1]
	switch {
	case len(parts) > 2:
		return s, fmt.Errorf("invalid time %q", text)
	case !strings.Contains(hours, ":") && len(parts) == 1:
		days, hours = hours, ""
	case len(parts) == 2:
		days = parts[0]
	}
	if s.days, err = parseDays(days); err != nil || hours == "" {
		return s, err
	}
	from, to, ok := strings.Cut(hours, "-")
	if !ok {
		return s, fmt.Errorf("invalid time %q: no end", hours)
	}
	if s.from, err = parseClock(from); err != nil {
		return s, err
	}
	if s.to, err = parseClock(to); err != nil {
		return s, err
	}
	switch {
	case s.from == s.to:
		return s, fmt.Errorf("invalid time %q: it ends when it begins; the whole day is 00:00-24:00", hours)
	case s.from == minutesOfDay:
		return s, fmt.Errorf("invalid time %q: a day begins at 00:00", hours)
	}
	return s, nil
}

// parseClock parses a time from 00:00 to 24:00.
func parseClock(text string) (int, error) {
	hour, minute, ok := strings.Cut(text, ":")
	h, err := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	if !ok || err != nil || err2 != nil || len(hour) != 2 || len(minute) != 2 || h < 0 || m < 0 || m > 59 || h*60+m > minutesOfDay {
		return 0, fmt.Errorf("invalid time %q: it must be from 00:00 to 24:00", text)
	}
	return h*60 + m, nil
}

func parseDays(text string) (days [7]bool, err error) {
	if text == "" {
		return [7]bool{true, true, true, true, true, true, true}, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := parseDay(first)
		if err != nil {
			return days, err
		}
		to, err := parseDay(last)
		if err != nil {
			return days, err
		}
		for d := from; ; d = (d + 1) % 7 {
			days[d] = true
			if d == to {
				break
			}
		}
	}
	return days, nil
}

// parseDay parses the English name of a weekday, or its first three letters.
func parseDay(text string) (int, error) {
	var names []string
	for d := range 7 {
		name := time.Weekday(d).String()
		if strings.EqualFold(text, name) || strings.EqualFold(text, name[:3]) {
			return d, nil
		}
		names = append(names, name[:3])
	}
	return 0, fmt.Errorf("invalid weekday %q; weekdays are %s", text, strings.Join(append(names[1:], names[0]), ", "))
}

// interval is a part of a day, in minutes; to is not part of it.
type interval struct{ from, to int }

// week is what spans cover, by weekday, sorted and without overlaps.
type week [7][]interval

// weekOf returns what spans cover. What goes across midnight belongs to the next day there.
func weekOf(list []span) (w week) {
	for _, s := range list {
		for d, on := range s.days {
			switch {
			case !on:
			case s.to > s.from:
				w[d] = append(w[d], interval{s.from, s.to})
			default:
				w[d] = append(w[d], interval{s.from, minutesOfDay})
				if next := (d + 1) % 7; s.to > 0 {
					w[next] = append(w[next], interval{0, s.to})
				}
			}
		}
	}
	for d := range w {
		w[d] = joined(w[d])
	}
	return w
}

// joined sorts intervals and joins those that touch.
func joined(list []interval) (out []interval) {
	slices.SortFunc(list, func(a, b interval) int { return a.from - b.from })
	for _, i := range list {
		if last := len(out) - 1; last >= 0 && i.from <= out[last].to {
			out[last].to = max(out[last].to, i.to)
			continue
		}
		out = append(out, i)
	}
	return out
}

// rest returns what a week does not cover.
func (w week) rest() (out week) {
	for d, list := range w {
		at := 0
		for _, i := range list {
			if i.from > at {
				out[d] = append(out[d], interval{at, i.from})
			}
			at = i.to
		}
		if at < minutesOfDay {
			out[d] = append(out[d], interval{at, minutesOfDay})
		}
	}
	return out
}

// closedOf returns when a rule refuses.
func (h *hoursRule) closedOf() week {
	if len(h.Open.list) > 0 {
		return weekOf(h.Open.list).rest()
	}
	return weekOf(h.Closed.list)
}
