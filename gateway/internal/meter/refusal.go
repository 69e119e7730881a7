package meter

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// refusal is what the caller is told when a limit would be passed, as in "team/search
// has used $49.98 of $50.00 today; this request could cost $0.12; resets 00:00 UTC".
// now is in the meter's location.
func refusal(limit *llm.Limit, b *bucket, used, amount int64, now time.Time) *llm.Error {
	e := &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests, Retried: true}
	switch {
	case limit.Unit == llm.UnitUSD:
		e.Code, e.Type = llm.CodeBudget, "insufficient_quota"
	case b.end.IsZero(): // requests in flight end soon, nobody knows when
		e.RetryAfter, e.Retried = time.Second, false
	default:
		e.RetryAfter, e.Retried = b.end.Sub(now), false
	}
	e.Message = readableScope(limit.Scope) + " " + account(limit, used, amount) + reset(limit, b, now)
	return e
}

// account says what is used, of how much, and what this request would add.
func account(limit *llm.Limit, used, amount int64) string {
	when := windowWords(limit.Window)
	switch limit.Unit {
	case llm.UnitUSD:
		return fmt.Sprintf("has used %s of %s %s; this request could cost %s", llm.NanoUSD(used), llm.NanoUSD(limit.Max), when, llm.NanoUSD(amount))
	case llm.UnitConcurrent:
		return fmt.Sprintf("has %d of %d requests in flight", used, limit.Max)
	case llm.UnitRequests:
		return fmt.Sprintf("has used %s of %s requests %s", grouped(used), grouped(limit.Max), when)
	}
	unit := strings.ReplaceAll(string(limit.Unit), "_", " ")
	return fmt.Sprintf("has used %s of %s %s %s; this request could take %s", grouped(used), grouped(limit.Max), unit, when, grouped(amount))
}

// reset says when the window ends: by the clock where that helps, else by waiting.
func reset(limit *llm.Limit, b *bucket, now time.Time) string {
	if b.end.IsZero() {
		return "; try again when one of them has ended"
	}
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
