package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard/chart"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
)

// requestView is what the page of one request shows.
type requestView struct {
	*llm.Record
	Waterfall template.HTML
	// Ranked are the candidates by rank, then those that were not ranked.
	Ranked []candidateView
	// JSON is the whole record.
	JSON string
	// Decided is the decision with its rules, Obligations what it obliges to; nil for none.
	Decided     *llm.Decision
	Obligations []obligation
	// Prices are those that the cost is by.
	Prices []price
	// Curl sends the request again; empty when its text is not kept, or not shown to the user.
	Curl string
	// Replayed is the ranking computed again, ReplayFault why it cannot be; both empty unless
	// that was asked for.
	Replayed    *replay.Result
	ReplayFault string
}

// obligation is one obligation of a decision, with its value as JSON.
type obligation struct{ Name, Value, Rule string }

// price is the price of a million of something.
type price struct {
	Of  string
	USD llm.NanoUSD
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
	v := requestView{Record: record, Waterfall: waterfall(record), Ranked: ranked(record), JSON: string(bytes.TrimSpace(text)), Prices: prices(&record.Price), Curl: d.curlOf(record)}
	if v.Decided = d.gateway.Explained(r.Context(), record); v.Decided != nil {
		v.Obligations = obligations(v.Decided)
	}
	if r.URL.Query().Has("replay") && sessionOf(r).reads() {
		if v.Replayed, err = d.gateway.Replay(r.Context(), record.ID); err != nil {
			v.ReplayFault = llm.AsError(err).Message
		}
	}
	d.render(w, r, http.StatusOK, "request.html", "Request", v)
}

// curlOf is a command that sends a request again; empty when its text is not kept as a whole.
func (d *Dashboard) curlOf(r *llm.Record) string {
	url := d.gateway.RequestURL(r)
	if url == "" || r.RequestText == "" || r.TextCut && len(r.RequestText) >= llm.MaxText-utf8.UTFMax || !json.Valid([]byte(r.RequestText)) {
		return ""
	}
	return curlCommand(url, r.RequestText, r.KeyID != "" || !d.gateway.Anonymous())
}

// obligations lists those of a decision by name.
func obligations(d *llm.Decision) (list []obligation) {
	text, err := json.Marshal(&d.Obligations)
	var values map[string]json.RawMessage
	if err != nil || json.Unmarshal(text, &values) != nil {
		return nil
	}
	for _, name := range d.Obligations.Names() {
		list = append(list, obligation{name, string(values[name]), d.RuleOf(llm.PartObligation, name)})
	}
	return list
}

// prices lists those of input and output, and those that differ from both.
func prices(p *llm.Price) []price {
	if !p.Known {
		return nil
	}
	list := []price{{"input", p.Input}, {"output", p.Output}}
	for _, more := range [...]price{{"cached input", p.CacheRead}, {"written to the cache", p.CacheWrite}, {"written for an hour", p.CacheWriteLong}, {"audio in", p.AudioInput}, {"audio out", p.AudioOutput},
		{"pictures in", p.ImageInput}, {"pictures out", p.ImageOutput}} {
		if more.USD > 0 && more.USD != p.Input && more.USD != p.Output {
			list = append(list, more)
		}
	}
	return list
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
	spans = append(spans, ownSpans(r, ms)...)
	for i := range r.Attempts {
		spans = append(spans, attemptSpans(&r.Attempts[i], ms)...)
	}
	if n := len(r.Attempts); n > 0 {
		last := &r.Attempts[n-1]
		end := last.Start + last.Transform + last.Reserve + last.Duration
		spans = append(spans, chart.Span{Name: "settle", Start: ms(end), Length: max(ms(r.Duration-end), 0), Kind: "own", Detail: chart.Millis(max(ms(r.Duration-end), 0))})
	}
	return chart.Waterfall("where the time of the request went", ms(r.Duration), spans)
}

// ownSpans are the gateway's own steps before the first attempt. Records of earlier versions do not
// have them apart.
func ownSpans(r *llm.Record, ms func(llm.Millis) float64) (spans []chart.Span) {
	own := func(name string, start, length llm.Millis) {
		length = max(length, 0)
		spans = append(spans, chart.Span{Name: name, Start: ms(start), Length: ms(length), Kind: "own", Detail: chart.Millis(ms(length))})
	}
	s := &r.Stages
	if *s == (llm.Stages{}) {
		before := r.Duration
		if len(r.Attempts) > 0 {
			before = r.Attempts[0].Start
		}
		own("key, policy, cache, route", r.Queued, before-r.Queued)
		return spans
	}
	if s.Admit.Start > 0 {
		own("read, key", 0, s.Admit.Start)
	}
	for _, stage := range [...]struct {
		name string
		llm.Stage
	}{{"route, policy", s.Admit}, {"cache", s.Cache}, {"rank targets", s.Rank}} {
		if stage.Stage != (llm.Stage{}) {
			own(stage.name, stage.Start, stage.Duration)
		}
	}
	return spans
}

// attemptSpans are the wait before an attempt, what the gateway did for it, the wait for its first
// token, and its stream.
func attemptSpans(a *llm.Attempt, ms func(llm.Millis) float64) []chart.Span {
	var spans []chart.Span
	if own := a.Transform + a.Reserve; own > 0 {
		spans = append(spans, chart.Span{Name: "transform, reserve", Start: ms(a.Start), Length: ms(own), Kind: "own", Detail: chart.Millis(ms(a.Transform)) + " and " + chart.Millis(ms(a.Reserve))})
	}
	if a.Wait > 0 {
		spans = append(spans, chart.Span{Name: "pause before " + a.Target, Start: ms(a.Start - a.Wait), Length: ms(a.Wait), Kind: "wait", Detail: chart.Millis(ms(a.Wait))})
	}
	asked := a.Start + a.Transform + a.Reserve
	kind, detail := "ok", chart.Millis(ms(a.Duration))
	if a.Fault != "" || a.Status >= 400 {
		kind, detail = "failed", fmt.Sprintf("%s, %s %d", detail, a.Fault, a.Status)
	}
	name := a.Target
	if a.Try > 1 {
		name += fmt.Sprintf(", try %d", a.Try)
	}
	if a.FirstToken <= 0 || a.FirstToken >= a.Duration {
		return append(spans, chart.Span{Name: name, Start: ms(asked), Length: ms(a.Duration), Kind: kind, Detail: detail})
	}
	return append(spans,
		chart.Span{Name: "first token, " + name, Start: ms(asked), Length: ms(a.FirstToken), Kind: kind, Detail: chart.Millis(ms(a.FirstToken))},
		chart.Span{Name: "stream, " + name, Start: ms(asked + a.FirstToken), Length: ms(a.Duration - a.FirstToken), Kind: kind + " stream", Detail: chart.Millis(ms(a.Duration - a.FirstToken))})
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
