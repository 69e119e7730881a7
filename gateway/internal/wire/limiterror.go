package wire

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// limitDetail is a limit that refuses a request, as programs read it in the errors of every
// dialect. Amounts are in US dollars or counts.
type limitDetail struct {
	Name   string   `json:"name"`
	Scope  string   `json:"scope"`
	Unit   llm.Unit `json:"unit"`
	Window string   `json:"window,omitempty"`
	// Reason is used_up, held or too_small.
	Reason    llm.Shortage `json:"reason"`
	Max       json.Number  `json:"max"`
	Spent     json.Number  `json:"spent"`
	Reserved  json.Number  `json:"reserved"`
	Requested json.Number  `json:"requested"`
	// ResetsAt is in UTC, ResetsInS in seconds, rounded up.
	ResetsAt  string `json:"resets_at,omitempty"`
	ResetsInS int64  `json:"resets_in_s,omitempty"`
	Raise     string `json:"raise"`
}

// errorDetails are the further members of an error; nil when it has none.
type errorDetails struct {
	Limit limitDetail `json:"limit"`
}

func detailsOf(e *llm.Error) *errorDetails {
	x := e.Exceeded
	if x == nil {
		return nil
	}
	d := limitDetail{Name: x.Name, Scope: x.Scope, Unit: x.Unit, Window: x.Window, Reason: x.Why, Max: x.Unit.Amount(x.Max),
		Spent: x.Unit.Amount(x.Spent), Reserved: x.Unit.Amount(x.Reserved), Requested: x.Unit.Amount(x.Requested), Raise: llm.RaiseAdvice}
	if !x.ResetsAt.IsZero() {
		d.ResetsAt, d.ResetsInS = x.ResetsAt.UTC().Format(time.RFC3339), wholeSeconds(x.ResetsIn)
	}
	return &errorDetails{d}
}

func wholeSeconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// geminiDetails are the details of an error in the forms that Google's clients read
// (google.rpc.ErrorInfo, QuotaFailure and RetryInfo).
func geminiDetails(e *llm.Error) (list []any) {
	if d := detailsOf(e); d != nil {
		l := &d.Limit
		list = append(list, errorInfo(e, l), quotaFailure(e, l))
	}
	if e.RetryAfter > 0 {
		list = append(list, struct {
			Type  string `json:"@type"`
			Delay string `json:"retryDelay"`
		}{"type.googleapis.com/google.rpc.RetryInfo", strconv.FormatInt(wholeSeconds(e.RetryAfter), 10) + "s"})
	}
	return list
}

// errorInfo has the same members as the other dialects' details, all of them strings.
func errorInfo(e *llm.Error, l *limitDetail) any {
	metadata := map[string]string{"name": l.Name, "scope": l.Scope, "unit": string(l.Unit), "reason": string(l.Reason), "max": string(l.Max),
		"spent": string(l.Spent), "reserved": string(l.Reserved), "requested": string(l.Requested), "raise": l.Raise}
	if l.Window != "" {
		metadata["window"] = l.Window
	}
	if l.ResetsAt != "" {
		metadata["resets_at"], metadata["resets_in_s"] = l.ResetsAt, strconv.FormatInt(l.ResetsInS, 10)
	}
	return struct {
		Type     string            `json:"@type"`
		Reason   string            `json:"reason"`
		Domain   string            `json:"domain"`
		Metadata map[string]string `json:"metadata"`
	}{"type.googleapis.com/google.rpc.ErrorInfo", strings.ToUpper(string(e.Code)), "penstock.dev", metadata}
}

func quotaFailure(e *llm.Error, l *limitDetail) any {
	type violation struct {
		Subject     string `json:"subject"`
		Description string `json:"description"`
		Metric      string `json:"quotaMetric"`
		ID          string `json:"quotaId"`
		Value       string `json:"quotaValue"`
	}
	return struct {
		Type       string      `json:"@type"`
		Violations []violation `json:"violations"`
	}{"type.googleapis.com/google.rpc.QuotaFailure", []violation{{l.Scope, e.Message, string(l.Unit), quotaID(e, l), string(l.Max)}}}
}

// quotaID names a limit as Google's quotas are named. Its clients give up at once on one that is
// PerDay, and wait for one that is PerMinute.
func quotaID(e *llm.Error, l *limitDetail) string {
	id := strings.ReplaceAll(string(l.Unit), "_", "-")
	switch {
	case l.Window == "":
		return id
	case e.Retried:
		return id + "PerDay"
	}
	return id + "PerMinute"
}
