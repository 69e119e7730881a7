package dashboard

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard/chart"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// burnView is what is left of a budget over its window.
type burnView struct {
	Title string
	Chart template.HTML
	// Says is how it goes on, in a sentence.
	Says string
}

const (
	// maxBurns bounds the budgets that a page draws.
	maxBurns = 3
	// minBurn is the length of the shortest window that is drawn.
	minBurn = 12 * time.Hour
)

// burnDowns draws what is left of the budgets of a query's only condition.
func (d *Dashboard) burnDowns(ctx context.Context, q SpendQuery, budgets []Count, now time.Time) (list []burnView, err error) {
	for _, c := range budgets {
		if c.Starts.IsZero() || c.Resets.Sub(c.Starts) < minBurn || !now.Before(c.Resets) || len(list) == maxBurns {
			continue
		}
		b, err := d.burnDown(ctx, q, &c, now)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

func (d *Dashboard) burnDown(ctx context.Context, q SpendQuery, c *Count, now time.Time) (burnView, error) {
	step := burnStep(c.Resets.Sub(c.Starts))
	report, err := d.gateway.Spend(ctx, SpendQuery{By: []string{string(step)}, Since: c.Starts, Until: c.Resets, Zone: q.Zone, Where: q.Where})
	if err != nil {
		return burnView{}, err
	}
	cost := map[string]llm.NanoUSD{}
	for _, r := range report.Rows {
		cost[r.Values[0]] = llm.Add(cost[r.Values[0]], r.Cost)
	}
	usd := func(n int64) float64 { return float64(max(n, 0)) / float64(llm.USD) }
	p := chart.Plot{Title: "what is left of the budget of " + c.Scope + " per " + c.Window, Zone: q.Zone, Height: 180, AheadName: "at this rate",
		Format: func(v float64) string { return formatUSD(llm.NanoUSD(v * float64(llm.USD))) }}
	pace, left := paceOf(c, now), c.Max
	series := chart.Series{Name: "left"}
	for at := c.Starts.In(q.Zone); ; at = step.Next(at) {
		at = earlier(at, c.Resets.In(q.Zone))
		next := step.Next(at)
		value, ahead := math.NaN(), math.NaN()
		switch {
		case at.After(now):
			ahead = usd(c.Max - c.Used - int64(pace.PerHour*at.Sub(now).Hours()))
		case next.After(now): // what has been counted, which an operator may have corrected
			value, ahead = usd(c.Max-c.Used), usd(c.Max-c.Used)
		default:
			value = usd(left)
		}
		if !pace.Known {
			ahead = math.NaN()
		}
		left -= int64(cost[step.Label(at)])
		p.Times, series.Values, p.Ahead = append(p.Times, at), append(series.Values, value), append(p.Ahead, ahead)
		if !at.Before(c.Resets) {
			break
		}
	}
	p.Series = []chart.Series{series}
	return burnView{Title: "Left of " + formatUSD(llm.NanoUSD(c.Max)) + " a " + c.Window + " for " + c.Scope, Chart: chart.Lines(p), Says: burnSays(c, pace, q.Zone)}, nil
}

// burnStep returns the step in which a window of a length is drawn.
func burnStep(length time.Duration) llm.Step {
	const day = 24 * time.Hour
	switch {
	case length <= 3*day:
		return llm.StepHour
	case length <= 95*day:
		return llm.StepDay
	}
	return llm.StepWeek
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// burnSays says how a budget goes on.
func burnSays(c *Count, p pace, zone *time.Location) string {
	const layout = "2 Jan 15:04"
	resets := c.Resets.In(zone).Format(layout)
	switch {
	case c.Used >= c.Max:
		return "It is used up until it resets on " + resets + "."
	case !p.Known:
		return "Its window has only begun; it resets on " + resets + "."
	case !p.Full.IsZero():
		return fmt.Sprintf("At this rate it is used up on %s, before it resets on %s.", p.Full.In(zone).Format(layout), resets)
	}
	return fmt.Sprintf("At this rate %s of it is left when it resets on %s.", formatUSD(llm.NanoUSD(float64(c.Max)*(1-p.Share))), resets)
}
