package llm

import (
	"encoding/json"
	"strconv"
	"time"
)

// Exceeded says why a limit refuses a request, for programs: the message says it for people.
type Exceeded struct {
	Limit
	Why Shortage
	// Spent is what is used of the limit, Reserved what requests in flight hold, Requested what
	// this request takes at most, or at least where its output has no bound of the caller's.
	// All are in the limit's unit.
	Spent, Reserved, Requested int64
	// ResetsAt is when the window ends, ResetsIn how long that takes; zero for UnitConcurrent.
	ResetsAt time.Time
	ResetsIn time.Duration
	// States are all limits of the request with their counters, of which it took nothing.
	States []LimitState
}

// Shortage is why a limit has no room.
type Shortage string

// The shortages.
const (
	// UsedUp ends with the limit's window, Held when requests in flight have ended.
	UsedUp Shortage = "used_up"
	Held   Shortage = "held"
	// TooSmall never ends: the request takes more than the whole limit.
	TooSmall Shortage = "too_small"
)

// RaiseAdvice is how a caller, who can't raise a limit, has it raised.
const RaiseAdvice = "to have it raised, ask your gateway's operator (penstock budget raise)"

// Amount formats an amount of a unit as a JSON number: money in US dollars.
func (u Unit) Amount(n int64) json.Number {
	if u == UnitUSD {
		return json.Number(NanoUSD(n).Decimal())
	}
	return json.Number(strconv.FormatInt(n, 10))
}
