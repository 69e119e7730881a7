package dashboard

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestPace(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	day := func(used int64) Count {
		return Count{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", Used: used * int64(llm.USD), Max: 10 * int64(llm.USD), Starts: now.Add(-12 * time.Hour), Resets: now.Add(12 * time.Hour)}
	}
	early, rolling, over := day(1), day(1), day(1)
	early.Starts, early.Resets = now.Add(-time.Minute), now.Add(24*time.Hour)
	rolling.Starts = time.Time{}
	over.Resets = now.Add(-time.Second)
	for _, c := range []struct {
		name  string
		count Count
		words string
	}{
		{"half used up at half time", day(5), "100 % at its end"},
		{"a little", day(1), "20 % at its end"},
		{"too much", day(8), "full in 3 h"},
		{"full", day(10), "full"},
		{"more than full", day(30), "full"},
		{"nothing", day(0), ""},
		{"only begun", early, ""},
		{"rolling", rolling, ""},
		{"over", over, ""},
	} {
		if got := paceOf(&c.count, now).words(&c.count, now); got != c.words {
			t.Errorf("%s: %q, want %q", c.name, got, c.words)
		}
	}
}

// TestBurnDown: the page of a team shows what is left of its budgets, and when they are used up.
func TestBurnDown(t *testing.T) {
	g := &fake{}
	x := newTestDashboard(t, g)
	x.signInByLink(t)
	budget := Count{Scope: "team:" + hostile, Unit: llm.UnitUSD, Window: "month", Used: 20 * int64(llm.USD), Max: 30 * int64(llm.USD),
		Starts: time.Date(2026, 11, 15, 0, 0, 0, 0, time.UTC), Resets: time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)}
	minute := budget
	minute.Starts, minute.Resets = x.now.Add(-time.Minute), x.now.Add(time.Minute)
	g.budgets = []Count{minute, budget}
	_, page := x.get(t, "/spend?team=a")
	for _, want := range []string{"Left of $30.00 a month for team:", "At this rate it is used up on 8 Dec 06:00, before it resets on 15 Dec 00:00.", `<td class="num">$10.00</td><td class="num">$10.00</td>`, `class="ahead"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Count(page, "Left of") != 2 || strings.Contains(page, "<script>alert") { // its label and its heading
		t.Errorf("the page has %d budgets, or shows text as markup", strings.Count(page, "Left of"))
	}
	g.budgets[1].Used = 31 * int64(llm.USD)
	if _, page := x.get(t, "/spend?team=a"); !strings.Contains(page, "It is used up until it resets on 15 Dec 00:00.") {
		t.Error("the page does not say that the budget is used up")
	}
}
