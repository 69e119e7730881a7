package ledger

import (
	"context"
	"fmt"
	"time"
)

// SimilarCounts are what became of a route's requests in the similarity cache.
type SimilarCounts struct {
	Route string `json:"route,omitempty"`
	// Requests counts those that no equal request's reply has answered. Of them, Skipped were
	// not looked up, Similar found a reply that may answer, and Served were answered by it.
	Requests int `json:"requests"`
	Skipped  int `json:"skipped"`
	Similar  int `json:"similar"`
	Served   int `json:"served"`
	// Refused counts the requests that found a similar text, by the guard that refused it.
	Refused map[string]int `json:"refused"`
	// Compared counts the similar replies that were compared with a target's, Agreed those that
	// count as the same.
	Compared int `json:"compared"`
	Agreed   int `json:"agreed"`
}

// similarCounts reads the record's text only of requests whose route has a similarity cache.
const similarCounts = `SELECT ifnull(route, ''), ifnull(json_extract(record, '$.similar.refused'), '') AS refused, count(*),
	count(json_extract(record, '$.similar.skipped')), count(json_extract(record, '$.similar.id')), sum(ifnull(cache, '') = 'similar'),
	count(json_extract(record, '$.similar.agreement')), count(json_extract(record, '$.similar.agreed'))
	FROM requests WHERE instr(record, '"similar":{') > 0 AND json_extract(record, '$.similar.mode') IS NOT NULL`

// Similar counts the requests from since to until, which may be zero, by route.
func (r *Reader) Similar(ctx context.Context, since, until time.Time) ([]SimilarCounts, error) {
	if err := r.catchUp(ctx); err != nil {
		return nil, err
	}
	var q statement
	q.WriteString(similarCounts)
	q.between(since, until)
	q.WriteString(" GROUP BY 1, 2 ORDER BY 1, 2")
	rows, err := r.db.QueryContext(ctx, q.String(), q.args...)
	if err != nil {
		return nil, fmt.Errorf("query similar requests: %w", err)
	}
	defer rows.Close()
	counts := []SimilarCounts{}
	for rows.Next() {
		var c SimilarCounts
		var refused string
		if err := rows.Scan(&c.Route, &refused, &c.Requests, &c.Skipped, &c.Similar, &c.Served, &c.Compared, &c.Agreed); err != nil {
			return nil, fmt.Errorf("query similar requests: %w", err)
		}
		if c.Refused = map[string]int{}; refused != "" {
			c.Refused[refused], c.Similar = c.Similar, 0
		}
		if n := len(counts); n > 0 && counts[n-1].Route == c.Route {
			counts[n-1].Add(c)
			continue
		}
		counts = append(counts, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("query similar requests: %w", err)
	}
	return counts, nil
}

// Add adds other counts.
func (c *SimilarCounts) Add(o SimilarCounts) {
	c.Requests += o.Requests
	c.Skipped += o.Skipped
	c.Similar += o.Similar
	c.Served += o.Served
	c.Compared += o.Compared
	c.Agreed += o.Agreed
	for guard, n := range o.Refused {
		c.Refused[guard] += n
	}
}
