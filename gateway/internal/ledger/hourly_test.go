package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/llm"
	"pgregory.net/rapid"
)

// TestHoursAddUpToTheRequests asks random questions twice, of the sums of hours and of the
// requests themselves.
func TestHoursAddUpToTheRequests(t *testing.T) {
	l := openTest(t, Options{})
	n := 0
	day := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC) // a clock change follows
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(0, 5).Draw(t, "more") {
			n++
			if err := l.Write(t.Context(), drawRecord(t, n, day)); err != nil {
				t.Fatal(err)
			}
		}
		q := drawQuery(t, day)
		hours, err := l.Spend(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := q.plan(time.Now()); err != nil || !strings.HasPrefix(q.table(time.Now()).name, "hourly") {
			t.Fatalf("%+v is not answered from the sums of hours: %s, %v", q, p.text, err)
		}
		q.Where["session"] = "" // which only the requests have
		requests, err := l.Spend(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(encode(t, requests), encode(t, hours)); d != "" {
			t.Fatalf("%+v (-requests +hours):\n%s", q, d)
		}
	})
}

func encode(t *rapid.T, r Report) string {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func drawRecord(t *rapid.T, n int, day time.Time) *llm.Record {
	pick := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "value") }
	return record(fmt.Sprint(n), func(r *llm.Record) {
		r.Time = day.Add(time.Duration(rapid.Int64Range(0, int64(72*time.Hour)).Draw(t, "at")))
		r.Model, r.Target, r.Team, r.User, r.KeyID = pick("a", "b"), pick("", "p/x", "p/y"), pick("", "red"), pick("", "ann"), pick("k1", "k2")
		r.Status, r.Cache = rapid.SampledFrom([]int{200, 429, 500}).Draw(t, "status"), rapid.SampledFrom([]llm.CacheState{llm.CacheHit, llm.CacheMiss, llm.CacheOff, llm.CacheCoalesced}).Draw(t, "cache")
		r.Tags = rapid.SampledFrom([]map[string]string{nil, {"usecase": "support"}, {"usecase": "x", "env": `"`}}).Draw(t, "tags")
		r.Cost, r.Saved, r.PromptSaved = llm.NanoUSD(rapid.Int64Range(0, 1<<40).Draw(t, "cost")), 7, llm.NanoUSD(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "prompt"))
		r.Price.Known = rapid.Bool().Draw(t, "priced")
		r.Usage = llm.Usage{Input: rapid.Int64Range(0, 1<<40).Draw(t, "in"), Output: 5, Estimated: rapid.Bool().Draw(t, "estimated")}
	})
}

func drawQuery(t *rapid.T, day time.Time) Query {
	zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York"}).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	dimensions := []string{"model", "target", "provider", "team", "key", "user", "route", "status", "cache", "hour", "day", "week", "month", "tag:usecase", "tag:env"}
	q := Query{By: rapid.SliceOfNDistinct(rapid.SampledFrom(dimensions), 0, 3, rapid.ID).Draw(t, "by"), Zone: zone, Where: map[string]string{}}
	hour := func(name string) time.Time {
		return day.Add(time.Duration(rapid.IntRange(0, 72).Draw(t, name)) * time.Hour)
	}
	if rapid.Bool().Draw(t, "bounded") {
		q.Since, q.Until = hour("since"), hour("until")
	}
	if rapid.Bool().Draw(t, "selected") {
		q.Where[rapid.SampledFrom([]string{"model", "day", "tag:usecase"}).Draw(t, "where")] = rapid.SampledFrom([]string{"a", "2026-03-29", "support", ""}).Draw(t, "is")
	}
	return q
}

// TestHoursOutliveTheirRequests: where old records are deleted, their sums stay.
func TestHoursOutliveTheirRequests(t *testing.T) {
	l := openTest(t, Options{})
	mustWrite(t, l, record("old"))
	imported(t, l)
	if n, err := l.Prune(t.Context(), time.Now().Add(time.Hour), 10); err != nil || n != 1 {
		t.Fatalf("Prune = %d, %v", n, err)
	}
	report, err := l.Spend(t.Context(), Query{By: []string{"model"}})
	if err != nil || report.Total.Requests != 1 {
		t.Errorf("Spend = %+v, %v, want the request of before", report, err)
	}
}

// TestHoursOfAnOlderLedger has the migration sum up what is there.
func TestHoursOfAnOlderLedger(t *testing.T) {
	l := openTest(t, Options{})
	for i := range 20 {
		mustWrite(t, l, record(fmt.Sprint(i), func(r *llm.Record) {
			r.Model, r.Time = fmt.Sprint("m", i%3), r.Time.Add(time.Duration(i)*time.Hour/3)
		}))
	}
	queries := []Query{{By: []string{"hour", "model", "team"}}, {By: []string{"hour", "model"}}, {}, {By: []string{"tag:usecase"}}}
	var want []Report
	for _, q := range queries {
		r, err := l.Spend(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, r)
	}
	script, err := migrations.ReadFile("migrations/0006_hourly.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, insert, _ := strings.Cut(string(script), "INSERT INTO hourly")
	if _, err := l.DB().ExecContext(t.Context(), "DELETE FROM hourly; DELETE FROM hourly_by; INSERT INTO hourly"+strings.Replace(insert, "CREATE TABLE hourly_by", "CREATE TABLE IF NOT EXISTS hourly_by", 1)); err != nil {
		t.Fatal(err)
	}
	for i, q := range queries {
		got, err := l.Spend(t.Context(), q)
		if d := cmp.Diff(want[i], got); err != nil || d != "" {
			t.Errorf("%v after the migration (-want +got), %v:\n%s", q.By, err, d)
		}
	}
}

// TestOddZonesAndTimes are answered from the requests themselves.
func TestOddZonesAndTimes(t *testing.T) {
	india := time.FixedZone("IST", 19800)
	now := time.Now()
	for name, q := range map[string]Query{
		"a zone of half hours":  {Zone: india, By: []string{"day"}},
		"a time within an hour": {Since: now.Truncate(time.Hour).Add(-90 * time.Minute)},
		"sessions":              {By: []string{"session"}},
		"one session":           {Where: map[string]string{"session": "s"}},
	} {
		if got := q.table(now).name; got != "requests" {
			t.Errorf("%s: %s, want requests", name, got)
		}
	}
	l := openTest(t, Options{})
	mustWrite(t, l, record("x", func(r *llm.Record) { r.Time = time.Date(2026, 11, 22, 18, 29, 59, 0, time.UTC) }))
	mustWrite(t, l, record("y", func(r *llm.Record) { r.Time = time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC) }))
	report, err := l.Spend(t.Context(), Query{By: []string{"day"}, Zone: india})
	if err != nil || len(report.Rows) != 2 {
		t.Errorf("Spend in a zone of half hours = %+v, %v, want two days", report.Rows, err)
	}
}
