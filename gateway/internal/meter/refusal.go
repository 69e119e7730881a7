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
// only held by requests in flight.
func refusal(limit *llm.Limit, c *counter, need int64, now time.Time) *llm.Error {
	e := &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests, Exceeded: exceeded(limit, c, need, now)}
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
	e.Message = message(e.Exceeded, amountTexts(limit, need, &c.counts))
	return e
}

// longestRetry is from what wait on clients are told not to retry. The SDKs of OpenAI and
// Anthropic heed a wait below a minute only, and retry within seconds after a longer one.
const longestRetry = time.Minute

// exceeded describes a limit without room.
func exceeded(limit *llm.Limit, c *counter, need int64, now time.Time) *llm.Exceeded {
	x := &llm.Exceeded{Limit: *limit, Why: llm.Held, Spent: c.spent, Reserved: c.reserved, Requested: need}
	resets := c.resets()
	switch {
	case need > limit.Max:
		x.Why = llm.TooSmall
	case limit.Unit != llm.UnitConcurrent && llm.Add(c.spent, need) > limit.Max:
		x.Why, resets = llm.UsedUp, c.fits(need, limit.Max)
	}
	if !resets.IsZero() {
		x.ResetsAt, x.ResetsIn = resets.UTC(), resets.Sub(now)
	}
	return x
}

// cut returns the error for a stream that has outrun its reservation, at a limit that cuts. What
// the stream has used is booked all the same.
func cut(limit *llm.Limit, h *hold, now time.Time) *llm.Error {
	e := &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests, Fault: llm.FaultOverrun, Retried: true}
	overBudget(e, limit)
	what, total := amountTexts(limit, 0, h.total()), h.total()
	x := &llm.Exceeded{Limit: *limit, Why: llm.Held, Spent: total.spent, Reserved: total.reserved}
	e.Message = fmt.Sprintf("this reply was cut off because it takes more than was reserved for it: %s has used %s of %s%s %s, and requests in flight hold %s",
		readableScope(limit.Scope), what.spent, what.max, what.unit, windowWords(limit.Window), what.reserved)
	if resets := h.of.leaves(h.bucket); now.Before(resets) {
		x.ResetsAt, x.ResetsIn = resets.UTC(), resets.Sub(now)
		e.Message += resetText(x)
	}
	e.Exceeded = x
	return e
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

func amountTexts(limit *llm.Limit, need int64, b *counts) amounts {
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

// resetText returns when there is room again, in UTC and in seconds: at the end of a window, or
// when a rolling one no longer counts what was used.
func resetText(x *llm.Exceeded) string {
	seconds := int64((x.ResetsIn + time.Second - 1) / time.Second)
	verb := "; resets at "
	if strings.HasPrefix(x.Window, "rolling ") {
		verb = "; has room again at "
	}
	return verb + x.ResetsAt.Format("2006-01-02 15:04:05 UTC") + ", in " + grouped(seconds) + " s"
}

// windowWords says when, as in "today", "this year from 04-01" or "in the last 24h".
func windowWords(w string) string {
	if length, ok := strings.CutPrefix(w, "rolling "); ok {
		return "in the last " + length
	}
	if rest, ok := strings.CutPrefix(w, "day"); ok {
		return "today" + rest
	}
	switch w {
	case "1s", "1m", "1h":
		return "this " + map[byte]string{'s': "second", 'm': "minute", 'h': "hour"}[w[1]]
	}
	if strings.Trim(w[:min(len(w), 1)], "0123456789") == "" {
		return "within " + w
	}
	return "this " + w
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
