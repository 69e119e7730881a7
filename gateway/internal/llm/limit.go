package llm

import (
	"encoding/json"
	"slices"
)

// Unit is what a limit counts.
type Unit string

// The units of limits.
const (
	UnitUSD          Unit = "usd"
	UnitTokens       Unit = "tokens"
	UnitInputTokens  Unit = "input_tokens"
	UnitOutputTokens Unit = "output_tokens"
	UnitRequests     Unit = "requests"
	UnitConcurrent   Unit = "concurrent"
)

var units = [...]Unit{UnitUSD, UnitTokens, UnitInputTokens, UnitOutputTokens, UnitRequests, UnitConcurrent}

// Units returns all units of limits.
func Units() []Unit { return slices.Clone(units[:]) }

// Known reports whether it is one of Units.
func (u Unit) Known() bool { return slices.Contains(units[:], u) }

// Limit is one meter's bound for a window.
type Limit struct {
	Name string `json:"name"`
	// Scope is free text such as "team:search" or "tag:usecase=support".
	Scope string `json:"scope"`
	Unit  Unit   `json:"unit"`
	// Window is as ParseWindow reads it. It is empty for UnitConcurrent.
	Window string `json:"window"`
	// Max is in nano-USD for UnitUSD, otherwise a count. Raised is how much of it an operator's
	// temporary raise adds to what the policy says; 0 without one.
	Max    int64 `json:"max"`
	Raised int64 `json:"raised,omitempty"`
	// OnExceed is what happens when more is used. Empty means ExceedDeny.
	OnExceed OnExceed `json:"on_exceed,omitempty"`
}

// OnExceed is what happens when a limit is exceeded.
type OnExceed string

// The values of OnExceed. Requests that would exceed a limit are refused, unless it only
// warns. A stream that uses more than was reserved for it goes on beyond a limit that denies,
// which then denies later ones; one that cuts ends it.
const (
	ExceedDeny OnExceed = ""
	ExceedWarn OnExceed = "warn"
	ExceedCut  OnExceed = "cut"
)

// Hard reports whether the limit refuses requests.
func (l *Limit) Hard() bool { return l.OnExceed != ExceedWarn }

// Cuts reports whether the limit ends streams.
func (l *Limit) Cuts() bool { return l.OnExceed == ExceedCut }

// UnmarshalJSON also reads records of earlier versions, which have "warn": true.
func (l *Limit) UnmarshalJSON(data []byte) error {
	type plain Limit
	var in struct {
		*plain
		Warn bool `json:"warn"`
	}
	in.plain = (*plain)(l)
	err := json.Unmarshal(data, &in)
	switch {
	case in.Warn:
		l.OnExceed = ExceedWarn
	case l.OnExceed == "deny":
		l.OnExceed = ExceedDeny
	}
	return err
}

// Amounts are what a request takes from limits, one number per unit.
type Amounts struct {
	USD          NanoUSD
	InputTokens  int64
	OutputTokens int64
	// Requests is 1 for a request that reached a provider. Concurrent is always 1
	// while it is held and never settled.
	Requests int64
}

// Of returns the amount that a limit of this unit counts.
func (a Amounts) Of(u Unit) int64 {
	switch u {
	case UnitUSD:
		return int64(a.USD)
	case UnitTokens:
		return Add(a.InputTokens, a.OutputTokens)
	case UnitInputTokens:
		return a.InputTokens
	case UnitOutputTokens:
		return a.OutputTokens
	case UnitRequests:
		return a.Requests
	case UnitConcurrent:
		return 1
	}
	return 0
}

// LimitState is a limit with its counters around one reservation.
type LimitState struct {
	Limit
	// WindowID names the window of the reservation, "2026-11-22" for a day, or the part of a
	// rolling one: it is settled there even when that window has ended since.
	WindowID string `json:"window_id"`
	// Before is what was spent and reserved by others, Held the part of it that requests in
	// flight reserved, Reserved what this request took, in the limit's unit.
	Before   int64 `json:"before"`
	Held     int64 `json:"held,omitempty"`
	Reserved int64 `json:"reserved"`
	// ResetsAt is when the window ends, or when a rolling one no longer counts what it counts
	// now, in Unix milliseconds; 0 for concurrent.
	ResetsAt int64 `json:"resets_at"`
	// Exceeded marks a warn-limit that this request went beyond.
	Exceeded bool `json:"exceeded,omitempty"`
}

// UnmarshalJSON is needed because the one of Limit would read the limit alone.
func (s *LimitState) UnmarshalJSON(data []byte) error {
	var in struct {
		WindowID string `json:"window_id"`
		Before   int64  `json:"before"`
		Held     int64  `json:"held"`
		Reserved int64  `json:"reserved"`
		ResetsAt int64  `json:"resets_at"`
		Exceeded bool   `json:"exceeded"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	s.WindowID, s.Before, s.Held, s.Reserved, s.ResetsAt, s.Exceeded = in.WindowID, in.Before, in.Held, in.Reserved, in.ResetsAt, in.Exceeded
	return s.Limit.UnmarshalJSON(data)
}

// Charge is an amount to add to one meter's window.
type Charge struct {
	Scope    string `json:"scope"`
	Unit     Unit   `json:"unit"`
	Window   string `json:"window"`
	WindowID string `json:"window_id"`
	Amount   int64  `json:"amount"`
}
