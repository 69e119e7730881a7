package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxSince bounds how far back a report may reach.
const maxSince = 10 * 366 * 24 * time.Hour

// SpendQuery is what an operator asks of the ledger.
type SpendQuery struct {
	// By are the dimensions to group by, in order.
	By []string
	// Since and Until bound the time of arrival, Until excluded; a zero Until is now.
	Since, Until time.Time
	// Zone is that of hours, days, weeks and months.
	Zone *time.Location
	// Where keeps only requests whose dimensions have these values.
	Where map[string]string
}

// ParseSpend reads the parameters of GET /admin/v1/spend.
func ParseSpend(query url.Values, now time.Time) (SpendQuery, error) {
	q, _, err := spendQuery(query, now)
	return q, err
}

func (h handlers) spend(r *http.Request, _ Input) (Reply, error) {
	q, format, err := spendQuery(r.URL.Query(), time.Now())
	if err != nil {
		return Reply{}, err
	}
	report, err := h.ops.Spend(r.Context(), q)
	if err != nil {
		return Reply{}, err
	}
	if format == "csv" {
		return csvReply(report, "spend.csv")
	}
	return jsonReply(report)
}

// spendQuery reads the query of an address. A parameter that is none of its own is a dimension
// with the value that is wanted.
func spendQuery(query url.Values, now time.Time) (q SpendQuery, format string, err error) {
	q = SpendQuery{Since: now.Add(-24 * time.Hour), Zone: time.UTC, Where: map[string]string{}}
	for name, values := range query {
		value := values[len(values)-1]
		switch name {
		case "by":
			q.By = list(value)
		case "since":
			q.Since, err = parseTime(value, now, 24*time.Hour)
		case "until":
			if value != "" {
				q.Until, err = parseTime(value, now, 0)
			}
		case "zone":
			q.Zone, err = ParseZone(value)
		case "format":
			if format = value; value != "" && value != "json" && value != "csv" {
				err = fmt.Errorf("%s is neither json nor csv", llm.Quote(value))
			}
		default:
			q.Where[name] = value
		}
		if err != nil {
			return q, "", badQuery(name, err)
		}
	}
	return q, format, nil
}

// list splits a text at its commas.
func list(s string) (names []string) {
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// ParseZone reads the name of a time zone. Local is refused: it is the gateway's machine's.
func ParseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("unknown time zone %s: write UTC or a name such as Europe/Berlin", llm.Quote(name))
	}
	return zone, nil
}

// CSV returns the rows of a report as a table.
func CSV(report any) ([]byte, error) {
	body, err := json.Marshal(report)
	if err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	table, err := rowsAsCSV(body)
	if err != nil {
		return nil, fmt.Errorf("turn report into CSV: %w", err)
	}
	return table, nil
}

// csvReply returns the rows of a report as a file.
func csvReply(report any, filename string) (Reply, error) {
	table, err := CSV(report)
	if err != nil {
		return Reply{}, err
	}
	return Reply{ContentType: "text/csv; charset=utf-8", Body: table, Filename: filename}, nil
}

// parseTime reads a point in time: how long ago ("24h", "7d"), a day, or RFC 3339. An
// empty text means the default time before now. So many days ago is the beginning of that hour.
func parseTime(s string, now time.Time, def time.Duration) (time.Time, error) {
	if s == "" {
		return now.Add(-def), nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= int(maxSince/(24*time.Hour)) {
			return now.AddDate(0, 0, -n).Truncate(time.Hour), nil
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
