package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxSince bounds how far back a report may reach.
const maxSince = 10 * 366 * 24 * time.Hour

func (h handlers) spend(r *http.Request, _ Input) (Reply, error) {
	query, now := r.URL.Query(), time.Now()
	since, err := parseTime(query.Get("since"), now, 24*time.Hour)
	if err != nil {
		return Reply{}, badQuery("since", err)
	}
	until, err := parseTime(query.Get("until"), now, 0)
	if err != nil {
		return Reply{}, badQuery("until", err)
	}
	var by []string
	for name := range strings.SplitSeq(query.Get("by"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			by = append(by, name)
		}
	}
	report, err := h.ops.Spend(r.Context(), by, since, until)
	if err != nil {
		return Reply{}, err
	}
	switch format := query.Get("format"); format {
	case "", "json":
		return jsonReply(report)
	case "csv":
		return csvReply(report, "spend.csv")
	default:
		return Reply{}, badQuery("format", fmt.Errorf("%s is neither json nor csv", llm.Quote(format)))
	}
}

// csvReply returns the rows of a report as a file.
func csvReply(report any, filename string) (Reply, error) {
	body, err := json.Marshal(report)
	if err != nil {
		return Reply{}, fmt.Errorf("encode report: %w", err)
	}
	table, err := rowsAsCSV(body)
	if err != nil {
		return Reply{}, fmt.Errorf("turn report into CSV: %w", err)
	}
	return Reply{ContentType: "text/csv; charset=utf-8", Body: table, Filename: filename}, nil
}

// parseTime reads a point in time: how long ago ("24h", "7d"), a day, or RFC 3339. An
// empty text means the default time before now.
func parseTime(s string, now time.Time, def time.Duration) (time.Time, error) {
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
