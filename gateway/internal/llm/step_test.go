package llm

import (
	"testing"
	"time"
)

func TestSteps(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	india := time.FixedZone("IST", 19800)
	for _, c := range []struct {
		step        Step
		at          time.Time
		label, next string
	}{
		{StepHour, time.Date(2026, 11, 30, 10, 59, 59, 1, time.UTC), "2026-11-30T10:00Z", "2026-11-30T11:00:00Z"},
		{StepHour, time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC).In(berlin), "2026-10-25T02:00+02:00", "2026-10-25T02:00:00+01:00"},
		{StepHour, time.Date(2026, 11, 30, 23, 15, 0, 0, india), "2026-11-30T23:00+05:30", "2026-12-01T00:00:00+05:30"},
		{StepDay, time.Date(2026, 10, 25, 12, 0, 0, 0, berlin), "2026-10-25", "2026-10-26T00:00:00+01:00"},
		{StepWeek, time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), "2026-11-23", "2026-11-30T00:00:00Z"},
		{StepWeek, time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), "2026-11-30", "2026-12-07T00:00:00Z"},
		{StepMonth, time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC), "2026-12", "2027-01-01T00:00:00Z"},
	} {
		if label, next := c.step.Label(c.at), c.step.Next(c.at).Format(time.RFC3339); label != c.label || next != c.next || !c.step.Known() {
			t.Errorf("%s of %v: %s, then %s; want %s, then %s", c.step, c.at, label, next, c.label, c.next)
		}
	}
	if Step("year").Known() || Step("").Known() {
		t.Error("a year or nothing is a step")
	}
}
