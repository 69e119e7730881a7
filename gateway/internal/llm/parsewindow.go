package llm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxWindow bounds fixed and rolling windows: a year.
const maxWindow = 366 * 24 * time.Hour

// maxWindowText bounds the text of a window, in bytes.
const maxWindowText = 100

// ParseWindow reads a window of one of three kinds. There is one way to write each:
//
//   - "30s", "1m", "5h", "7d": a length between one second and 366 days, counted from the Unix
//     epoch.
//   - "minute", "hour", "day", "week", "month", "quarter", "year" of the calendar, where a
//     week begins on Monday. "week from Sunday", "month from 15", "quarter from 02-01" and
//     "year from 04-01" begin at that weekday, day of the month (1 to 28) or month and day.
//     "in Europe/London" after that is a time zone of the IANA's.
//   - "rolling 24h": the time up to now, of a length as above.
func ParseWindow(s string) (Window, error) {
	if len(s) > maxWindowText {
		return Window{}, windowError(s[:maxWindowText], "it is too long")
	}
	if length, ok := strings.CutPrefix(s, "rolling "); ok {
		every, err := parseLength(s, length)
		return Window{Every: every, Rolling: err == nil}, err
	}
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		every, err := parseLength(s, s)
		return Window{Every: every}, err
	}
	return parseCalendar(s)
}

// parseLength reads a number and one of s, m, h, d out of the window s.
func parseLength(s, length string) (time.Duration, error) {
	if len(length) < 2 || length[0] < '1' || length[0] > '9' {
		return 0, windowError(s, "")
	}
	n, err := strconv.ParseInt(length[:len(length)-1], 10, 64)
	unit := unitOf(length[len(length)-1])
	switch {
	case unit == 0 || err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, windowError(s, "")
	case err != nil || n > int64(maxWindow/unit):
		return 0, windowError(s, "the longest is 366d")
	}
	return time.Duration(n) * unit, nil
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
	case 'd':
		return 24 * time.Hour
	}
	return 0
}

// parseCalendar reads "KIND", "KIND from START", and both with "in ZONE".
func parseCalendar(s string) (w Window, err error) {
	rest, zone, inZone := strings.Cut(s, " in ")
	kind, start, from := strings.Cut(rest, " from ")
	if !slices.Contains([]string{"minute", "hour", "day", "week", "month", "quarter", "year"}, kind) {
		return Window{}, windowError(s, "")
	}
	w = Window{Calendar: kind, Weekday: time.Monday, Month: time.January, Day: 1}
	if from {
		if why := w.from(start); why != "" {
			return Window{}, windowError(s, why)
		}
	}
	if inZone {
		if w.Zone, err = loadZone(zone); err != nil {
			return Window{}, windowError(s, fmt.Sprintf("time zone %q is unknown; write a name such as Europe/London", zone))
		}
	}
	return w, nil
}

// loadZone loads a zone by its name. "Local" would depend on the machine, and an empty name is
// UTC to package time.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("zone %q", name)
	}
	return time.LoadLocation(name)
}

// from sets where a window begins, and returns what is wrong with it; empty if nothing is.
func (w *Window) from(start string) (why string) {
	ok := false
	switch w.Calendar {
	case "week":
		if w.Weekday, ok = weekdayOf(start); !ok {
			return `"from" of a week is a weekday, such as Sunday`
		}
	case "month":
		if w.Day, ok = dayOf(start); !ok {
			return `"from" of a month is a day from 1 to 28, which every month has`
		}
	case "quarter":
		if w.Month, w.Day, ok = monthDayOf(start); !ok || w.Day > 28 {
			return `"from" of a quarter is a month and a day up to 28, such as 02-01`
		}
	case "year":
		if w.Month, w.Day, ok = monthDayOf(start); !ok || w.Month == time.February && w.Day == 29 {
			return `"from" of a year is a month and a day that every year has, such as 04-01`
		}
	default:
		return `"from" is for week, month, quarter and year`
	}
	return ""
}

func weekdayOf(name string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if d.String() == name {
			return d, true
		}
	}
	return 0, false
}

func dayOf(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= 28 && strconv.Itoa(n) == s
}

// monthDayOf reads a date of a leap year, as "04-01".
func monthDayOf(s string) (time.Month, int, bool) {
	t, err := time.Parse(time.DateOnly, "2028-"+s)
	return t.Month(), t.Day(), err == nil
}

func windowError(s, why string) error {
	if why == "" {
		why = "write minute, hour, day, week, month, quarter or year, a number and s, m, h or d such as 5h, or rolling 24h"
	}
	return fmt.Errorf("invalid window %q: %s", s, why)
}
