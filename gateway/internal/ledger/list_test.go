package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestList(t *testing.T) {
	l := openTest(t, Options{})
	for i := range 5 {
		mustWrite(t, l, record(fmt.Sprint(i)))
	}
	for _, c := range []struct {
		page Page
		want string
	}{{Page{}, "43210"}, {Page{Limit: 2}, "43"}, {Page{Limit: 2, Before: "3"}, "21"}, {Page{After: "3"}, "4"}, {Page{After: "unknown"}, ""}} {
		list, err := l.List(t.Context(), c.page)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, r := range list {
			got.WriteString(r.ID)
		}
		if got.String() != c.want {
			t.Errorf("List(%+v) = %s, want %s", c.page, got.String(), c.want)
		}
	}
}

// TestListFindsWhatIsThere compares pages with a plain filter over all records: of values that are
// rare and of frequent ones, of requests that took long, and with a clock that jumps.
func TestListFindsWhatIsThere(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	l := openTest(t, Options{Now: func() time.Time { return now }})
	var all []*llm.Record // the newest first
	minutes := func(t *rapid.T, name string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Minute
	}
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(0, 8).Draw(t, "records") {
			now = now.Add(rapid.SampledFrom([]time.Duration{time.Second, 20 * time.Minute, 5 * time.Hour, 20 * 24 * time.Hour, -10 * time.Minute}).Draw(t, "later"))
			r := record(fmt.Sprint(len(all)), func(r *llm.Record) {
				r.Time = now.Add(-minutes(t, "took", -1, 90))
				r.Model = rapid.SampledFrom([]string{"", "a", "a", "a", "b", "c"}).Draw(t, "model")
				r.Team = rapid.SampledFrom([]string{"", "x", "x", "y"}).Draw(t, "team")
				r.Tags = rapid.SampledFrom([]map[string]string{nil, {"usecase": "rare"}, {"usecase": "", "a\"b": "c=d"}}).Draw(t, "tags")
				r.Status = rapid.SampledFrom([]int{200, 200, 200, 400, 429, 503}).Draw(t, "status")
				r.Code = rapid.SampledFrom([]llm.Code{"", "", llm.CodeUpstream}).Draw(t, "code")
				r.Cache = rapid.SampledFrom([]llm.CacheState{"", llm.CacheMiss, llm.CacheHit, llm.CacheSimilar, llm.CachePartial}).Draw(t, "cache")
			})
			if err := l.Write(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			all = slices.Insert(all, 0, r)
		}
		f := llm.RecordFilter{
			Model:   rapid.SampledFrom([]string{"", "a", "b", "none"}).Draw(t, "of model"),
			Team:    rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(t, "of team"),
			Tag:     rapid.SampledFrom([]string{"", "", "usecase=rare", "usecase=", "a\"b=c=d", "none=x"}).Draw(t, "of tag"),
			Outcome: rapid.SampledFrom(append([]string{""}, llm.Outcomes()...)).Draw(t, "of outcome"),
			Limit:   rapid.IntRange(1, 60).Draw(t, "limit"),
		}
		p := PageOf(f)
		older := all
		if len(all) > 0 && rapid.Bool().Draw(t, "a later page") {
			at := rapid.IntRange(0, len(all)-1).Draw(t, "before")
			p.Before, older = all[at].ID, all[at+1:]
		}
		var want []string
		for _, r := range older {
			if f.Matches(r) && len(want) < f.Limit {
				want = append(want, r.ID)
			}
		}
		if got := ids(t, l, p); !slices.Equal(got, want) {
			t.Fatalf("List(%+v) = %v, want %v", p, got, want)
		}
	})
}

// ids returns the ids of a page.
func ids(t interface{ Fatal(...any) }, l *Ledger, p Page) (list []string) {
	records, err := l.List(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		list = append(list, r.ID)
	}
	return list
}

// TestSearchReadsOnlyTheHoursOfAValue shows by the spans that are read that a rare value is not
// searched for everywhere.
func TestSearchReadsOnlyTheHoursOfAValue(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 30, 0, 0, time.UTC)
	l := openTest(t, Options{Now: func() time.Time { return now }})
	for i := range 100 {
		mustWrite(t, l, record(fmt.Sprint(i), func(r *llm.Record) {
			r.Time, r.Model = now.Add(-time.Minute), "frequent"
			if i == 7 || i == 8 || i == 50 {
				r.Model = "rare"
			}
		}))
		now = now.Add(time.Hour)
	}
	if got := ids(t, l, Page{Where: map[string]string{"model": "rare"}}); !slices.Equal(got, []string{"50", "8", "7"}) {
		t.Errorf("List of the rare model = %v", got)
	}
	d, err := l.delays(t.Context())
	if want := time.Minute.Microseconds(); err != nil || d.shortest != want || d.longest != want {
		t.Fatalf("the delays are %+v, %v, want %d both", d, err, want)
	}
	hours, err := l.hoursWith(t.Context(), map[string]string{"model": "rare", "team": "search"}, 0, now.UnixMicro(), 10)
	if err != nil || len(hours) != 3 {
		t.Fatalf("the rare model is in the hours %v, %v, want 3", hours, err)
	}
	if spans := d.spans(hours, span{0, now.UnixMicro()}); len(spans) != 2 || spans[0].to-spans[0].from >= microsPerHour || spans[1].to-spans[1].from >= 2*microsPerHour {
		t.Errorf("the spans are %v, want one of an hour and one of two", spans)
	}
	if got := ids(t, l, Page{Where: map[string]string{"model": "none"}}); got != nil {
		t.Errorf("List of a model that is not there = %v", got)
	}
}
