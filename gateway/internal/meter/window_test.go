package meter

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("this machine has no time zone %s: %v", name, err)
	}
	return loc
}

func TestWindows(t *testing.T) {
	berlin, havana, beirut := zone(t, "Europe/Berlin"), zone(t, "America/Havana"), zone(t, "Asia/Beirut")
	lordHowe, kathmandu, london, apia := zone(t, "Australia/Lord_Howe"), zone(t, "Asia/Kathmandu"), zone(t, "Europe/London"), zone(t, "Pacific/Apia")
	cases := []struct {
		name, window, now, id, end string
		loc                        *time.Location
	}{
		{"minute", "1m", "2026-11-22T10:05:59Z", "2026-11-22T10:05:00Z", "2026-11-22T10:06:00Z", time.UTC},
		{"five hours count from the epoch", "5h", "2026-11-22T10:05:59Z", "2026-11-22T09:00:00Z", "2026-11-22T14:00:00Z", time.UTC},
		{"day", "day", "2026-11-22T23:59:59Z", "2026-11-22", "2026-11-23T00:00:00Z", time.UTC},
		{"day by the wall clock", "day", "2026-11-22T23:30:00Z", "2026-11-23", "2026-11-23T23:00:00Z", berlin},
		{"day of 23 hours", "day", "2026-03-29T03:00:00Z", "2026-03-29", "2026-03-29T22:00:00Z", berlin},
		{"day of 25 hours", "day", "2026-10-25T03:00:00Z", "2026-10-25", "2026-10-25T23:00:00Z", berlin},
		{"Sunday ends its week", "week", "2026-11-22T10:00:00Z", "2026-11-16", "2026-11-23T00:00:00Z", time.UTC},
		{"Monday begins a week", "week", "2026-11-23T00:00:00Z", "2026-11-23", "2026-11-30T00:00:00Z", time.UTC},
		{"week over a clock change", "week", "2026-10-25T12:00:00Z", "2026-10-19", "2026-10-25T23:00:00Z", berlin},
		{"month end", "month", "2026-01-31T23:59:59Z", "2026-01", "2026-02-01T00:00:00Z", time.UTC},
		{"leap February", "month", "2028-02-29T12:00:00Z", "2028-02", "2028-03-01T00:00:00Z", time.UTC},
		{"year end", "month", "2026-12-31T12:00:00Z", "2026-12", "2027-01-01T00:00:00Z", time.UTC},
		{"midnight twice, first hour", "day", "2026-11-01T04:30:00Z", "2026-11-01", "2026-11-02T05:00:00Z", havana},
		{"midnight twice, the evening before", "day", "2026-11-01T03:30:00Z", "2026-10-31", "2026-11-01T04:00:00Z", havana},
		{"midnight skipped", "day", "2026-03-28T21:59:00Z", "2026-03-28", "2026-03-28T22:00:00Z", beirut},
		{"seven days count from the epoch", "7d", "2026-11-22T10:00:00Z", "2026-11-19T00:00:00Z", "2026-11-26T00:00:00Z", berlin},
		{"before the epoch", "1h", "1969-12-31T23:30:00Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z", time.UTC},
		{"minute of the clock", "minute", "2026-11-22T10:05:59Z", "2026-11-22T10:05:00Z", "2026-11-22T10:06:00Z", berlin},
		{"hour of a zone with a quarter of an hour", "hour", "2026-11-22T10:05:00Z", "2026-11-22T09:15:00Z", "2026-11-22T10:15:00Z", kathmandu},
		{"the hour in which the clocks go forward", "hour", "2026-03-29T00:59:59Z", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", london},
		{"half an hour is set back", "hour", "2026-04-04T14:45:00Z", "2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z", lordHowe},
		{"the half hour after it", "hour", "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z", lordHowe},
		{"week from Sunday", "week from Sunday", "2026-11-21T23:00:00Z", "2026-11-15", "2026-11-22T00:00:00Z", time.UTC},
		{"Sunday begins it", "week from Sunday", "2026-11-22T00:00:00Z", "2026-11-22", "2026-11-29T00:00:00Z", time.UTC},
		{"month from 15, before", "month from 15", "2026-03-14T23:59:59Z", "2026-02-15", "2026-03-15T00:00:00Z", time.UTC},
		{"month from 15, on it", "month from 15", "2026-03-15T00:00:00Z", "2026-03-15", "2026-04-15T00:00:00Z", time.UTC},
		{"month from 28 in a leap year", "month from 28", "2028-02-29T12:00:00Z", "2028-02-28", "2028-03-28T00:00:00Z", time.UTC},
		{"month from 15 over the new year", "month from 15", "2027-01-03T12:00:00Z", "2026-12-15", "2027-01-15T00:00:00Z", time.UTC},
		{"quarter", "quarter", "2026-11-22T12:00:00Z", "2026-10-01", "2027-01-01T00:00:00Z", time.UTC},
		{"quarter from February, before", "quarter from 02-01", "2026-01-31T12:00:00Z", "2025-11-01", "2026-02-01T00:00:00Z", time.UTC},
		{"quarter from February, in April", "quarter from 02-01", "2026-04-30T23:59:59Z", "2026-02-01", "2026-05-01T00:00:00Z", time.UTC},
		{"quarter from a day in November", "quarter from 11-28", "2026-02-27T12:00:00Z", "2025-11-28", "2026-02-28T00:00:00Z", time.UTC},
		{"year", "year", "2028-12-31T23:59:59Z", "2028-01-01", "2029-01-01T00:00:00Z", time.UTC},
		{"fiscal year in its zone, before", "year from 04-06 in Europe/London", "2026-04-05T22:59:59Z", "2025-04-06", "2026-04-05T23:00:00Z", time.UTC},
		{"fiscal year in its zone, after", "year from 04-06 in Europe/London", "2026-04-05T23:00:00Z", "2026-04-06", "2027-04-05T23:00:00Z", time.UTC},
		{"year from the last day", "year from 12-31", "2026-12-30T00:00:00Z", "2025-12-31", "2026-12-31T00:00:00Z", time.UTC},
		{"a day that never was", "day", "2011-12-30T09:59:59Z", "2011-12-29", "2011-12-30T10:00:00Z", apia},
		{"a zone of its own", "day in America/Havana", "2026-11-01T04:30:00Z", "2026-11-01", "2026-11-02T05:00:00Z", berlin},
		{"part of a rolling hour", "rolling 1h", "2026-11-22T10:05:59Z", "2026-11-22T10:05:00Z", "2026-11-22T10:06:00Z", berlin},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			span, err := llm.ParseWindow(c.window)
			if err != nil {
				t.Fatal(err)
			}
			now, _ := time.Parse(time.RFC3339, c.now)
			w := windowAt(&span, now, c.loc)
			if got := w.end.UTC().Format(time.RFC3339); w.id != c.id || got != c.end {
				t.Errorf("windowAt(%s, %s) = %s until %s, want %s until %s", c.window, c.now, w.id, got, c.id, c.end)
			}
		})
	}
}

