package meter

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// refusal is what the caller is told when a limit has no room for what a request needs at
// least, as in "team/search has used $49.98 of $50.00 today; this request could cost $0.12;
// resets 00:00 UTC". Three things are told apart: a limit that the request can never
// fit, one that is used up, and one that requests in flight only hold. now is in the
// meter's location.
func refusal(limit *llm.Limit, b *bucket, need int64, now time.Time) *llm.Error {
	e := &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests}
	what := say(limit, need, b)
	scope := readableScope(limit.Scope)
	switch {
	case limit.Unit == llm.UnitConcurrent: // they end soon, nobody knows when
		e.RetryAfter = soon
		e.Message = fmt.Sprintf("%s has %s of %s requests in flight; try again when one of them has ended", scope, what.reserved, what.max)
	case need > limit.Max:
		overBudget(e, limit)
		e.Retried = true
		e.Message = fmt.Sprintf("%s may use %s%s %s%s, so it can never fit; %s", scope, what.max, what.unit, windowWords(limit.Window), what.need, smaller(limit))
	case llm.Add(b.spent, need) > limit.Max:
		overBudget(e, limit)
		e.Retried = limit.Unit == llm.UnitUSD
		if !e.Retried {
			e.RetryAfter = b.end.Sub(now)
		}
		e.Message = fmt.Sprintf("%s has used %s of %s%s %s%s%s", scope, what.spent, what.max, what.unit, windowWords(limit.Window), what.need, reset(limit, b, now))
	default:
		e.RetryAfter, e.Fault = soon, llm.FaultHeld
		e.Message = fmt.Sprintf("%s has used %s of %s%s %s, and requests in flight hold %s%s; try again when some of them have ended", scope, what.spent, what.max, what.unit, windowWords(limit.Window), what.reserved, what.need)
	}
	return e
}

// soon is when it makes sense to ask again while requests in flight hold a limit.
const soon = time.Second

// overBudget gives the refusal by a limit on money its own code.
func overBudget(e *llm.Error, limit *llm.Limit) {
	if limit.Unit == llm.UnitUSD {
		e.Code, e.Type = llm.CodeBudget, "insufficient_quota"
	}
}

// saying is what a refusal says of amounts, each with its unit where money has one.
type saying struct{ spent, reserved, max, need, unit string }

func say(limit *llm.Limit, need int64, b *bucket) saying {
	if limit.Unit == llm.UnitUSD {
		d := llm.Dollars(llm.NanoUSD(b.spent), llm.NanoUSD(b.reserved), llm.NanoUSD(limit.Max), llm.NanoUSD(need))
		return saying{d[0], d[1], d[2], "; this request could cost " + d[3], ""}
	}
	s := saying{grouped(b.spent), grouped(b.reserved), grouped(limit.Max), "", " " + strings.ReplaceAll(string(limit.Unit), "_", " ")}
	if limit.Unit != llm.UnitRequests {
		s.need = "; this request could take " + grouped(need)
	}
	return s
}

// smaller says how to make a request that fits.
func smaller(limit *llm.Limit) string {
	if limit.Unit == llm.UnitRequests || limit.Unit == llm.UnitInputTokens {
		return "send less or ask for a higher limit"
	}
	return "send less, set a smaller max_tokens or ask for a higher limit"
}

// reset says when the window ends: by the clock where that helps, else by waiting.
func reset(limit *llm.Limit, b *bucket, now time.Time) string {
	end := b.end.In(now.Location())
	switch limit.Window {
	case "day":
		return "; resets " + end.Format("15:04 MST")
	case "week":
		return "; resets " + end.Format("Monday 15:04 MST")
	case "month":
		return "; resets " + end.Format("2 January 15:04 MST")
	}
	wait := end.Sub(now)
	if wait > time.Hour {
		return "; resets " + end.Format("15:04 MST")
	}
	return "; resets in " + (wait + time.Second - 1).Truncate(time.Second).String()
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

// badLimit denies a request whose limit cannot be counted: passing over it would
// lift the limit.
func badLimit(limit *llm.Limit, err error) *llm.Error {
	return &llm.Error{Code: llm.CodePolicyFault, Status: http.StatusInternalServerError, Err: err,
		Message: fmt.Sprintf("The policy's limit %q cannot be counted: %v.", limit.Name, err)}
}

func unitError(u llm.Unit) error { return fmt.Errorf("unknown unit %q", u) }

// leaseTaken is a fault of the gateway: a lease is settled before its name is reused.
func leaseTaken(name string) *llm.Error {
	return llm.AsError(fmt.Errorf("reserve: lease %s is already held", name))
}
