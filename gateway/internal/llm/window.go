package llm

import (
	"fmt"
	"strconv"
	"time"
)

// Window is the parsed form of a limit's window: a fixed length of time counted
// from the Unix epoch, or a day, week or month of a calendar. Exactly one of the
// two fields is set.
type Window struct {
	// Every is the length of a fixed window, a whole number of seconds.
	Every time.Duration
	// Calendar is "day", "week" or "month"; a week begins on Monday.
	Calendar string
}

// maxWindow bounds fixed windows: a year.
const maxWindow = 366 * 24 * time.Hour

// ParseWindow reads "30s", "1m", "5h", "day", "week" or "month". Lengths are
// between one second and 366 days.
func ParseWindow(s string) (Window, error) {
	switch s {
	case "day", "week", "month":
		return Window{Calendar: s}, nil
	}
	if len(s) < 2 || len(s) > 10 || s[0] < '1' || s[0] > '9' {
		return Window{}, windowError(s)
	}
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 64)
	unit := unitOf(s[len(s)-1])
	if err != nil || unit == 0 || n > int64(maxWindow/unit) {
		return Window{}, windowError(s)
	}
	return Window{Every: time.Duration(n) * unit}, nil
}

// unitOf returns the unit of a letter; 0 for none.
func unitOf(letter byte) time.Duration {
	switch letter {
	case 's':
		return time.Second
	case 'm':
		return time.Minute
	case 'h':
		return time.Hour
	}
	return 0
}

func windowError(s string) error {
	return fmt.Errorf("invalid window %q; write day, week, month, or a number and s, m or h, such as 5h", s)
}

// Longest returns the most time that one such window can last, clock changes included.
func (w Window) Longest() time.Duration {
	const day = 24 * time.Hour
	switch w.Calendar {
	case "day":
		return day + 3*time.Hour
	case "week":
		return 7*day + 3*time.Hour
	case "month":
		return 31*day + 3*time.Hour
	}
	return w.Every
}
