package dashboard

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard/chart"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// SpendQuery is what a page asks of the ledger.
type SpendQuery struct {
	// By are the dimensions to group by: those of the admin API.
	By []string
	// Since and Until bound the time of arrival, Until excluded.
	Since, Until time.Time
	Zone         *time.Location
	// Where keeps only requests whose dimensions have these values.
	Where map[string]string
}

// SpendRow is one group of requests.
type SpendRow struct {
	Values                                          []string
	Requests, Errors, Input, Output, Unpriced, Hits int64
	Cost, EstimatedCost, Saved                      llm.NanoUSD
}

// SpendReport are groups of requests, those of the highest cost where there are too many, and the
// sum of all.
type SpendReport struct {
	Rows  []SpendRow
	Total SpendRow
}

// spendRange is a span of time that the page offers.
type spendRange struct {
	Name, Title string
	days        int
	// step is the dimension of time of the chart.
	step llm.Step
}

func spendRanges() []spendRange {
	return []spendRange{{"24h", "24 hours", 1, llm.StepHour}, {"7d", "7 days", 7, llm.StepDay}, {"30d", "30 days", 30, llm.StepDay}, {"90d", "90 days", 90, llm.StepDay}, {"365d", "a year", 365, llm.StepMonth}}
}

// spendDimensions are those that the page offers; a tag is entered by its name.
func spendDimensions() []string {
	return []string{"model", "provider", "target", "team", "key", "user", "route", "cache", "session"}
}

// spendView is what the page shows.
type spendView struct {
	By, Tag       string
	Range         spendRange
	Ranges        []spendRange
	Dimensions    []string
	Where         []spendFilter
	Chart         template.HTML
	Groups        []spendGroup
	Total, Before SpendRow
	Projected     llm.NanoUSD
	MonthSoFar    llm.NanoUSD
	Query         url.Values
	CSV           string
	MoreGroups    int
	// Burns are what is left of the budgets of the only condition, or of everyone's.
	Burns []burnView
}

// spendFilter is a condition, with the link that removes it.
type spendFilter struct{ Name, Value, Without string }

// spendGroup is a row of the table.
type spendGroup struct {
	Name string
	SpendRow
	Share float64
	Bar   template.HTML
	// Change is the cost against that of the period before, as a share of it; NaN where that
	// was nothing.
	Change float64
	// Link selects the group.
	Link string
}

// maxSpendGroups is how many rows the table has.
const maxSpendGroups = 100

// spend serves GET /spend.
func (d *Dashboard) spend(w http.ResponseWriter, r *http.Request) {
	v, q, err := d.readSpend(r)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	if err := d.fillSpend(r, &v, q); err != nil {
		d.fail(w, r, err)
		return
	}
	d.render(w, r, http.StatusOK, "spend.html", "Spend", v)
}

// readSpend reads the address.
func (d *Dashboard) readSpend(r *http.Request) (v spendView, q SpendQuery, err error) {
	query := r.URL.Query()
	v = spendView{By: cmp.Or(query.Get("by"), "model"), Ranges: spendRanges(), Dimensions: spendDimensions(), Query: query, Range: spendRanges()[1]}
	if name := query.Get("range"); name != "" {
		i := slices.IndexFunc(v.Ranges, func(known spendRange) bool { return known.Name == name })
		if i < 0 {
			return v, q, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "range", Message: fmt.Sprintf("There is no range %s: use 24h, 7d, 30d, 90d or 365d.", llm.Quote(name))}
		}
		v.Range = v.Ranges[i]
	}
	v.Tag, _ = strings.CutPrefix(v.By, "tag:")
	if v.Tag == v.By {
		v.Tag = ""
	}
	if !slices.Contains(v.Dimensions, v.By) && v.Tag == "" {
		return v, q, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Message: fmt.Sprintf("Spend cannot be shown by %s; use %s or tag:NAME.", llm.Quote(v.By), strings.Join(v.Dimensions, ", "))}
	}
	zone := d.zone(r)
	q = SpendQuery{By: []string{v.By, string(v.Range.step)}, Zone: zone, Where: map[string]string{}}
	q.Since, q.Until = v.Range.bounds(d.now().In(zone))
	for name, values := range query {
		if name != "by" && name != "range" && (slices.Contains(v.Dimensions, name) || strings.HasPrefix(name, "tag:")) {
			q.Where[name] = values[0]
			v.Where = append(v.Where, spendFilter{name, values[0], changed(query, name, "")})
		}
	}
	slices.SortFunc(v.Where, func(a, b spendFilter) int { return cmp.Compare(a.Name, b.Name) })
	csv := url.Values{"format": {"csv"}, "by": {v.By + "," + string(v.Range.step)}, "since": {q.Since.Format(time.RFC3339)}, "zone": {zone.String()}}
	for name, value := range q.Where {
		csv.Set(name, value)
	}
	v.CSV = "/spend.csv?" + csv.Encode()
	return v, q, nil
}

