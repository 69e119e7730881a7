package llm

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// loaded returns a time zone.
func loaded(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("this machine has no time zone %s: %v", name, err)
	}
	return loc
}

// calendar returns the calendar window of a kind as it is without "from" and "in".
func calendar(kind string) Window {
	return Window{Calendar: kind, Weekday: time.Monday, Month: time.January, Day: 1}
}

func TestParseWindow(t *testing.T) {
	sunday, fifteenth, february, april := calendar("week"), calendar("month"), calendar("quarter"), calendar("year")
	sunday.Weekday, fifteenth.Day, february.Month, april.Month = time.Sunday, 15, time.February, time.April
	april.Day = 6
	newYork := calendar("day")
	newYork.Zone = loaded(t, "America/New_York")
	british := april
	british.Zone = loaded(t, "Europe/London")
	for in, want := range map[string]Window{
		"1s": {Every: time.Second}, "1m": {Every: time.Minute}, "5h": {Every: 5 * time.Hour}, "7d": {Every: 7 * 24 * time.Hour},
		"8784h": {Every: 366 * 24 * time.Hour}, "366d": {Every: 366 * 24 * time.Hour},
		"minute": calendar("minute"), "hour": calendar("hour"), "day": calendar("day"), "week": calendar("week"),
		"month": calendar("month"), "quarter": calendar("quarter"), "year": calendar("year"),
		"week from Sunday": sunday, "month from 15": fifteenth, "quarter from 02-01": february, "year from 04-06": april,
		"day in America/New_York": newYork, "year from 04-06 in Europe/London": british,
		"rolling 1h": {Every: time.Hour, Rolling: true}, "rolling 30d": {Every: 720 * time.Hour, Rolling: true},
	} {
		got, err := ParseWindow(in)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) { // a zone is loaded anew each time
			t.Errorf("ParseWindow(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
}

func TestParseWindowRefuses(t *testing.T) {
	for in, why := range map[string]string{
		"": "write minute", "m": "write minute", "0m": "write minute", "-1m": "write minute", "+1m": "write minute", "01m": "write minute",
		"1": "write minute", "1 m": "write minute", "1µ": "write minute", "1.5h": "write minute", "Day": "write minute", "fortnight": "write minute",
		"8785h": "longest is 366d", "367d": "longest is 366d", "1000000000d": "longest is 366d", "99999999999999999999999h": "longest is 366d",
		"rolling": "write minute", "rolling ": "write minute", "rolling day": "write minute", "rolling 0h": "write minute", "rolling 400d": "longest is 366d",
		"rolling 1h in Europe/London": "write minute", "1h in Europe/London": "write minute", "rolling rolling 1h": "write minute",
		"month from 31": "day from 1 to 28", "month from 0": "day from 1 to 28", "month from 05": "day from 1 to 28", "month from ": "day from 1 to 28",
		"year from 02-30": "every year has", "year from 02-29": "every year has", "year from 13-01": "every year has", "year from 4-1": "every year has",
		"quarter from 01-29": "day up to 28", "quarter from 2": "day up to 28",
		"week from sunday": "weekday", "week from 1": "weekday", "day from 12": "is for week", "hour from 3": "is for week",
		"day in Europe/Atlantis": "unknown", "day in Local": "unknown", "day in ": "unknown", "day in ../etc/passwd": "unknown",
		"day  in Europe/London": "write minute", "month in UTC from 15": "unknown", " day": "write minute", "day ": "write minute",
		strings.Repeat("9", 1000): "too long",
	} {
		got, err := ParseWindow(in)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("ParseWindow(%.40q) = %+v, %v, want an error with %q", in, got, err, why)
		}
	}
}

// TestPartsOfRollingWindows: they are whole seconds, and there are never more of them than
// are kept.
func TestPartsOfRollingWindows(t *testing.T) {
	for every, want := range map[time.Duration]time.Duration{
		time.Second: time.Second, time.Minute: time.Second, 61 * time.Second: 2 * time.Second, time.Hour: time.Minute,
		24 * time.Hour: 24 * time.Minute, maxWindow: 527040 * time.Second,
	} {
		w := Window{Every: every, Rolling: true}
		if got := w.Part(); got != want || (every+got-1)/got > RollingParts || w.Longest() != every+got {
			t.Errorf("a rolling window of %v has parts of %v, want %v", every, got, want)
		}
	}
}

func FuzzParseWindow(f *testing.F) {
	for _, text := range []string{"5h", "day", "year from 04-06 in Europe/London", "rolling 24h", "month from 31", "week from Sunday", "1000000000d", "day in "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ParseWindow(text)
		if err == nil && (w.Longest() < time.Second || w.Longest() > maxWindow+7*24*time.Hour || (w.Every > 0) == (w.Calendar != "")) {
			t.Errorf("ParseWindow(%q) = %+v, which lasts %v", text, w, w.Longest())
		}
		if err != nil && len(err.Error()) > 2000 {
			t.Errorf("ParseWindow(%.20q) has an error of %d bytes", text, len(err.Error()))
		}
	})
}

func BenchmarkParseWindow(b *testing.B) {
	for _, text := range []string{"5h", "year from 04-06", "day in Europe/London"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseWindow(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
