package dashboard

import (
	"context"
	"net/url"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
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
	Spend(ctx context.Context, q SpendQuery) (SpendReport, error)
	// SpendCSV returns what the admin API's spend answers to a query, as a table.
	SpendCSV(ctx context.Context, query url.Values) ([]byte, error)
	// MoneyBudgets lists the budgets in money of a scope, such as team:search.
	MoneyBudgets(scope string) []Count

	// Requests lists records, those written last first.
	Requests(ctx context.Context, f llm.RecordFilter) ([]*llm.Record, error)
	// Record returns the record of one request.
	Record(ctx context.Context, id string) (*llm.Record, error)
	// Explained returns the decision about a request with the rules that its parts come from, as
	// far as they are known; nil for a request that no policy decided on.
	Explained(ctx context.Context, r *llm.Record) *llm.Decision
	// Replay ranks a recorded request again.
	Replay(ctx context.Context, id string) (*replay.Result, error)
	// RequestURL returns where an application sends such a request; empty when that is unknown.
	RequestURL(r *llm.Record) string
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
	Step time.Duration
	// Refused counts requests that policies, limits and rate limits have refused; they are no
	// Errors.
	Requests, Errors, Refused []int64
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
