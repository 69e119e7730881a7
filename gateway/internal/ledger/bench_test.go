package ledger

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func openTest(t testing.TB, o Options) *Ledger {
	t.Helper()
	l, err := Open(context.Background(), "sqlite://"+filepath.Join(t.TempDir(), "ledger.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWrite writes usual records, 1.6 KB each, from so many callers that each wait for
// the acknowledgement.
func BenchmarkWrite(b *testing.B) {
	for _, callers := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			l := openTest(b, Options{})
			var n atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(max(callers/2, 1))
			cpu := cpuTime()
			b.ResetTimer()
			if callers == 1 {
				for b.Loop() {
					write(b, l, n.Add(1))
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						write(b, l, n.Add(1))
					}
				})
			}
			imported(b, l) // the import counts too
			b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/1e3/float64(n.Load()), "cpu-µs/row")
			b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func write(b *testing.B, l *Ledger, n int64) {
	r := *usualRecord()
	r.ID = fmt.Sprintf("req_%022d", n)
	r.Time = time.Now()
	if err := l.Write(context.Background(), &r); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLease measures what a hard budget adds: the journal's entry and its removal with
// the record.
func BenchmarkLease(b *testing.B) {
	l := openTest(b, Options{})
	draft := usualDraft()
	var n atomic.Int64
	b.SetParallelism(32)
	cpu := cpuTime()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			d := *draft
			d.ID = fmt.Sprintf("req_%022d", i)
			if err := l.OpenLease(context.Background(), &d); err != nil {
				b.Fatal(err)
			}
			write(b, l, i)
		}
	})
	imported(b, l)
	b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/1e3/float64(n.Load()), "cpu-µs/request")
}

// BenchmarkOpenLease measures what a hard budget adds before the upstream call: one entry
// in the journal, from one caller and from many.
func BenchmarkOpenLease(b *testing.B) {
	drafts := make([]*llm.Record, 1024) // as many as may be in flight; they replace each other
	for i := range drafts {
		drafts[i] = usualDraft()
		drafts[i].ID = fmt.Sprintf("req_%022d", i)
	}
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			l := openTest(b, Options{})
			if _, err := l.Sweep(b.Context()); err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			open := func() {
				if err := l.OpenLease(context.Background(), drafts[n.Add(1)%1024]); err != nil {
					b.Error(err)
				}
			}
			b.ReportAllocs()
			b.SetParallelism(max(callers/2, 1))
			cpu := cpuTime()
			if callers == 1 {
				for b.Loop() {
					open()
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						open()
					}
				})
			}
			imported(b, l)
			b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/1e3/float64(n.Load()), "cpu-µs/lease")
		})
	}
}

func BenchmarkSpend(b *testing.B) {
	l := openTest(b, Options{})
	const rows = 20_000
	done := make(chan error, 64)
	for w := range 64 {
		go func() {
			var err error
			for i := w; i < rows && err == nil; i += 64 {
				r := *usualRecord()
				r.ID, r.Time = fmt.Sprintf("req_%022d", i), time.Now()
				err = l.Write(context.Background(), &r)
			}
			done <- err
		}()
	}
	for range 64 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	for _, by := range []string{"model", "tag:usecase"} {
		b.Run(by, func(b *testing.B) {
			for b.Loop() {
				report, err := l.Spend(context.Background(), Query{By: []string{by}, Since: time.Now().Add(-time.Hour)})
				if err != nil || report.Total.Requests != rows {
					b.Fatal(report, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

// usualDraft returns the part of the usual record that is known when its lease is opened.
func usualDraft() *llm.Record {
	r := usualRecord()
	return &llm.Record{ID: r.ID, Time: r.Time, Endpoint: r.Endpoint, Model: r.Model, Route: r.Route, Target: r.Target, Provider: r.Provider,
		KeyID: r.KeyID, KeyName: r.KeyName, Team: r.Team, User: r.User, Tags: r.Tags, Price: r.Price, Limits: r.Limits, Usage: llm.Usage{Input: 1200}}
}

// BenchmarkSpendOfAMillion asks what the dashboard asks of a ledger with a million requests in 30
// days, of 20 models, 50 teams and 500 keys.
func BenchmarkSpendOfAMillion(b *testing.B) {
	l := openTest(b, Options{})
	if _, err := l.DB().Exec(`INSERT INTO requests (seq, id, arrived, model, route, target, provider, key_id, team, user_name, status, cache, input_tokens, output_tokens, cost, saved, tags, record)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
		SELECT 1793491200000000 + i * 2592000, 'req_' || i, 1793491200000000 + i * 2592000, 'model-' || (i % 20), 'r', 'p/model-' || (i % 20), 'p', 'key-' || (i % 500), 'team-' || (i % 50), '', 200, 'miss',
			1000, 100, 5000000, 0, '{"usecase":"u' || (i % 10) || '"}', '{}' FROM n`); err != nil {
		b.Fatal(err)
	}
	script, err := migrations.ReadFile("migrations/0006_hourly.sql")
	if err != nil {
		b.Fatal(err)
	}
	_, insert, _ := strings.Cut(string(script), "INSERT INTO hourly")
	if _, err := l.DB().Exec("INSERT INTO hourly" + strings.Replace(insert, "CREATE TABLE hourly_by", "CREATE TABLE IF NOT EXISTS hourly_by", 1)); err != nil {
		b.Fatal(err)
	}
	if _, err := l.DB().Exec("INSERT INTO delays VALUES (1, 0, 0)"); err != nil {
		b.Fatal(err)
	}
	start := time.UnixMicro(1793491200000000)
	for name, q := range map[string]Query{
		"model by day":     {By: []string{"model", "day"}, Since: start},
		"team by day":      {By: []string{"team", "day"}, Since: start},
		"use case by day":  {By: []string{"tag:usecase", "day"}, Since: start},
		"one team by hour": {By: []string{"model", "hour"}, Since: start.Add(29 * 24 * time.Hour), Where: map[string]string{"team": "team-7"}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if r, err := l.Spend(b.Context(), q); err != nil || r.Total.Requests == 0 {
					b.Fatal(r.Total, err)
				}
			}
		})
	}
	b.Run("last 50 requests", func(b *testing.B) {
		for b.Loop() {
			if r, err := l.List(b.Context(), Page{Limit: 50, Where: map[string]string{"team": "team-7"}}); err != nil || len(r) != 50 {
				b.Fatal(len(r), err)
			}
		}
	})
}
