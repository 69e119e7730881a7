package meter

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// window is a half-open interval with an id. The zero window never ends.
type window struct {
	id  string
	end time.Time
}

// covers reports whether now is before the window's end. A clock that was set back stays
// in the window, so that it gives no fresh budget.
func (w window) covers(now time.Time) bool { return w.end.IsZero() || now.Before(w.end) }

// resetsAt returns the end in Unix milliseconds; 0 for a window without one.
func (w window) resetsAt() int64 {
	if w.end.IsZero() {
		return 0
	}
	return w.end.UnixMilli()
}

// windowAt returns the window that contains now. Fixed windows are counted from the
// Unix epoch, calendar windows follow loc.
func windowAt(s llm.Window, now time.Time, loc *time.Location) window {
	switch {
	case s.Every > 0:
		return fixedAt(s.Every, now)
	case s.Calendar == "":
		return window{}
	}
	first, next := calendarDays(s.Calendar, now.In(loc))
	return window{id: first.Format(calendarID(s.Calendar)), end: midnight(next, loc)}
}

func fixedAt(every time.Duration, now time.Time) window {
	n := int64(every / time.Second)
	start := now.Unix() / n * n
	return window{id: time.Unix(start, 0).UTC().Format("2006-01-02T15:04:05Z"), end: time.Unix(start+n, 0)}
}

// calendarDays returns the first day of the window and the first one after it, as midnights
// in UTC, where every day has every hour.
func calendarDays(kind string, now time.Time) (first, next time.Time) {
	y, m, d := now.Date()
	switch kind {
	case "week":
		sinceMonday := (int(now.Weekday()) + 6) % 7
		d -= sinceMonday
		return date(y, m, d), date(y, m, d+7)
	case "month":
		return date(y, m, 1), date(y, m+1, 1)
	}
	return date(y, m, d), date(y, m, d+1)
}

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// calendarID returns the layout of a window's id: its first day, or its month.
func calendarID(kind string) string {
	if kind == "month" {
		return "2006-01"
	}
	return "2006-01-02"
}

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
