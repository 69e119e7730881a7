package keys

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestCreateRefusesNonsense(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	long := strings.Repeat("x", maxName+1)
	for _, s := range []Spec{{}, {Name: long}, {Name: "a", Tags: map[string]string{long: ""}}, {Name: "a", Models: make([]string, maxList+1)},
		{Name: "a", Tags: map[string]string{llm.PriorityTag: "urgent"}}, {Name: "a", Expires: c.now()}, {Name: "a", Budget: llm.Budget{Max: 1}}, {Name: "a", Budget: llm.Budget{Max: -1, Window: "day"}}} {
		if _, _, err := k.Create(t.Context(), s); llm.AsError(err).Status != 400 {
			t.Errorf("Create(%+v) = %v, want status 400", s, err)
		}
	}
}

func TestParseBudget(t *testing.T) {
	for in, want := range map[string]llm.Budget{"5usd/day": {Max: 5 * llm.USD, Window: "day"}, "0.25usd/5h": {Max: llm.USD / 4, Window: "5h"},
		"9usd/rolling 30d": {Max: 9 * llm.USD, Window: "rolling 30d"}, "1usd/day in Europe/London": {Max: llm.USD, Window: "day in Europe/London"}} {
		if got, err := ParseBudget(in); err != nil || got != want {
			t.Errorf("ParseBudget(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "5", "5usd", "5/day", "5eur/day", "0usd/day", "-5usd/day", "5usd/fortnight", "5usd/month from 31", "5usd/rolling day", "usd/day", "5 usd/day/week"} {
		if got, err := ParseBudget(in); err == nil {
			t.Errorf("ParseBudget(%q) = %+v, want an error", in, got)
		}
	}
}

func FuzzParseBudget(f *testing.F) {
	for _, s := range []string{"5usd/day", "0.50usd/1h", "1e-3usd/month", "usd/day", "5/day", "-1usd/day", "5usd/", "0usd/day"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseBudget(s)
		if err != nil {
			return
		}
		again, err := ParseBudget(b.Max.Decimal() + "usd/" + b.Window)
		if err != nil || again != b || b.Max <= 0 {
			t.Errorf("ParseBudget(%q) = %+v, printed and read again %+v, %v", s, b, again, err)
		}
	})
}

func TestParseExpiry(t *testing.T) {
	now := newClock().now()
	for in, want := range map[string]time.Time{
		"30d": now.AddDate(0, 0, 30), "12h": now.Add(12 * time.Hour), "2w": now.AddDate(0, 0, 14), "90m": now.Add(90 * time.Minute),
		"2027-01-31": time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), "2027-01-31T08:00:00+01:00": time.Date(2027, 1, 31, 7, 0, 0, 0, time.UTC),
	} {
		if got, err := ParseExpiry(in, now); err != nil || !got.Equal(want) {
			t.Errorf("ParseExpiry(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "0d", "-1d", "30", "30y", "1.5d", "99999999999w", "2027-02-30", "ä"} {
		if got, err := ParseExpiry(in, now); err == nil {
			t.Errorf("ParseExpiry(%q) = %v, want an error", in, got)
		}
	}
}