// bounds returns the range up to the end of the current hour, day or month.
func (s spendRange) bounds(now time.Time) (since, until time.Time) {
	until = s.step.Next(now)
	switch s.step {
	case llm.StepHour:
		return until.Add(-24 * time.Hour), until
	case llm.StepMonth:
		return until.AddDate(0, -12, 0), until
	}
	return until.AddDate(0, 0, -s.days), until
}

// changed returns an address's query with one parameter changed; an empty value removes it.
func changed(query url.Values, name, value string) string {
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	return "?" + q.Encode()
}

// fillSpend asks the ledger for the period, for the one before, and for the month.
func (d *Dashboard) fillSpend(r *http.Request, v *spendView, q SpendQuery) error {
	report, err := d.gateway.Spend(r.Context(), q)
	if err != nil {
		return err
	}
	length := q.Until.Sub(q.Since)
	alike := q.By[:1]
	if v.By == "session" { // hardly any is in both periods, and finding out takes as long as the page
		alike = nil
	}
	before, err := d.gateway.Spend(r.Context(), SpendQuery{By: alike, Since: q.Since.Add(-length).Truncate(time.Hour), Until: q.Since, Zone: q.Zone, Where: q.Where})
	if err != nil {
		return err
	}
	now := d.now().In(q.Zone)
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, q.Zone)
	soFar, err := d.gateway.Spend(r.Context(), SpendQuery{Since: month, Until: q.Until, Zone: q.Zone, Where: q.Where})
	if err != nil {
		return err
	}
	v.Groups, v.Total, v.Before, v.MonthSoFar = spendGroups(report, before.Rows, v), report.Total, before.Total, soFar.Total.Cost
	v.Projected = projected(v.MonthSoFar, month, now)
	budgets := d.gateway.MoneyBudgets(scopeOf(q.Where))
	v.Chart = d.spendChart(report.Rows, v.Groups, q, v, budgets)
	if v.Burns, err = d.burnDowns(r.Context(), q, budgets, now); err != nil {
		return err
	}
	if more := len(v.Groups) - maxSpendGroups; more > 0 {
		v.Groups, v.MoreGroups = v.Groups[:maxSpendGroups], more
	}
	return nil
}

// projected returns what a month will have cost if it goes on as it has so far.
func projected(soFar llm.NanoUSD, month, now time.Time) llm.NanoUSD {
	gone := now.Sub(month)
	if gone < time.Hour {
		return soFar
	}
	return llm.NanoUSD(float64(soFar) * float64(month.AddDate(0, 1, 0).Sub(month)) / float64(gone))
}

// spendGroups sums up the rows by their first value, the dearest first.
func spendGroups(report SpendReport, before []SpendRow, v *spendView) (groups []spendGroup) {
	rows, total := report.Rows, report.Total
	at := map[string]int{}
	for i := range rows {
		name := rows[i].Values[0]
		if _, ok := at[name]; !ok {
			at[name] = len(groups)
			groups = append(groups, spendGroup{Name: name, Change: math.NaN(), Link: changed(v.Query, v.By, name)})
		}
		groups[at[name]].add(&rows[i])
	}
	old := map[string]llm.NanoUSD{}
	for _, b := range before {
		if len(b.Values) > 0 {
			old[b.Values[0]] = b.Cost
		}
	}
	for i := range groups {
		g := &groups[i]
		if total.Cost > 0 {
			g.Share = float64(g.Cost) / float64(total.Cost)
		}
		if was := old[g.Name]; was > 0 {
			g.Change = float64(g.Cost)/float64(was) - 1
		}
	}
	slices.SortFunc(groups, func(a, b spendGroup) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Name, b.Name))
	})
	drawShares(groups)
	return groups
}

