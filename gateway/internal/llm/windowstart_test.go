package llm_test

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestWindowStart(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(zone *time.Location, s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		window    string
		end, want time.Time
	}{
		{"day", at(berlin, "2026-03-30 00:00"), at(berlin, "2026-03-29 00:00")}, // of 23 hours
		{"week", at(berlin, "2026-11-30 00:00"), at(berlin, "2026-11-23 00:00")},
		{"month", at(berlin, "2026-03-01 00:00"), at(berlin, "2026-02-01 00:00")},
		{"month from 15 in UTC", at(time.UTC, "2026-12-15 00:00"), at(time.UTC, "2026-11-15 00:00")},
		{"quarter", at(berlin, "2027-01-01 00:00"), at(berlin, "2026-10-01 00:00")},
		{"year", at(berlin, "2027-01-01 00:00"), at(berlin, "2026-01-01 00:00")},
		{"hour", at(berlin, "2026-11-30 13:00"), at(berlin, "2026-11-30 12:00")},
		{"minute", at(berlin, "2026-11-30 13:00"), at(berlin, "2026-11-30 12:59")},
		{"5h", at(time.UTC, "2026-11-30 15:00"), at(time.UTC, "2026-11-30 10:00")},
	} {
		w, err := llm.ParseWindow(c.window)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := w.Start(c.end.UTC(), berlin); !ok || !got.Equal(c.want) {
			t.Errorf("%s until %v: Start = %v, %t, want %v", c.window, c.end, got, ok, c.want)
		}
	}
	rolling, err := llm.ParseWindow("rolling 24h")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := rolling.Start(at(time.UTC, "2026-11-30 15:00"), time.UTC); ok {
		t.Errorf("a rolling window starts at %v, want none", got)
	}
}
