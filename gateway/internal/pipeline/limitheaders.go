package pipeline

import (
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// limitNames are the headers for limits of one unit.
type limitNames struct {
	unit llm.Unit
	// name to resets are the gateway's own headers.
	name, limit, spent, remaining, resets string
	// openAI and anthropic are how those APIs name the limit, what remains and the reset; empty
	// for units that they do not have.
	openAI, anthropic [3]string
}

// namesOfLimits has a row for each unit, in canonical form.
var namesOfLimits = [...]limitNames{
	{unit: llm.UnitUSD, name: "X-Penstock-Budget-Usd-Name", limit: "X-Penstock-Budget-Usd-Limit", spent: "X-Penstock-Budget-Usd-Spent",
		remaining: "X-Penstock-Budget-Usd-Remaining", resets: "X-Penstock-Budget-Usd-Resets"},
	{unit: llm.UnitTokens, name: "X-Penstock-Budget-Tokens-Name", limit: "X-Penstock-Budget-Tokens-Limit", spent: "X-Penstock-Budget-Tokens-Spent",
		remaining: "X-Penstock-Budget-Tokens-Remaining", resets: "X-Penstock-Budget-Tokens-Resets",
		openAI:    [3]string{"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
		anthropic: [3]string{"Anthropic-Ratelimit-Tokens-Limit", "Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Reset"}},
	{unit: llm.UnitInputTokens, name: "X-Penstock-Budget-Input-Tokens-Name", limit: "X-Penstock-Budget-Input-Tokens-Limit", spent: "X-Penstock-Budget-Input-Tokens-Spent",
		remaining: "X-Penstock-Budget-Input-Tokens-Remaining", resets: "X-Penstock-Budget-Input-Tokens-Resets",
		anthropic: [3]string{"Anthropic-Ratelimit-Input-Tokens-Limit", "Anthropic-Ratelimit-Input-Tokens-Remaining", "Anthropic-Ratelimit-Input-Tokens-Reset"}},
	{unit: llm.UnitOutputTokens, name: "X-Penstock-Budget-Output-Tokens-Name", limit: "X-Penstock-Budget-Output-Tokens-Limit", spent: "X-Penstock-Budget-Output-Tokens-Spent",
		remaining: "X-Penstock-Budget-Output-Tokens-Remaining", resets: "X-Penstock-Budget-Output-Tokens-Resets",
		anthropic: [3]string{"Anthropic-Ratelimit-Output-Tokens-Limit", "Anthropic-Ratelimit-Output-Tokens-Remaining", "Anthropic-Ratelimit-Output-Tokens-Reset"}},
	{unit: llm.UnitRequests, name: "X-Penstock-Budget-Requests-Name", limit: "X-Penstock-Budget-Requests-Limit", spent: "X-Penstock-Budget-Requests-Spent",
		remaining: "X-Penstock-Budget-Requests-Remaining", resets: "X-Penstock-Budget-Requests-Resets",
		openAI:    [3]string{"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
		anthropic: [3]string{"Anthropic-Ratelimit-Requests-Limit", "Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Reset"}},
	{unit: llm.UnitConcurrent, name: "X-Penstock-Budget-Concurrent-Name", limit: "X-Penstock-Budget-Concurrent-Limit", spent: "X-Penstock-Budget-Concurrent-Spent",
		remaining: "X-Penstock-Budget-Concurrent-Remaining"},
}

// limitHeaders adds what is left of the tightest limit of each unit, under the gateway's own
// names and those of OpenAI; clients of Anthropic's API get that API's names as well.
func (x *state) limitHeaders(h http.Header, limits []llm.LimitState) {
	if len(limits) == 0 {
		return
	}
	for i := range namesOfLimits {
		names := &namesOfLimits[i]
		if s, left := x.tightest(limits, names.unit); s != nil {
			x.headersOf(h, names, s, left)
		}
	}
}

// tightest returns the limit of a unit of which the least is left, one that only warns if there is
// no other; nil when there is none.
func (x *state) tightest(limits []llm.LimitState, u llm.Unit) (tightest *llm.LimitState, least int64) {
	for i := range limits {
		s := &limits[i]
		if s.Unit != u || tightest != nil && tightest.Hard() && !s.Hard() {
			continue
		}
		left := max(s.Max-llm.Add(s.Before, x.taken(s)), 0)
		if tightest == nil || left < least || s.Hard() && !tightest.Hard() {
			tightest, least = s, left
		}
	}
	return tightest, least
}

// taken is what the request takes of a limit: what it has reserved, and once it is settled what
// it has used.
func (x *state) taken(s *llm.LimitState) int64 {
	if !x.concluded {
		return s.Reserved
	}
	var used int64
	for i := range x.record.Charges {
		if c := &x.record.Charges[i]; c.Scope == s.Scope && c.Unit == s.Unit && c.Window == s.Window {
			used = llm.Add(used, c.Amount) // of an attempt
		}
	}
	return used
}

func (x *state) headersOf(h http.Header, names *limitNames, s *llm.LimitState, left int64) {
	most, remaining := string(s.Unit.Amount(s.Max)), string(s.Unit.Amount(left))
	h[names.name] = []string{headerText(s.Name)}
	h[names.limit], h[names.remaining] = []string{most}, []string{remaining}
	h[names.spent] = []string{string(s.Unit.Amount(x.spentOf(s)))}
	var at, in string // without a window's end, limits have none
	if s.ResetsAt != 0 {
		resets := time.UnixMilli(s.ResetsAt).UTC()
		at, in = resets.Format(time.RFC3339), max(resets.Sub(x.Now()), 0).Round(time.Millisecond).String()
		h[names.resets] = []string{at}
	}
	if names.openAI[0] != "" {
		setAll(h, &names.openAI, most, remaining, in)
	}
	if names.anthropic[0] != "" && x.req.Dialect == llm.Anthropic {
		setAll(h, &names.anthropic, most, remaining, at)
	}
}

func setAll(h http.Header, names *[3]string, most, remaining, reset string) {
	h[names[0]], h[names[1]] = []string{most}, []string{remaining}
	if reset != "" {
		h[names[2]] = []string{reset}
	}
}

// spentOf is what is used of a limit without what requests in flight hold; of concurrent
// requests it is those in flight.
func (x *state) spentOf(s *llm.LimitState) int64 {
	switch {
	case s.Unit == llm.UnitConcurrent:
		return llm.Add(s.Before, x.taken(s))
	case x.concluded:
		return llm.Add(s.Before-s.Held, x.taken(s))
	}
	return s.Before - s.Held
}

// withHeaders returns a request's error with the headers that a reply would have had: the
// policy's obligations and warnings hold for refusals, too.
func (x *state) withHeaders(err error) error {
	if err == nil || x.record.Decision == nil {
		return err
	}
	e := *llm.AsError(err)
	e.Header = x.head().Header
	if e.Exceeded != nil {
		x.limitHeaders(e.Header, e.Exceeded.States)
	}
	return &e
}
