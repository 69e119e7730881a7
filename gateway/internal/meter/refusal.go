package meter

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// refusal returns the error for a limit without room for what a request needs at least. It
// distinguishes a limit that the request can never fit, one that is used up, and one that is
// only held by requests in flight. now is in the meter's location.
func refusal(limit *llm.Limit, b *bucket, need int64, now time.Time) *llm.Error {
	e := &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests, Exceeded: exceeded(limit, b, need, now)}
	switch e.Exceeded.Why {
	case llm.TooSmall: // no wait helps, so no client that retries every 429 may do so here
		e.Code, e.Status, e.Retried = llm.CodeLimitTooSmall, http.StatusForbidden, true
		overBudget(e, limit)
	case llm.UsedUp:
		e.RetryAfter = e.Exceeded.ResetsIn
		e.Retried = e.RetryAfter >= longestRetry
		overBudget(e, limit)
	case llm.Held:
		e.RetryAfter = heldRetryAfter
		if limit.Unit != llm.UnitConcurrent {
			e.Fault = llm.FaultHeld
		}
	}
	e.Message = message(e.Exceeded, amountTexts(limit, need, b))
	return e
}

// longestRetry is from what wait on clients are told not to retry. The SDKs of OpenAI and
// Anthropic heed a wait below a minute only, and retry within seconds after a longer one.
const longestRetry = time.Minute

// exceeded describes a limit without room.
func exceeded(limit *llm.Limit, b *bucket, need int64, now time.Time) *llm.Exceeded {
	x := &llm.Exceeded{Limit: *limit, Why: llm.Held, Spent: b.spent, Reserved: b.reserved, Requested: need}
	if !b.end.IsZero() {
		x.ResetsAt, x.ResetsIn = b.end.UTC(), b.end.Sub(now)
	}
	switch {
	case need > limit.Max:
		x.Why = llm.TooSmall
	case limit.Unit != llm.UnitConcurrent && llm.Add(b.spent, need) > limit.Max:
		x.Why = llm.UsedUp
	}
	return x
}

// message says all of it to a person, as in "team/search has used $49.98 of $50.00 today
// (limit "team day"); this request could cost $0.12; resets at …".
func message(x *llm.Exceeded, what amounts) string {
	scope, name := readableScope(x.Scope), " (limit "+llm.Quote(x.Name)+")"
	window, held := windowWords(x.Window), ""
	if x.Reserved > 0 {
		held = ", and requests in flight hold " + what.reserved
	}
	switch {
	case x.Why == llm.TooSmall && x.Unit == llm.UnitConcurrent:
		return fmt.Sprintf("%s may have %s requests in flight%s; %s", scope, what.max, name, llm.RaiseAdvice)
	case x.Unit == llm.UnitConcurrent: // when they end is unknown
		return fmt.Sprintf("%s has %s of %s requests in flight%s; try again when one of them has ended, or, %s", scope, what.reserved, what.max, name, llm.RaiseAdvice)
	case x.Why == llm.TooSmall:
		return fmt.Sprintf("%s may use %s%s %s%s%s, so it can never fit; %s; %s", scope, what.max, what.unit, window, name, what.need, advice(&x.Limit), llm.RaiseAdvice)
	case x.Why == llm.UsedUp:
		return fmt.Sprintf("%s has used %s of %s%s %s%s%s%s%s; %s", scope, what.spent, what.max, what.unit, window, name, held, what.need, resetText(x), llm.RaiseAdvice)
	}
	return fmt.Sprintf("%s has used %s of %s%s %s%s%s%s; try again when some of them have ended%s", scope, what.spent, what.max, what.unit, window, name, held, what.need, resetText(x))
}

// heldRetryAfter is the pause before a retry while requests in flight hold a limit.
const heldRetryAfter = time.Second

// overBudget sets the code of a refusal by a limit on money.
func overBudget(e *llm.Error, limit *llm.Limit) {
	if limit.Unit == llm.UnitUSD {
		e.Code, e.Type = llm.CodeBudget, "insufficient_quota"
	}
}

// amounts are the amounts of a refusal as text, those of money with their unit.
type amounts struct{ spent, reserved, max, need, unit string }

func amountTexts(limit *llm.Limit, need int64, b *bucket) amounts {
	if limit.Unit == llm.UnitUSD {
		d := llm.Dollars(llm.NanoUSD(b.spent), llm.NanoUSD(b.reserved), llm.NanoUSD(limit.Max), llm.NanoUSD(need))
		return amounts{d[0], d[1], d[2], "; this request could cost " + d[3], ""}
	}
	s := amounts{grouped(b.spent), grouped(b.reserved), grouped(limit.Max), "", " " + strings.ReplaceAll(string(limit.Unit), "_", " ")}
	if limit.Unit != llm.UnitRequests {
		s.need = "; this request could take " + grouped(need)
	}
	return s
}

// advice returns how to make a request that fits.
func advice(limit *llm.Limit) string {
	if limit.Unit == llm.UnitRequests || limit.Unit == llm.UnitInputTokens {
		return "send less"
	}
	return "send less or set a smaller max_tokens"
}

// resetText returns when the window ends, in UTC and in seconds.
func resetText(x *llm.Exceeded) string {
	seconds := int64((x.ResetsIn + time.Second - 1) / time.Second)
	return "; resets at " + x.ResetsAt.Format("2006-01-02 15:04:05 UTC") + ", in " + grouped(seconds) + " s"
}

func windowWords(w string) string {
	switch w {
	case "day":
		return "today"
	case "week", "month":
		return "this " + w
	case "1s", "1m", "1h":
		return "this " + map[byte]string{'s': "second", 'm': "minute", 'h': "hour"}[w[1]]
	}
	return "within " + w
}

// readableScope writes "team:search/model:gpt-5" as "team/search/model/gpt-5". Only
// a part's first colon separates its kind from its name: models have colons too.
func readableScope(scope string) string {
	parts := strings.Split(scope, "/")
	for i, p := range parts {
		parts[i] = strings.Replace(p, ":", "/", 1)
	}
	return strings.Join(parts, "/")
}

// grouped writes a count with commas: 1,234,567.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// badLimit returns the error for a limit that cannot be counted. It denies the request:
// ignoring the limit would lift it.
func badLimit(limit *llm.Limit, err error) *llm.Error {
	return &llm.Error{Code: llm.CodePolicyFault, Status: http.StatusInternalServerError, Err: err,
		Message: fmt.Sprintf("The policy's limit %q cannot be counted: %v.", limit.Name, err)}
}

func unitError(u llm.Unit) error { return fmt.Errorf("unknown unit %q", u) }

// leaseTaken returns the error for a name that is in use. It is a bug of the caller: a
// lease is settled before its name is used again.
func leaseTaken(name string) *llm.Error {
	return llm.AsError(fmt.Errorf("reserve: lease %s is already held", name))
}