// drawShares draws each group's share of the cost, in its color of the chart.
func drawShares(groups []spendGroup) {
	colors := chart.Colors(shownNames(groups))
	for i := range groups {
		g := &groups[i]
		color, ok := colors[g.Name]
		if !ok {
			color = chart.Most
		}
		g.Bar = chart.Share(formatPercent(g.Share)+" of the cost", g.Share, color)
	}
}

// shownNames are the groups that the chart shows, the others as one.
func shownNames(groups []spendGroup) (names []string) {
	for i, g := range groups {
		if i == chart.Most {
			return append(names, chart.Other)
		}
		names = append(names, g.Name)
	}
	return names
}

func (s *SpendRow) add(o *SpendRow) {
	s.Requests += o.Requests
	s.Errors += o.Errors
	s.Input = llm.Add(s.Input, o.Input)
	s.Output = llm.Add(s.Output, o.Output)
	s.Unpriced += o.Unpriced
	s.Hits += o.Hits
	s.Cost, s.EstimatedCost, s.Saved = llm.Add(s.Cost, o.Cost), llm.Add(s.EstimatedCost, o.EstimatedCost), llm.Add(s.Saved, o.Saved)
}

// spendChart draws the dearest groups over time, all others as one, and the budgets per step.
func (d *Dashboard) spendChart(rows []SpendRow, groups []spendGroup, q SpendQuery, v *spendView, budgets []Count) template.HTML {
	times, place := v.Range.steps(q.Since, q.Until)
	series, order := map[string][]float64{}, shownNames(groups)
	for _, name := range order {
		series[name] = make([]float64, len(times))
	}
	for _, row := range rows {
		values := series[row.Values[0]]
		if values == nil {
			values = series[chart.Other]
		}
		if at, ok := place[row.Values[1]]; ok && values != nil {
			values[at] += float64(row.Cost) / float64(llm.USD)
		}
	}
	p := chart.Plot{Title: "cost by " + v.By + " over time", Times: times, Zone: q.Zone, Format: func(usd float64) string { return formatUSD(llm.NanoUSD(usd * float64(llm.USD))) }, Height: 260}
	for _, name := range order {
		p.Series = append(p.Series, chart.Series{Name: name, Values: series[name]})
	}
	for _, b := range budgets {
		if b.Window == string(v.Range.step) {
			p.Levels = append(p.Levels, chart.Level{Name: "budget a " + b.Window, Value: float64(b.Max) / float64(llm.USD)})
		}
	}
	p.Ahead, p.AheadName = expected(p.Series, times, v.Range.step, d.now()), "at this rate"
	return chart.Area(p)
}

// expected continues the sum of the series to the end of the step that now is in, if it goes on as
// it has in that step; nil where too little of it is over to say.
func expected(series []chart.Series, times []time.Time, step llm.Step, now time.Time) []float64 {
	n := len(times)
	if n < 2 || now.Before(times[n-1]) {
		return nil
	}
	gone := float64(now.Sub(times[n-1])) / float64(step.Next(times[n-1]).Sub(times[n-1]))
	if gone < 0.05 || gone >= 1 {
		return nil
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	out[n-2], out[n-1] = 0, 0
	for _, s := range series {
		out[n-2] += s.Values[n-2]
		out[n-1] += s.Values[n-1] / gone
	}
	return out
}

// scopeOf returns the scope of the limits on what a page is restricted to: everyone without a
// condition, and none for more than one.
func scopeOf(where map[string]string) string {
	if len(where) == 0 {
		return "everyone"
	}
	if len(where) != 1 {
		return ""
	}
	for name, value := range where {
		if tag, ok := strings.CutPrefix(name, "tag:"); ok {
			return "tag:" + tag + "=" + value
		}
		return name + ":" + value
	}
	return ""
}

// spendCSV serves GET /spend.csv, with the query of the admin API's spend.
func (d *Dashboard) spendCSV(w http.ResponseWriter, r *http.Request) {
	table, err := d.gateway.SpendCSV(r.Context(), r.URL.Query())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="spend.csv"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(table) // an error means that the browser is gone
}

// steps returns the times of the chart, and the place of each by the name that the ledger gives
// it.
func (s spendRange) steps(since, until time.Time) (times []time.Time, place map[string]int) {
	place = map[string]int{}
	for at := since; at.Before(until); at = s.step.Next(at) {
		place[s.step.Label(at)] = len(times)
		times = append(times, at)
	}
	return times, place
}
