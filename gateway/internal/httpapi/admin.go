package httpapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxSince bounds how far back a report may reach.
const maxSince = 10 * 366 * 24 * time.Hour

// record serves GET /admin/v1/requests/{id}.
func (a *API) record(x *exchange) error {
	rec, err := a.o.Record(x.r.Context(), x.param("id"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, rec)
}

// budgets serves GET /admin/v1/budgets.
func (a *API) budgets(x *exchange) error {
	counts, err := a.o.Budgets(x.r.Context())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, counts)
}

// Correction is the body of POST /admin/v1/budgets: what a counter is to show as used in
// its current window.
type Correction struct {
	Scope  string   `json:"scope"`
	Unit   llm.Unit `json:"unit"`
	Window string   `json:"window"`
	// Used is in US dollars for the unit usd, else a count.
	Used json.Number `json:"used"`
}

// correct serves POST /admin/v1/budgets.
func (a *API) correct(x *exchange) error {
	body, err := x.body()
	if err != nil {
		return err
	}
	var c Correction
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil || c.Scope == "" || c.Unit == "" || c.Window == "" || c.Used == "" {
		return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Err: err,
			Message: `Send a JSON object with the members scope, unit, window and used, as GET /admin/v1/budgets shows them, and no others.`}
	}
	done, err := a.o.Correct(x.r.Context(), c)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, done)
}

// explain serves POST /admin/v1/explain.
func (a *API) explain(x *exchange) error {
	fromHeaders, err := tagsIn(x.r.Header)
	if err != nil {
		return err
	}
	body, err := x.body()
	if err != nil {
		return err
	}
	body, as, err := splitExplanation(body)
	if err != nil {
		return err
	}
	x.who = llm.Principal{} // the operator asks on behalf of somebody else
	req, err := a.requestOf(x, body, fromHeaders)
	if err != nil {
		return err
	}
	rec, err := a.o.Explain(x.r.Context(), req, as)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, rec)
}

// reload serves POST /admin/v1/reload.
func (a *API) reload(x *exchange) error {
	done, err := a.o.Reload(x.r.Context())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, done)
}

// purge serves DELETE /admin/v1/cache.
func (a *API) purge(x *exchange) error {
	what, err := purgeOf(x.r.URL.Query())
	if err != nil {
		return err
	}
	if err := a.o.Purge(x.r.Context(), what); err != nil {
		return err
	}
	return x.json(http.StatusOK, map[string]bool{"purged": true})
}

// purgeOf reads what to purge. A purge of everything must be asked for.
func purgeOf(q url.Values) (Purge, error) {
	var what Purge
	for name, values := range q {
		switch value := values[len(values)-1]; {
		case len(q) > 1 || len(values) > 1 || value == "":
			return what, badQuery(name, errors.New("say one of all=true, model=NAME and namespace=NAME, once"))
		case name == "all" && value == "true":
			what.All = true
		case name == "model":
			what.Model = value
		case name == "namespace":
			what.Namespace = value
		default:
			return what, badQuery(name, errors.New("say one of all=true, model=NAME and namespace=NAME"))
		}
	}
	if what == (Purge{}) {
		return what, badQuery("all", errors.New("say what to forget: all=true, model=NAME or namespace=NAME"))
	}
	return what, nil
}

func (a *API) metrics(x *exchange) error {
	x.leaveBody()
	x.reply.sent = true
	a.o.Metrics.ServeHTTP(x.w, x.r)
	return nil
}

// spend serves GET /admin/v1/spend.
func (a *API) spend(x *exchange) error {
	q := x.r.URL.Query()
	since, err := moment(q.Get("since"), x.received, 24*time.Hour)
	if err != nil {
		return badQuery("since", err)
	}
	until, err := moment(q.Get("until"), x.received, 0)
	if err != nil {
		return badQuery("until", err)
	}
	var by []string
	for name := range strings.SplitSeq(q.Get("by"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			by = append(by, name)
		}
	}
	report, err := a.o.Spend(x.r.Context(), by, since, until)
	if err != nil {
		return err
	}
	switch format := q.Get("format"); format {
	case "", "json":
		return x.json(http.StatusOK, report)
	case "csv":
		return x.csv(report, "spend.csv")
	default:
		return badQuery("format", fmt.Errorf("%s is neither json nor csv", llm.Quote(format)))
	}
}

// csv answers with the rows of a report.
func (x *exchange) csv(report any, name string) error {
	body, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	table, err := rowsAsCSV(body)
	if err != nil {
		return fmt.Errorf("turn report into CSV: %w", err)
	}
	x.w.Header()["Content-Disposition"] = []string{`attachment; filename="` + name + `"`}
	x.send(http.StatusOK, "text/csv; charset=utf-8", table)
	return nil
}

// moment reads a point in time: how long ago ("24h", "7d"), a day, or RFC 3339.
func moment(s string, now time.Time, def time.Duration) (time.Time, error) {
	if s == "" {
		return now.Add(-def), nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= int(maxSince/(24*time.Hour)) {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 && d <= maxSince {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid time %s: write 24h, 7d, 2026-11-22 or 2026-11-22T08:00:00Z", llm.Quote(s))
}

func badQuery(name string, err error) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: name, Message: name + ": " + err.Error() + "."}
}

//go:embed index.html
var indexPage string

// indexTemplate is parsed when the program starts, so a fault in it cannot hide.
var indexTemplate = template.Must(template.New("index").Parse(indexPage))

// index serves GET /: what there is on this listener.
func (a *API) index(x *exchange) error {
	type line struct{ Method, Path, Says string }
	var lines []line
	for _, r := range a.admin {
		lines = append(lines, line{r.method, strings.Replace(r.path, ":id", "{id}", 1), r.says})
	}
	var page bytes.Buffer
	if err := indexTemplate.Execute(&page, lines); err != nil {
		return fmt.Errorf("render index: %w", err)
	}
	x.w.Header()["Content-Security-Policy"] = []string{"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
	x.send(http.StatusOK, "text/html; charset=utf-8", page.Bytes())
	return nil
}
