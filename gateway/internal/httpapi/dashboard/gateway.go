package dashboard

import (
	"context"
	"net/url"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Gateway is what the pages show. The methods are called concurrently; a *llm.Error among
// their errors is shown to the user.
type Gateway interface {
	// Name is the version of the gateway that is shown on every page.
	Version() string
	// Zone is the time zone of the configuration, for readers whose browser names none.
	Zone() *time.Location

	// Day returns the figures of the last 24 hours.
	Day() Day
	// Targets returns the figures of the targets.
	Targets() Targets
	// Attention lists what an operator should look at, the most urgent first.
	Attention(ctx context.Context) []Notice
	// SpentToday returns what has been spent since midnight in a zone, and the tightest budget
	// in money per day; nil without one.
	SpentToday(ctx context.Context, zone *time.Location) (llm.NanoUSD, *DayBudget, error)

	// Spend sums up requests.
	Spend(ctx context.Context, q SpendQuery) ([]SpendRow, error)
	// SpendCSV returns what the admin API's spend answers to a query, as a table.
	SpendCSV(ctx context.Context, query url.Values) ([]byte, error)
	// DayLimit returns the budget in money per day of a scope, such as team:search; 0 without
	// one.
	DayLimit(scope string) llm.NanoUSD

	// Requests lists records, those written last first.
	Requests(ctx context.Context, f Filter) ([]*llm.Record, error)
	// Record returns the record of one request.
	Record(ctx context.Context, id string) (*llm.Record, error)
	// Follow calls each with every record that is written from now on, until ctx ends. It must
	// not be called with a function that blocks. The error says that too many follow already.
	Follow(ctx context.Context, each func(*llm.Record)) error

	Playground
	Policies
	Budgets
}

// Day are the figures of a day in steps of equal length, the oldest first. The slices are of
// the same length.
type Day struct {
	Starts []time.Time
	// Step is how long a step lasts.
	Step             time.Duration
	Requests, Errors []int64
	// FirstTokenP95 is in milliseconds; NaN for a step without replies.
	FirstTokenP95 []float64
	// Cost and Saved are in nano-USD.
	Cost, Saved []llm.NanoUSD
	// FirstTokenDay is the 95th percentile over all steps, in milliseconds; NaN for none.
	FirstTokenDay float64
}

// DayBudget is a budget in money per day.
type DayBudget struct {
	Scope       string
	Spent, Held llm.NanoUSD
	Max         llm.NanoUSD
	Resets      time.Time
}

// Notice is something that an operator should look at, with the page that mends it.
type Notice struct {
	// Broken says that requests fail now because of it.
	Broken bool
	Text   string
	// Link is a path of the dashboard, and Command what to type instead; either may be empty.
	Link, Command string
}

// Filter selects records. Empty members select all.
type Filter struct {
	Model, Target, Team, Key, User, Tag string
	// Outcome is ok, error, cached or refused.
	Outcome string
	// Before is the id of a record: only older ones are listed.
	Before string
	// Limit is at most how many; zero means 50.
	Limit int
}

// Matches reports whether a record is selected, apart from Before and Limit.
func (f Filter) Matches(r *llm.Record) bool {
	for _, m := range [...]struct{ want, is string }{{f.Model, r.Model}, {f.Target, r.Target}, {f.Team, r.Team}, {f.User, r.User}} {
		if m.want != "" && m.want != m.is {
			return false
		}
	}
	if f.Key != "" && f.Key != r.KeyID && f.Key != r.KeyName {
		return false
	}
	return (f.Tag == "" || hasTag(r, f.Tag)) && (f.Outcome == "" || f.Outcome == outcome(r))
}

// hasTag reports whether a record has a tag, written name=value.
func hasTag(r *llm.Record, tag string) bool {
	for name, value := range r.Tags {
		if name+"="+value == tag {
			return true
		}
	}
	return false
}

// outcome says in one word how a request ended.
func outcome(r *llm.Record) string {
	switch {
	case r.Decision != nil && !r.Decision.Allow, r.Status == 401, r.Status == 403, r.Status == 429:
		return "refused"
	case r.Status >= 400 || r.Code != "":
		return "error"
	case r.Cache.Saves():
		return "cached"
	}
	return "ok"
}
