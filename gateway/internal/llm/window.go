package llm

import "time"

// Window is the parsed form of a limit's window.
type Window struct {
	// Every is the length of a fixed window, counted from the Unix epoch, or of a rolling one:
	// a whole number of seconds. It is 0 for a calendar window.
	Every time.Duration
	// Rolling says that the window is the time up to now, and not an interval that begins anew.
	Rolling bool
	// Calendar is "minute", "hour", "day", "week", "month", "quarter" or "year"; empty for a
	// window that has Every.
	Calendar string
	// Weekday is the first day of a week.
	Weekday time.Weekday
	// Month and Day are where a year begins, and a quarter counts from; of a month only Day is
	// used. They are 1 unless the window has "from".
	Month time.Month
	Day   int
	// Zone is the calendar's time zone; nil means the configured one.
	Zone *time.Location
}

// RollingParts is how many parts a rolling window is counted in. A part counts until all of it
// has left the window: an amount counts for at most one part longer than it should, and never
// shorter.
const RollingParts = 60

// Part returns the length of one part of a rolling window, a whole number of seconds.
func (w Window) Part() time.Duration {
	return max((w.Every/RollingParts + time.Second - 1).Truncate(time.Second), time.Second)
}

// Longest returns the most time for which an amount counts in one such window, clock changes
// included.
func (w Window) Longest() time.Duration {
	const day = 24 * time.Hour
	const clockChange = 3 * time.Hour
	switch w.Calendar {
	case "minute":
		return time.Minute
	case "hour":
		return time.Hour
	case "day":
		return day + clockChange
	case "week":
		return 7*day + clockChange
	case "month":
		return 31*day + clockChange
	case "quarter":
		return 92*day + clockChange
	case "year":
		return 366*day + clockChange
	}
	if w.Rolling {
		return w.Every + w.Part()
	}
	return w.Every
}
