package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// RequestList is the reply of GET /admin/v1/requests, those that ended last first. Next is the
// before of the next page.
type RequestList struct {
	Requests []RequestRow `json:"requests"`
	Next     string       `json:"next,omitempty"`
}

// RequestRow is a request in a list; GET /admin/v1/requests/{id} has the rest.
type RequestRow struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	// Outcome is ok, cached, error or refused.
	Outcome string `json:"outcome"`
	Status  int    `json:"status"`
	// Code is that of the error.
	Code     llm.Code     `json:"code,omitempty"`
	Endpoint llm.Endpoint `json:"endpoint"`
	Stream   bool         `json:"stream"`
	// Model is what was asked for, Target what answered; empty when nothing did.
	Model  string `json:"model"`
	Route  string `json:"route,omitempty"`
	Target string `json:"target,omitempty"`
	// Attempts is how many calls of providers were made.
	Attempts int               `json:"attempts"`
	Cache    llm.CacheState    `json:"cache"`
	KeyID    string            `json:"key_id,omitempty"`
	KeyName  string            `json:"key_name,omitempty"`
	Team     string            `json:"team,omitempty"`
	User     string            `json:"user,omitempty"`
	Session  string            `json:"session,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	// Input and Output are in tokens.
	Input  int64 `json:"input_tokens"`
	Output int64 `json:"output_tokens"`
	// CostUSD is left out where the price is unknown.
	CostUSD   json.Number `json:"cost_usd,omitempty"`
	SavedUSD  json.Number `json:"saved_usd,omitempty"`
	Duration  llm.Millis  `json:"duration_ms"`
	FirstByte llm.Millis  `json:"first_byte_ms,omitempty"`
}

// RowOf returns a record as it is listed.
func RowOf(r *llm.Record) RequestRow {
	row := RequestRow{ID: r.ID, Time: r.Time, Outcome: r.Outcome(), Status: r.Status, Code: r.Code, Endpoint: r.Endpoint, Stream: r.Stream,
		Model: r.Model, Route: r.Route, Target: r.Target, Attempts: len(r.Attempts), Cache: r.Cache, KeyID: r.KeyID, KeyName: r.KeyName,
		Team: r.Team, User: r.User, Session: r.Session, Tags: r.Tags, Input: r.Usage.Input, Output: r.Usage.Output,
		Duration: r.Duration, FirstByte: r.FirstByte}
	if r.Price.Known {
		row.CostUSD = llm.UnitUSD.Amount(int64(r.Cost))
	}
	if r.Saved > 0 {
		row.SavedUSD = llm.UnitUSD.Amount(int64(r.Saved))
	}
	return row
}

func (h handlers) listRequests(r *http.Request, in Input) (Reply, error) {
	f, own, err := requestFilter(r, in)
	if err != nil {
		return Reply{}, err
	}
	p, err := page(r)
	if err != nil {
		return Reply{}, err
	}
	f.Limit = p.Limit
	list := RequestList{Requests: []RequestRow{}}
	if !own {
		return jsonReply(list)
	}
	records, err := h.ops.Requests(r.Context(), f)
	if err != nil {
		return Reply{}, err
	}
	for _, record := range records {
		list.Requests = append(list.Requests, RowOf(record))
	}
	if n := len(records); n == f.Limit {
		list.Next = records[n-1].ID
	}
	return jsonReply(list)
}

const (
	// followBuffer is how many rows wait for a reader that is slow; more are skipped.
	followBuffer = 1024
	// followPause is the least time between writes of rows: what ends meanwhile is written at once,
	// since a write costs more than a row.
	followPause = 50 * time.Millisecond
	// followBeat is how often an empty line keeps the connection open.
	followBeat = 15 * time.Second
)

func (h handlers) followRequests(r *http.Request, in Input) (Reply, error) {
	f, own, err := requestFilter(r, in)
	if err == nil && (f.Before != "" || r.URL.Query().Has("limit")) {
		err = badQuery("before", fmt.Errorf("requests that end from now on have no pages"))
	}
	if err != nil {
		return Reply{}, err
	}
	return Reply{ContentType: "application/x-ndjson", Stream: func(ctx context.Context, write func([]byte) error) error {
		return h.follow(ctx, func(record *llm.Record) bool { return own && f.Matches(record) }, write)
	}}, nil
}

// follow writes the matching records as lines until the reader has gone or the gateway stops.
func (h handlers) follow(ctx context.Context, matches func(*llm.Record) bool, write func([]byte) error) error {
	ctx, stop := context.WithCancel(ctx)
	rows, followed := make(chan RequestRow, followBuffer), make(chan error, 1)
	go func() {
		followed <- h.ops.Follow(ctx, func(record *llm.Record) {
			if matches(record) {
				select {
				case rows <- RowOf(record):
				default: // the reader is slow; the list has them all
				}
			}
		})
	}()
	beat := time.NewTicker(followBeat)
	defer beat.Stop()
	var lines []byte
	var written time.Time
	due := time.NewTimer(followPause) // when lines are written, if there are any
	due.Stop()
	defer due.Stop()
	err := write([]byte("\n"))
	for err == nil {
		select {
		case row := <-rows:
			if len(lines) == 0 {
				due.Reset(time.Until(written.Add(followPause)))
			}
			var line []byte
			line, err = json.Marshal(row)
			lines = append(append(lines, line...), '\n')
		case <-due.C:
			err = write(lines)
			lines, written = lines[:0], time.Now()
		case <-beat.C:
			err = write([]byte("\n"))
		case err := <-followed: // too many follow, or the gateway stops
			stop()
			return write(append(lines, endLine(err)...))
		}
	}
	stop()
	<-followed
	return nil // the reader has gone
}

// endLine is the last line that a follower gets: the error that ended it, or an empty one.
func endLine(err error) []byte {
	if err == nil {
		return []byte("\n")
	}
	line, _ := json.Marshal(map[string]map[string]string{"error": {"message": llm.AsError(err).Message}})
	return append(line, '\n')
}

// requestFilter reads which requests are asked for. A member sees its own only; own is false
// when it asks for others'.
func requestFilter(r *http.Request, in Input) (f llm.RecordFilter, own bool, err error) {
	for name, values := range r.URL.Query() {
		value := values[0]
		switch name {
		case "model":
			f.Model = value
		case "target":
			f.Target = value
		case "team":
			f.Team = value
		case "key":
			f.Key = value
		case "user":
			f.User = value
		case "tag":
			if f.Tag = value; value != "" && !strings.Contains(value, "=") {
				err = fmt.Errorf("write NAME=VALUE, such as usecase=support")
			}
		case "outcome":
			if f.Outcome = value; value != "" && !slices.Contains(llm.Outcomes(), value) {
				err = fmt.Errorf("there is no outcome %s; use one of %s", llm.Quote(value), strings.Join(llm.Outcomes(), ", "))
			}
		case "before":
			f.Before = value
		case "limit":
		default:
			err = fmt.Errorf("there is no such parameter; use model, target, team, key, user, tag, outcome, before or limit")
		}
		if err == nil && len(values) > 1 {
			err = fmt.Errorf("give it once")
		}
		if err != nil {
			return f, false, badQuery(name, err)
		}
	}
	return f, onlyOwn(&f, in), nil
}

// onlyOwn restricts a filter of a member to its own requests: those of its user, or of its key
// where it has none. It is false when the filter asks for others'.
func onlyOwn(f *llm.RecordFilter, in Input) bool {
	who, operator := in.Caller()
	if operator || (Viewer | Admin).Admits(who.Roles) {
		return true
	}
	member, of := &f.Key, who.KeyID
	if who.User != "" {
		member, of = &f.User, who.User
	}
	asked := *member
	*member = of
	return of != "" && (asked == "" || asked == of)
}

func (h handlers) policies(r *http.Request, _ Input) (Reply, error) {
	list, err := h.ops.Policies(r.Context())
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(list)
}

func (h handlers) plugins(r *http.Request, _ Input) (Reply, error) {
	return listPage(r, h.ops.Plugins)
}
