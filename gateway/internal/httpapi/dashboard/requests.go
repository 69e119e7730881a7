package dashboard

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// requestsView is what the list of requests shows.
type requestsView struct {
	Records []*llm.Record
	Filter  llm.RecordFilter
	// Query is the address's query without the place in the list.
	Query url.Values
	// Older is the link to the next records; empty when there are none.
	Older string
	// Try is a command that sends a request.
	Try string
	// Live says that the page follows the requests.
	Live bool
}

// listLimit is how many requests one page of the list shows.
const listLimit = 50

// requests serves GET /requests.
func (d *Dashboard) requests(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := filterOf(q)
	f.Limit = listLimit
	records, err := d.gateway.Requests(r.Context(), f)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	v := requestsView{Records: records, Filter: f, Query: q, Live: f.Before == "", Try: d.tryCommand()}
	if len(records) == listLimit {
		older := url.Values{}
		for k, values := range q {
			older[k] = values
		}
		older.Set("before", records[len(records)-1].ID)
		v.Older = "?" + older.Encode()
	}
	d.render(w, r, http.StatusOK, "requests.html", "Requests", v)
}

// filterOf reads the filter of an address.
func filterOf(q url.Values) llm.RecordFilter {
	return llm.RecordFilter{Model: q.Get("model"), Target: q.Get("target"), Team: q.Get("team"), Key: q.Get("key"), User: q.Get("user"), Tag: q.Get("tag"),
		Outcome: q.Get("outcome"), Before: q.Get("before")}
}

const (
	// liveBeat is how often a comment keeps the connection open, and the session is looked up
	// again.
	liveBeat = 15 * time.Second
	// liveWrite bounds how long one write to a browser that does not read may take.
	liveWrite = 30 * time.Second
)

// live serves GET /requests/live: a row of the table for every request that ends.
func (d *Dashboard) live(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	f := filterOf(r.URL.Query())
	rows := newLatest()
	followed := make(chan error, 1)
	ctx := r.Context()
	go func() {
		followed <- d.gateway.Follow(ctx, func(record *llm.Record) {
			if f.Matches(record) {
				rows.add(record)
			}
		})
	}()
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	out := http.NewResponseController(w)
	for event, more := []byte(": open\n\n"), true; ; event, more = d.nextEvent(r, rows, beat.C, followed) {
		_ = out.SetWriteDeadline(time.Now().Add(liveWrite)) // tests have connections without
		if _, err := w.Write(event); err != nil || out.Flush() != nil || !more {
			return
		}
	}
}

// nextEvent waits for what a browser that follows the requests is to be sent next, and reports
// whether there will be more.
func (d *Dashboard) nextEvent(r *http.Request, rows *latest, beat <-chan time.Time, followed <-chan error) (event []byte, more bool) {
	select {
	case <-rows.ready:
		zone := d.zone(r)
		for _, record := range rows.take() {
			event = append(event, d.rowEvent(record, zone)...)
		}
		return event, true
	case <-beat:
		if x, ok := d.sessions.find(r); !ok || !x.reads() {
			return endEvent("The session has ended. Sign in again."), false
		}
		return []byte(": beat\n\n"), true
	case err := <-followed: // the gateway stops, the browser is gone, or too many follow
		if err != nil && r.Context().Err() == nil {
			return endEvent(llm.AsError(err).Message), false
		}
		return nil, false
	}
}

// endEvent tells a browser that there is no more, and why: it must not ask again.
func endEvent(why string) []byte { return []byte("event: end\ndata: " + oneLine(why) + "\n\n") }

// oneLine replaces what ends a line of an event.
func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// rowEvent returns an event with a row of the table.
func (d *Dashboard) rowEvent(record *llm.Record, zone *time.Location) []byte {
	var row bytes.Buffer
	if err := pages()["requests.html"].ExecuteTemplate(&row, "row", rowView{record, zone}); err != nil {
		d.log.Error("render a request", "err", err)
		return nil
	}
	return []byte("data: " + oneLine(row.String()) + "\n\n")
}

// rowView is a row of the table of requests.
type rowView struct {
	*llm.Record
	Zone *time.Location
}
