package activity

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOutages(t *testing.T) {
	start := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	now := start
	a := New(func() time.Time { return now })
	at := func(d time.Duration, open map[string]string) {
		now = start.Add(d)
		a.SetCircuits(open)
	}
	at(0, map[string]string{"a": "server", "b": "operator"})
	at(time.Second, map[string]string{"a": "timeout", "b": "operator"})
	at(2*time.Second, map[string]string{"b": "operator"})
	at(30*time.Second, map[string]string{"a": "server", "b": "operator"}) // the same outage
	at(40*time.Second, map[string]string{"b": "operator"})
	at(time.Hour, map[string]string{"a": "cut"})
	want := map[string][]Outage{
		"a": {{From: start, To: start.Add(40 * time.Second), Why: "server"}, {From: start.Add(time.Hour), Why: "cut"}},
		"b": {{From: start, To: start.Add(time.Hour), Why: "operator"}},
	}
	if diff := cmp.Diff(want, a.Outages()); diff != "" {
		t.Error(diff)
	}
	at(26*time.Hour, map[string]string{"a": "cut"})
	if diff := cmp.Diff(map[string][]Outage{"a": {{From: start.Add(time.Hour), Why: "cut"}}}, a.Outages()); diff != "" {
		t.Errorf("a day later: %s", diff)
	}
}

func TestOutagesAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	a := New(func() time.Time { return now })
	open := map[string]string{}
	for i := range maxFailing + 5 {
		open[fmt.Sprint("t", i)] = "server"
	}
	for range maxOutages + 5 {
		a.SetCircuits(open)
		now = now.Add(2 * time.Second)
		a.SetCircuits(nil)
		now = now.Add(2 * time.Minute)
	}
	all := a.Outages()
	for _, list := range all {
		if len(list) != maxOutages {
			t.Fatalf("one target has %d outages, want %d", len(list), maxOutages)
		}
	}
	if len(all) != maxFailing {
		t.Errorf("%d targets have outages, want %d", len(all), maxFailing)
	}
}
