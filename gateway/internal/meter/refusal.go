package meter

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// refusal returns the error for a limit without room for what a request needs at least, as
// in "team/search has used $49.98 of $50.00 today; this request could cost $0.12; resets
// 00:00 UTC". It distinguishes a limit that the request can never fit, one that is used
// up, and one that is only held by requests in flight. now is in the meter's location.
func refusal(limit *llm.Limit, c *counter, need int64, now time.Time) *llm.Error {
	e := &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests}
	what := amountTexts(limit, need, &c.counts)
	scope, window := readableScope(limit.Scope), windowWords(limit.Window)
	switch {
	case limit.Unit == llm.UnitConcurrent: // when they end is unknown
		e.RetryAfter = heldRetryAfter
		e.Message = fmt.Sprintf("%s has %s of %s requests in flight; try again when one of them has ended", scope, what.reserved, what.max)
	case need > limit.Max:
		overBudget(e, limit)
		e.Retried = true
		e.Message = fmt.Sprintf("%s may use %s%s %s%s, so it can never fit; %s", scope, what.max, what.unit, window, what.need, advice(limit))
	case llm.Add(c.spent, need) > limit.Max:
		overBudget(e, limit)
		e.Retried = limit.Unit == llm.UnitUSD
		resets := c.fits(need, limit.Max)
		if !e.Retried {
			e.RetryAfter = resets.Sub(now)
		}
		e.Message = fmt.Sprintf("%s has used %s of %s%s %s%s; %s", scope, what.spent, what.max, what.unit, window, what.need, resetText(c.span, resets, now))
	default:
		e.RetryAfter, e.Fault = heldRetryAfter, llm.FaultHeld
		e.Message = fmt.Sprintf("%s has used %s of %s%s %s, and requests in flight hold %s%s; try again when some of them have ended", scope, what.spent, what.max, what.unit, window, what.reserved, what.need)
	}
	return e
}

// cut returns the error for a stream that has outrun its reservation, at a limit that cuts. What
// the stream has used is booked all the same.
func cut(limit *llm.Limit, h *hold, now time.Time) *llm.Error {
	e := &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests, Fault: llm.FaultOverrun, Retried: true}
	overBudget(e, limit)
	what := amountTexts(limit, 0, h.total())
	e.Message = fmt.Sprintf("this reply was cut off because it takes more than was reserved for it: %s has used %s of %s%s %s, and requests in flight hold %s",
		readableScope(limit.Scope), what.spent, what.max, what.unit, windowWords(limit.Window), what.reserved)
	if resets := h.of.leaves(h.bucket); now.Before(resets) {
		e.Message += "; " + resetText(h.of.span, resets, now)
	}
	return e
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
		return "send less or ask for a higher limit"
	}
	return "send less, set a smaller max_tokens or ask for a higher limit"
}

// resetText returns when there is room again: the time of day for long waits and calendar
// windows, else the time left. now is in the window's time zone.
func resetText(span *llm.Window, resets, now time.Time) string {
	wait, at := resets.Sub(now), resets.In(now.Location())
	verb := "resets "
	if span.Rolling {
		verb = "has room again "
	}
	switch {
	case span.Calendar == "day":
		return verb + at.Format("15:04 MST")
	case span.Calendar == "week":
		return verb + at.Format("Monday 15:04 MST")
	case span.Calendar == "quarter" || span.Calendar == "year" || wait > 300*24*time.Hour:
		return verb + at.Format("2 January 2006 15:04 MST")
	case span.Calendar == "month" || wait > 23*time.Hour:
		return verb + at.Format("2 January 15:04 MST")
	case wait > time.Hour:
		return verb + at.Format("15:04 MST")
	}
	return verb + "in " + (wait + time.Second - 1).Truncate(time.Second).String()
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
