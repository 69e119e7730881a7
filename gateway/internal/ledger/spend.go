package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Query selects records and how to sum them.
type Query struct {
	// By are the dimensions to group by, in order: model, target, provider, team, key, user,
	// session, route, status, cache, hour, day, week, month, or tag:NAME. Empty means one sum.
	By []string
	// Since and Until bound the time of arrival, Until excluded; zero means no bound.
	Since, Until time.Time
	// Zone is that of hours, days, weeks and months; nil means UTC.
	Zone *time.Location
	// Where keeps only records whose dimensions have these values.
	Where map[string]string
	// Limit bounds the rows; those with the highest cost are returned. Zero means 10,000.
	Limit int
}

// Sums are the sums of what requests used and cost.
type Sums struct {
	Requests, Errors          int64
	InputTokens, OutputTokens int64
	// Cost is the known cost: that of UnpricedRequests is unknown and not in it.
	Cost             llm.NanoUSD
	UnpricedRequests int64
	// EstimatedRequests are those whose usage is an estimate, since they were cut off, and
	// EstimatedCost is the part of Cost that they make up.
	EstimatedRequests int64
	EstimatedCost     llm.NanoUSD
	CacheHits         int64
	// Saved is what cache hits would have cost, PromptSaved what the providers' prompt caches
	// have saved, less what writing to them cost.
	Saved, PromptSaved llm.NanoUSD
}

// Row is one group's sums, with its values of the dimensions. A value is empty for requests
// without one, such as those of a key without a team.
type Row struct {
	By, Values []string
	Sums
}

// Report is the result of a Query.
type Report struct {
	Rows []Row `json:"rows"`
	// Total is the sum of all groups, also of those beyond the limit.
	Total Sums `json:"total"`
}

// maxDimensions bounds the dimensions of a query, in By and in Where each.
const maxDimensions = 8

// Spend sums the records that a query selects. An unknown dimension is an
// *llm.Error with status 400.
func (r *Reader) Spend(ctx context.Context, q Query) (Report, error) {
	plans, err := q.plans(time.Now())
	if err != nil {
		return Report{}, err
	}
	if err := r.catchUp(ctx); err != nil {
		return Report{}, err
	}
	groups := newGroups(q)
	for _, p := range plans {
		if err := r.scan(ctx, groups, p); err != nil {
			return Report{}, err
		}
	}
	return groups.report(), nil
}

// scan adds the rows of a statement to the groups.
func (r *Reader) scan(ctx context.Context, g *groups, p plan) error {
	rows, err := r.db.QueryContext(ctx, p.text, p.args...)
	if err != nil {
		return fmt.Errorf("query spend: %w", err)
	}
	defer rows.Close()
	if err := g.scan(rows, p); err != nil {
		return fmt.Errorf("query spend: %w", err)
	}
	return nil
}

func (s *Sums) add(o Sums) {
	s.Requests += o.Requests
	s.Errors += o.Errors
	s.InputTokens = llm.Add(s.InputTokens, o.InputTokens)
	s.OutputTokens = llm.Add(s.OutputTokens, o.OutputTokens)
	s.Cost = llm.Add(s.Cost, o.Cost)
	s.UnpricedRequests += o.UnpricedRequests
	s.EstimatedRequests += o.EstimatedRequests
	s.EstimatedCost = llm.Add(s.EstimatedCost, o.EstimatedCost)
	s.CacheHits += o.CacheHits
	s.Saved = llm.Add(s.Saved, o.Saved)
	s.PromptSaved = llm.Add(s.PromptSaved, o.PromptSaved)
}

// negated returns the sums with the opposite sign.
func (s Sums) negated() Sums {
	return Sums{-s.Requests, -s.Errors, -s.InputTokens, -s.OutputTokens, -s.Cost, -s.UnpricedRequests, -s.EstimatedRequests, -s.EstimatedCost, -s.CacheHits, -s.Saved, -s.PromptSaved}
}

// sumsJSON is the JSON form of Sums. Money is a decimal number of US dollars with all its
// digits.
type sumsJSON struct {
	Requests         int64       `json:"requests"`
	Errors           int64       `json:"errors"`
	InputTokens      int64       `json:"input_tokens"`
	OutputTokens     int64       `json:"output_tokens"`
	Cost             json.Number `json:"cost_usd"`
	UnpricedRequests int64       `json:"unpriced_requests"`
	Estimated        int64       `json:"estimated_requests"`
	EstimatedCost    json.Number `json:"estimated_cost_usd"`
	CacheHits        int64       `json:"cache_hits"`
	Saved            json.Number `json:"saved_usd"`
	PromptSaved      json.Number `json:"prompt_cache_saved_usd"`
}

// MarshalJSON writes the sums as one object.
func (s Sums) MarshalJSON() ([]byte, error) {
	return json.Marshal(sumsJSON{s.Requests, s.Errors, s.InputTokens, s.OutputTokens, json.Number(s.Cost.Decimal()),
		s.UnpricedRequests, s.EstimatedRequests, json.Number(s.EstimatedCost.Decimal()), s.CacheHits, json.Number(s.Saved.Decimal()), json.Number(s.PromptSaved.Decimal())})
}

// MarshalJSON writes the dimensions by their names, such as "model" or
// "tag:usecase", followed by the sums.
func (r Row) MarshalJSON() ([]byte, error) {
	sums, err := r.Sums.MarshalJSON()
	if err != nil {
		return nil, err
	}
	b := []byte{'{'}
	for i, name := range r.By {
		b = append(jsontext.AppendQuote(b, name), ':')
		b = append(jsontext.AppendQuote(b, r.Values[i]), ',')
	}
	return append(b, sums[1:]...), nil
}
