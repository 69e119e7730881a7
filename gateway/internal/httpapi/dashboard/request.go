package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard/chart"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// requestView is what the page of one request shows.
type requestView struct {
	*llm.Record
	Waterfall template.HTML
	// Ranked are the candidates by rank, then those that were not ranked.
	Ranked []candidateView
	// JSON is the whole record.
	JSON string
}

// candidateView is a target that was considered.
type candidateView struct {
	llm.Considered
	Rank int
	// Scored is the score, and Bar shows it against the best one; empty without a score.
	Scored string
	Bar    template.HTML
}

// request serves GET /requests/{id}.
func (d *Dashboard) request(w http.ResponseWriter, r *http.Request) {
	record, err := d.gateway.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		d.fail(w, r, err)
		return
	}
	if record, err = shownTo(sessionOf(r), record); err != nil {
		d.fail(w, r, err)
		return
	}
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.render(w, r, http.StatusOK, "request.html", "Request", requestView{Record: record, Waterfall: waterfall(record), Ranked: ranked(record), JSON: string(bytes.TrimSpace(text))})
}

// shownTo returns what a session may see of a record: viewers all but the texts of others'
// requests, members their own requests only.
func shownTo(x *session, r *llm.Record) (*llm.Record, error) {
	who := &x.who
	own := who.KeyID != "" && r.KeyID == who.KeyID || who.User != "" && r.User == who.User
	switch {
	case x.admin() || own:
		return r, nil
	case !x.reads():
		return nil, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "The ledger has no request of yours with this id."}
	}
	shown := *r
	shown.RequestText, shown.ReplyText = "", ""
	return &shown, nil
}

// waterfall draws where the time of a request went.
func waterfall(r *llm.Record) template.HTML {
	ms := func(m llm.Millis) float64 { return float64(time.Duration(m)) / 1e6 }
	var spans []chart.Span
	if r.Queued > 0 {
		spans = append(spans, chart.Span{Name: "wait for a turn", Length: ms(r.Queued), Kind: "wait", Detail: chart.Millis(ms(r.Queued))})
	}
	before := r.Duration
	if len(r.Attempts) > 0 {
		before = r.Attempts[0].Start
	}
	spans = append(spans, chart.Span{Name: "key, policy, cache, route", Start: ms(r.Queued), Length: max(ms(before-r.Queued), 0), Kind: "own", Detail: chart.Millis(max(ms(before-r.Queued), 0))})
	for i := range r.Attempts {
		spans = append(spans, attemptSpans(&r.Attempts[i], ms)...)
	}
	if n := len(r.Attempts); n > 0 {
		end := r.Attempts[n-1].Start + r.Attempts[n-1].Duration
		spans = append(spans, chart.Span{Name: "settle", Start: ms(end), Length: max(ms(r.Duration-end), 0), Kind: "own", Detail: chart.Millis(max(ms(r.Duration-end), 0))})
	}
	return chart.Waterfall("where the time of the request went", ms(r.Duration), spans)
}

// attemptSpans are the wait before an attempt, the wait for its first token, and its stream.
func attemptSpans(a *llm.Attempt, ms func(llm.Millis) float64) []chart.Span {
	var spans []chart.Span
	if a.Wait > 0 {
		spans = append(spans, chart.Span{Name: "pause before " + a.Target, Start: ms(a.Start - a.Wait), Length: ms(a.Wait), Kind: "wait", Detail: chart.Millis(ms(a.Wait))})
	}
	kind, detail := "ok", chart.Millis(ms(a.Duration))
	if a.Fault != "" || a.Status >= 400 {
		kind, detail = "failed", fmt.Sprintf("%s, %s %d", detail, a.Fault, a.Status)
	}
	name := fmt.Sprintf("%s, try %d", a.Target, a.Try)
	if a.FirstToken <= 0 || a.FirstToken >= a.Duration {
		return append(spans, chart.Span{Name: name, Start: ms(a.Start), Length: ms(a.Duration), Kind: kind, Detail: detail})
	}
	return append(spans,
		chart.Span{Name: name + ": first token", Start: ms(a.Start), Length: ms(a.FirstToken), Kind: kind, Detail: chart.Millis(ms(a.FirstToken))},
		chart.Span{Name: name + ": stream", Start: ms(a.Start + a.FirstToken), Length: ms(a.Duration - a.FirstToken), Kind: kind + " stream", Detail: chart.Millis(ms(a.Duration - a.FirstToken))})
}

// ranked returns the candidates of a record, the best first, then those that were refused.
func ranked(r *llm.Record) []candidateView {
	best := 0.0
	for i := range r.Candidates {
		if s := r.Candidates[i].Score; s != nil {
			best = max(best, *s)
		}
	}
	var list []candidateView
	seen := map[int]bool{}
	add := func(i, rank int) {
		if i < 0 || i >= len(r.Candidates) || seen[i] {
			return
		}
		seen[i] = true
		c := candidateView{Considered: r.Candidates[i], Rank: rank}
		if c.Score != nil {
			c.Scored = fmt.Sprintf("%.4g", *c.Score)
		}
		if c.Score != nil && best > 0 {
			c.Bar = chart.Share(fmt.Sprintf("score %.4g", *c.Score), *c.Score/best, chart.Color(c.Target))
		}
		list = append(list, c)
	}
	for n, i := range r.ByRank() {
		add(i, n+1)
	}
	for i := range r.Candidates {
		add(i, 0)
	}
	return list
}