func TestWindowStarts(t *testing.T) {
	berlin, lordHowe := zone(t, "Europe/Berlin"), zone(t, "Australia/Lord_Howe")
	at := func(zone *time.Location, s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		window     string
		loc        *time.Location
		end, start time.Time
	}{
		{"day", berlin, at(berlin, "2026-03-30 00:00"), at(berlin, "2026-03-29 00:00")}, // of 23 hours
		{"week", berlin, at(berlin, "2026-11-30 00:00"), at(berlin, "2026-11-23 00:00")},
		{"month", berlin, at(berlin, "2026-03-01 00:00"), at(berlin, "2026-02-01 00:00")},
		{"month from 15 in UTC", berlin, at(time.UTC, "2026-12-15 00:00"), at(time.UTC, "2026-11-15 00:00")},
		{"quarter", berlin, at(berlin, "2027-01-01 00:00"), at(berlin, "2026-10-01 00:00")},
		{"year", berlin, at(berlin, "2027-01-01 00:00"), at(berlin, "2026-01-01 00:00")},
		{"hour", berlin, at(berlin, "2026-11-30 13:00"), at(berlin, "2026-11-30 12:00")},
		{"minute", berlin, at(berlin, "2026-11-30 13:00"), at(berlin, "2026-11-30 12:59")},
		{"5h", berlin, at(time.UTC, "2026-11-30 17:00"), at(time.UTC, "2026-11-30 12:00")},
		{"hour", lordHowe, at(time.UTC, "2026-04-04 15:30"), at(time.UTC, "2026-04-04 15:00")}, // half an hour was set back
	} {
		span, err := llm.ParseWindow(c.window)
		if err != nil {
			t.Fatal(err)
		}
		if w := windowAt(&span, c.end.Add(-1), c.loc); !w.end.Equal(c.end) || !w.start.Equal(c.start) {
			t.Errorf("%s until %v: from %v until %v, want from %v", c.window, c.end, w.start, w.end, c.start)
		}
	}
	m := New(time.Now, nil, Options{})
	mustReserve(t, m, "a", []llm.Limit{count(llm.UnitRequests, "rolling 24h", 5)}, llm.Amounts{Requests: 1})
	for _, c := range countsOf(m) {
		if !c.Starts.IsZero() {
			t.Errorf("a rolling window starts at %v, want none", c.Starts)
		}
	}
}

// In every zone, windows follow each other without gap or overlap.
func TestWindowsTile(t *testing.T) {
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Asia/Beirut", "Africa/Cairo",
		"Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Atlantic/Azores"} {
		zones = append(zones, zone(t, name))
	}
	rapid.Check(t, func(t *rapid.T) {
		loc := rapid.SampledFrom(zones).Draw(t, "zone")
		span, _ := llm.ParseWindow(rapid.SampledFrom([]string{"1s", "7m", "1h", "5h", "7d", "minute", "hour", "day", "week", "month", "quarter", "year",
			"week from Thursday", "month from 28", "quarter from 12-28", "year from 04-06", "year from 12-31", "rolling 1h", "rolling 30d", "day in Asia/Gaza"}).Draw(t, "window"))
		now := time.Unix(rapid.Int64Range(-2e9, 4e9).Draw(t, "now"), 0)
		w := windowAt(&span, now, loc)
		if !w.covers(now) {
			t.Fatalf("the window %s ends at %v, before now %v", w.id, w.end, now.In(loc))
		}
		if w.start.After(now) {
			t.Fatalf("the window %s starts at %v, after now %v", w.id, w.start, now.In(loc))
		}
		if last := windowAt(&span, w.end.Add(-1), loc); last != w {
			t.Fatalf("the last instant of %v is in %v (now %v)", w, last, now.In(loc))
		}
		if next := windowAt(&span, w.end, loc); next.id == w.id || !next.end.After(w.end) || !next.start.Equal(w.end) {
			t.Fatalf("%v is followed by %v (now %v)", w, next, now.In(loc))
		}
		if longest := w.end.Sub(now); longest > span.Longest() {
			t.Fatalf("%v has %v to go, more than Longest() = %v", w, longest, span.Longest())
		}
	})
}
