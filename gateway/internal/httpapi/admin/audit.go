package admin

import (
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
)

// AuditList is the reply of GET /admin/v1/audit, the newest entry first. Next is the after of
// the next page.
type AuditList struct {
	Entries []audit.Entry `json:"entries"`
	Next    string        `json:"next,omitempty"`
}

func (h handlers) listAudit(r *http.Request, _ Input) (Reply, error) {
	p, err := page(r)
	if err != nil {
		return Reply{}, err
	}
	q := audit.Query{After: p.After, Limit: p.Limit}
	if since := r.URL.Query().Get("since"); since != "" {
		if q.Since, err = ParseSince(since, time.Now()); err != nil {
			return Reply{}, badQuery("since", err)
		}
	}
	list, next, err := h.ops.AuditLog().List(r.Context(), q)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(AuditList{list, next})
}

// ParseSince parses a point in time: how long ago ("24h", "7d"), a day, or RFC 3339.
func ParseSince(s string, now time.Time) (time.Time, error) { return parseTime(s, now, 0) }
