package dashboard

import (
	"context"
	"encoding/json"
	"html/template"
	"math"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard/chart"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// figure is one number with its row of the last day.
type figure struct {
	Name, Value, Detail string
	Spark               template.HTML
	// Link is the page that tells more.
	Link string
}

// homeView is what the home page shows.
type homeView struct {
	Figures []figure
	Notices []Notice
	Latest  []*llm.Record
	// Missing says why the latest requests cannot be read; empty when they can.
	Missing string
	// Try is a command that sends a request.
	Try string
}

// maxHomeWait is how long the home page waits for the ledger.
const maxHomeWait = 2 * time.Second

// home serves GET /. It needs no ledger: that the ledger is broken is what it is opened for, too.
func (d *Dashboard) home(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), maxHomeWait)
	defer cancel()
	day := d.gateway.Day()
	spend := figure{Name: "Spent today", Value: "–", Detail: "not known while the ledger cannot be read", Link: "/spend"}
	latest, err := d.gateway.Requests(ctx, llm.RecordFilter{Limit: 10})
	if err == nil {
		var spent llm.NanoUSD
		var budget *DayBudget
		if spent, budget, err = d.gateway.SpentToday(ctx, d.zone(r)); err == nil {
			spend = spendFigure(spent, budget, &day)
		}
	}
	missing := ""
	if err != nil { // what is wrong otherwise has to be seen then, too
		missing = llm.AsError(err).Message
		d.log.Warn("read the ledger for the dashboard", "err", err)
	}
	d.render(w, r, http.StatusOK, "home.html", "Home", homeView{
		Missing: missing,
		Figures: []figure{spend, rateFigure(&day, d.now()), errorFigure(&day), latencyFigure(&day)},
		Notices: d.gateway.Attention(r.Context()),
		Latest:  latest,
		Try:     d.tryCommand(),
	})
}

// tryCommand is a command that sends a request to this gateway.
func (d *Dashboard) tryCommand() string {
	model := "MODEL"
	if models := d.gateway.ChatModels(llm.Principal{}); len(models) > 0 {
		model = models[0]
	}
	body, err := json.Marshal(map[string]any{"model": model, "messages": []map[string]string{{"role": "user", "content": "hi"}}})
	if err != nil {
		return ""
	}
	return curlCommand(d.gateway.BaseURL()+"/chat/completions", string(body), !d.gateway.Anonymous())
}

func spendFigure(spent llm.NanoUSD, b *DayBudget, day *Day) figure {
	f := figure{Name: "Spent today", Value: formatUSD(spent), Detail: "no daily budget", Spark: chart.Spark("spend in the last 24 hours", money(day.Cost)), Link: "/spend"}
	if b != nil {
		f.Detail = "fullest budget a day: " + b.Scope + ", " + formatUSD(b.Spent) + " of " + formatUSD(b.Max)
	}
	return f
}

// rateFigure shows the requests a minute of the last whole step and the one that has begun.
func rateFigure(day *Day, now time.Time) figure {
	minutes := day.Step.Minutes()
	rates := make([]float64, len(day.Requests))
	var total int64
	for i, n := range day.Requests {
		rates[i] = float64(n) / minutes
		total += n
	}
	last := 0.0
	if n := len(rates); n > 1 {
		since := now.Sub(day.Starts[n-1]).Minutes()
		last = float64(day.Requests[n-2]+day.Requests[n-1]) / (minutes + min(max(since, 0), minutes))
		rates = rates[:n-1] // a step that has only begun would end the line with a fall
	}
	return figure{Name: "Requests a minute", Value: chartNumber(last), Detail: formatCount(total) + " in 24 h", Spark: chart.Spark("requests a minute in the last 24 hours", rates), Link: "/requests"}
}

func errorFigure(day *Day) figure {
	shares := make([]float64, len(day.Errors))
	var errors, refused, requests int64
	for i, n := range day.Errors {
		shares[i] = math.NaN()
		if day.Requests[i] > 0 {
			shares[i] = float64(n) / float64(day.Requests[i])
		}
		errors += n
		refused += day.Refused[i]
		requests += day.Requests[i]
	}
	share := math.NaN()
	if requests > 0 {
		share = float64(errors) / float64(requests)
	}
	return figure{Name: "Errors", Value: formatPercent(share), Detail: formatCount(errors) + " in 24 h; " + formatCount(refused) + " refused", Spark: chart.Spark("share of errors in the last 24 hours", shares), Link: "/requests?outcome=error"}
}

func latencyFigure(day *Day) figure {
	return figure{Name: "First token, p95", Value: chart.Millis(day.FirstTokenDay), Detail: "over 24 h", Spark: chart.Spark("95th percentile of the first token in the last 24 hours", day.FirstTokenP95), Link: "/health"}
}

// money returns amounts in US dollars.
func money(amounts []llm.NanoUSD) []float64 {
	out := make([]float64, len(amounts))
	for i, n := range amounts {
		out[i] = float64(n) / float64(llm.USD)
	}
	return out
}

// chartNumber writes a rate.
func chartNumber(v float64) string {
	if v >= 100 || v == math.Trunc(v) {
		return formatCount(int64(math.Round(v)))
	}
	return formatCount(int64(v)) + "." + string('0'+byte(int64(v*10)%10))
}
