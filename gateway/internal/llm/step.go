package llm

import "time"

// Step is a step of the calendar by which spend is summed up.
type Step string

// The steps.
const (
	StepHour  Step = "hour"
	StepDay   Step = "day"
	StepWeek  Step = "week" // from Monday
	StepMonth Step = "month"
)

// Known reports whether it is one of the steps.
func (s Step) Known() bool {
	switch s {
	case StepHour, StepDay, StepWeek, StepMonth:
		return true
	}
	return false
}

// Label names the step that a time is in, in the time's zone: "2026-11-30T10:00Z", "2026-11-30" for
// a day or the week from that Monday on, "2026-11".
func (s Step) Label(t time.Time) string {
	switch s {
	case StepHour:
		return t.Format("2006-01-02T15:00Z07:00")
	case StepWeek:
		return t.AddDate(0, 0, -sinceMonday(t)).Format(time.DateOnly)
	case StepMonth:
		return t.Format("2006-01")
	}
	return t.Format(time.DateOnly)
}

// Next returns when the step after the one of a time begins, in the time's zone.
func (s Step) Next(t time.Time) time.Time {
	year, month, day := t.Date()
	switch s {
	case StepHour:
		_, minute, second := t.Clock()
		return t.Add(time.Hour - time.Duration(minute)*time.Minute - time.Duration(second)*time.Second - time.Duration(t.Nanosecond()))
	case StepWeek:
		return time.Date(year, month, day+7-sinceMonday(t), 0, 0, 0, 0, t.Location())
	case StepMonth:
		return time.Date(year, month+1, 1, 0, 0, 0, 0, t.Location())
	}
	return time.Date(year, month, day+1, 0, 0, 0, 0, t.Location())
}

// sinceMonday returns how many days a time's day is after the Monday of its week.
func sinceMonday(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }
