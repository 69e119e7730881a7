package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
	"github.com/penstock/penstock/gateway/internal/raises"
)

// RaiseList is the reply of GET /admin/v1/raises, the first to end first. Next is the after of the
// next page.
type RaiseList struct {
	Raises []Raise `json:"raises"`
	Next   string  `json:"next,omitempty"`
}

// Raise is a temporary raise of limits: money in US dollars, the rest in counts.
type Raise struct {
	ID       string      `json:"id"`
	Scope    string      `json:"scope"`
	Unit     llm.Unit    `json:"unit"`
	Window   string      `json:"window,omitempty"`
	By       json.Number `json:"by"`
	Created  time.Time   `json:"created"`
	Until    time.Time   `json:"until"`
	Reason   string      `json:"reason,omitempty"`
	Operator string      `json:"operator,omitempty"`
	// Warning says that the raise has no effect, as far as is known.
	Warning string `json:"warning,omitempty"`
}

func raiseOf(r *raises.Raise) Raise {
	return Raise{ID: r.ID, Scope: r.Scope, Unit: r.Unit, Window: r.Window, By: r.Unit.Amount(r.By), Created: r.Created, Until: r.Until, Reason: r.Reason, Operator: r.Operator}
}

// raised returns limits with what raises add to them at a time; zero means now.
func (s *Server) raised(limits []llm.Limit, at time.Time) []llm.Limit {
	return s.raises.Apply(limits, at)
}

// raiseList returns a page of the raises in force.
func (s *Server) raiseList(p admin.Page) (RaiseList, error) {
	list := RaiseList{Raises: []Raise{}}
	after, err := parseRaise(p.After)
	if err != nil {
		return list, err
	}
	page, next := pageOf(s.raises.List(), p.Limit, func(r raises.Raise) bool { return r.Compare(after) > 0 }, func(r raises.Raise) string {
		return afterOf(strconv.FormatInt(r.Until.UnixMilli(), 10), r.ID)
	})
	for _, r := range page {
		list.Raises = append(list.Raises, raiseOf(&r))
	}
	list.Next = next
	return list, nil
}

// parseRaise returns what orders the last raise of a page. The zero raise comes before all.
func parseRaise(after string) (r raises.Raise, err error) {
	names, err := parseAfter(after, 2)
	if names == nil {
		return r, err
	}
	until, err := strconv.ParseInt(names[0], 10, 64)
	if err != nil {
		return r, admin.BadAfter()
	}
	return raises.Raise{ID: names[1], Until: time.UnixMilli(until)}, nil
}

// raise raises limits for an operator. What it is to be raised to depends on the hard limit
// that was met last.
func (s *Server) raise(ctx context.Context, spec admin.RaiseSpec, operator string) (Raise, error) {
	found, err := s.chooseMeter(&spec)
	if err != nil {
		return Raise{}, err
	}
	by, err := s.raiseBy(&spec, found)
	if err != nil {
		return Raise{}, err
	}
	until, err := parseUntil(spec.Until, time.Now().In(s.snapshot.Load().config.TimeZone.Location()))
	if err != nil {
		return Raise{}, invalidAsker("until", "%v", err)
	}
	made, err := s.raises.Add(ctx, raises.Raise{Scope: spec.Scope, Unit: spec.Unit, Window: spec.Window, By: by, Until: until, Reason: spec.Reason, Operator: operator})
	if err != nil {
		return Raise{}, err
	}
	out := raiseOf(&made)
	s.log.Info("limits were raised", "raise", out.ID, "scope", out.Scope, "unit", out.Unit, "window", out.Window, "by", out.By, "until", out.Until, "reason", out.Reason, "operator", operator)
	if found == nil {
		out.Warning = "No limit with this scope, unit and window has been counted in its current window: check them with penstock limits show and penstock budget list."
	}
	return out, nil
}

// chooseMeter fills in the unit and the window that the asker has left out, and returns the
// counter that is meant; nil if nothing is counted.
func (s *Server) chooseMeter(spec *admin.RaiseSpec) (*meter.Count, error) {
	var counts []meter.Count
	for c := range s.meter.All() {
		if c.Scope == spec.Scope && (spec.Unit == "" || c.Unit == spec.Unit) && (spec.Window == "" || c.Window == spec.Window) {
			counts = append(counts, c)
		}
	}
	slices.SortFunc(counts, meter.Count.Compare)
	counts = slices.CompactFunc(counts, func(a, b meter.Count) bool { return a.Compare(b) == 0 }) // see meter.Meter.All
	complete := spec.Unit != "" && (spec.Window != "" || spec.Unit == llm.UnitConcurrent)
	switch {
	case len(counts) == 1:
		spec.Unit, spec.Window = counts[0].Unit, counts[0].Window
		return &counts[0], nil
	case complete:
		return nil, nil
	case len(counts) == 0:
		return nil, invalidAsker("scope", "nothing is counted for %s now, so unit and window must be given", llm.Quote(spec.Scope))
	}
	var names []string
	for _, c := range counts {
		names = append(names, strings.TrimSpace(string(c.Unit)+" "+c.Window))
	}
	return nil, invalidAsker("unit", "%s has several limits (%s): give unit and window", llm.Quote(spec.Scope), strings.Join(names, ", "))
}

// raiseBy returns what is to be added to the maximum.
func (s *Server) raiseBy(spec *admin.RaiseSpec, found *meter.Count) (int64, error) {
	if spec.To == "" {
		by, err := ParseAmount(spec.Unit, spec.By.String())
		if err != nil {
			return 0, invalidAsker("by", "%v", err)
		}
		return by, nil
	}
	to, err := ParseAmount(spec.Unit, spec.To.String())
	switch {
	case err != nil:
		return 0, invalidAsker("to", "%v", err)
	case found == nil || found.Max == 0:
		return 0, invalidAsker("to", "no request has met a hard limit with this scope, unit and window yet, so the maximum to begin with is unknown: say by how much, with by")
	}
	now := llm.Add(found.Max, s.raises.By(spec.Scope, spec.Unit, spec.Window))
	if to <= now {
		return 0, invalidAsker("to", "the maximum is %s already", spec.Unit.Amount(now))
	}
	return to - now, nil
}

// endRaise ends a raise early.
func (s *Server) endRaise(ctx context.Context, id string) (Raise, error) {
	ended, err := s.raises.End(ctx, id)
	if err != nil {
		return Raise{}, err
	}
	s.log.Info("a raise of limits was ended", "raise", id, "scope", ended.Scope, "unit", ended.Unit, "window", ended.Window)
	return raiseOf(&ended), nil
}

// parseUntil reads a time to come: how long from now ("+3d", "12h"), a day, whose first moment
// in now's zone it means, a day with a time, or RFC 3339.
func parseUntil(text string, now time.Time) (time.Time, error) {
	length := strings.TrimPrefix(text, "+")
	if days, ok := strings.CutSuffix(length, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, int(n)), nil
		}
	}
	if d, err := time.ParseDuration(length); err == nil {
		return now.Add(d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid time %s: write +3d, +12h, 2026-12-05 or 2026-12-05T18:00:00Z", llm.Quote(text))
}
