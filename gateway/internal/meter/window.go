package meter

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// window is a half-open interval with an id. The zero window never ends.
type window struct {
	id         string
	start, end time.Time
}

// covers reports whether now is before the window's end. A clock that was set back stays
// in the window, so that it gives no fresh budget.
func (w window) covers(now time.Time) bool { return w.end.IsZero() || now.Before(w.end) }

// windowAt returns the window that contains now; of a rolling window, its part. Fixed windows
// are counted from the Unix epoch, calendar windows follow loc unless they name a zone.
func windowAt(s *llm.Window, now time.Time, loc *time.Location) window {
	if s.Zone != nil {
		loc = s.Zone
	}
	switch {
	case s.Rolling:
		return fixedAt(s.Part(), now)
	case s.Every > 0:
		return fixedAt(s.Every, now)
	case s.Calendar == "":
		return window{}
	case s.Calendar == "minute":
		return clockAt(time.Minute, now, loc)
	case s.Calendar == "hour":
		return clockAt(time.Hour, now, loc)
	}
	first, next := calendarDays(s, localDate(now.In(loc)))
	return window{id: first.Format(dayID(s)), start: time.Unix(midnight(first, loc).Unix(), 0), end: midnight(next, loc)}
}

// instantID is the id of windows that do not begin with a day: their begin in UTC.
const instantID = "2006-01-02T15:04:05Z"

func fixedAt(every time.Duration, now time.Time) window {
	n := int64(every / time.Second)
	start := floor(now.Unix(), n)
	return interval(start, start+n)
}

// floor returns the greatest multiple of n up to t.
func floor(t, n int64) int64 {
	if r := t % n; r < 0 {
		return t - r - n
	} else {
		return t - r
	}
}

// clockAt returns the minute or hour of the wall clock. Where the clocks change within it, it
// ends, and another begins.
func clockAt(length time.Duration, now time.Time, loc *time.Location) window {
	_, offset := now.In(loc).Zone()
	n := int64(length / time.Second)
	start := floor(now.Unix()+int64(offset), n) - int64(offset)
	end := time.Unix(start+n, 0)
	changed, change := now.In(loc).ZoneBounds()
	if !changed.IsZero() {
		start = max(start, changed.Unix())
	}
	if !change.IsZero() && change.Before(end) {
		end = change
	}
	return interval(start, end.Unix())
}

// interval is a window that does not begin with a day, of two Unix times.
func interval(start, end int64) window {
	return window{id: time.Unix(start, 0).UTC().Format(instantID), start: time.Unix(start, 0), end: time.Unix(end, 0)}
}

// calendarDays returns the first day of the window and the first one after it, as midnights
// in UTC, where every day has every hour.
func calendarDays(s *llm.Window, today time.Time) (first, next time.Time) {
	y, m, d := today.Date()
	switch s.Calendar {
	case "week":
		d -= (int(today.Weekday()) - int(s.Weekday) + 7) % 7
		return date(y, m, d), date(y, m, d+7)
	case "month":
		return around(today, date(y, m, s.Day), 1)
	case "quarter":
		passed := (int(m) - int(s.Month) + 12) % 3 // months since a quarter's
		return around(today, date(y, m-time.Month(passed), s.Day), 3)
	case "year":
		return around(today, date(y, s.Month, s.Day), 12)
	}
	return today, date(y, m, d+1)
}

// around returns the start of the interval that contains today, and of the next. near is one
// of the starts, at most one interval away.
func around(today, near time.Time, months int) (first, next time.Time) {
	if today.Before(near) {
		return near.AddDate(0, -months, 0), near
	}
	return near, near.AddDate(0, months, 0)
}

// dayID returns the layout of the id of a window that begins with a day: that day, or the
// month of a month that begins with its first.
func dayID(s *llm.Window) string {
	if s.Calendar == "month" && s.Day == 1 {
		return "2006-01"
	}
	return time.DateOnly
}

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// midnight returns the first instant of a day in loc. Where the clocks skip midnight, that
// is when they do; where midnight comes twice, it is the first one.
func midnight(day time.Time, loc *time.Location) time.Time {
	y, m, d := day.Date()
	t := time.Date(y, m, d, 0, 0, 0, 0, loc)
	begin, end := t.ZoneBounds()
	if t.Day() != d { // no such hour: time.Date returned a time beside the gap
		if localDate(t).Before(day) {
			return end
		}
		return begin
	}
	if begin.IsZero() || t.Sub(begin) > 3*time.Hour {
		return t // the clocks did not change around this midnight
	}
	evening := begin.Add(-1).In(loc)
	if evening.Day() == d {
		_, offset := evening.Zone()
		return time.Date(y, m, d, 0, 0, 0, 0, time.FixedZone("", offset))
	}
	if begin.In(loc).Day() == d {
		return begin
	}
	return t
}

func localDate(t time.Time) time.Time { return date(t.Date()) }
