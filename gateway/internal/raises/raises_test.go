package raises

import (
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// raisesTest is a database of raises with a clock.
type raisesTest struct {
	*Raises
	db  *sql.DB
	now time.Time
}

func open(t *testing.T) *raisesTest {
	t.Helper()
	l, err := ledger.Attach(t.Context(), "sqlite://:memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	x := &raisesTest{db: l.DB(), now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	x.Raises = x.another(t)
	return x
}

// another opens the raises as another process would.
func (x *raisesTest) another(t *testing.T) *Raises {
	t.Helper()
	rs, err := Open(t.Context(), x.db, func() time.Time { return x.now })
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func (x *raisesTest) raise(t *testing.T, by int64, until time.Duration) Raise {
	t.Helper()
	r, err := x.Add(t.Context(), Raise{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", By: by, Until: x.now.Add(until), Reason: "why", Operator: "me"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRaisesAddToLimitsOfTheirMeterUntilTheyEnd(t *testing.T) {
	t.Parallel()
	x := open(t)
	limits := []llm.Limit{
		{Name: "other", Scope: "team:b", Unit: llm.UnitUSD, Window: "day", Max: 10},
		{Name: "hard", Scope: "team:a", Unit: llm.UnitUSD, Window: "day", Max: 10},
		{Name: "soft", Scope: "team:a", Unit: llm.UnitUSD, Window: "day", Max: 8, OnExceed: llm.ExceedWarn},
		{Name: "month", Scope: "team:a", Unit: llm.UnitUSD, Window: "month", Max: 10},
		{Name: "tokens", Scope: "team:a", Unit: llm.UnitTokens, Window: "day", Max: 10},
	}
	maxima := func(rs *Raises, at time.Time) (all []int64) {
		for _, l := range rs.Apply(limits, at) {
			all = append(all, l.Max)
		}
		return all
	}
	check := func(what string, got []int64, want ...int64) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	var none *Raises
	check("without raises", maxima(none, time.Time{}), 10, 10, 8, 10, 10)
	check("without a raise", maxima(x.Raises, time.Time{}), 10, 10, 8, 10, 10)
	x.raise(t, 5, time.Hour)
	x.raise(t, 2, 2*time.Hour)
	check("both", maxima(x.Raises, time.Time{}), 10, 17, 15, 10, 10)
	check("later", maxima(x.Raises, x.now.Add(time.Hour)), 10, 12, 10, 10, 10)
	if got := x.Apply(limits, time.Time{})[1].Raised; got != 7 || limits[1].Raised != 0 {
		t.Errorf("Raised = %d, want 7, and that of the argument is %d", got, limits[1].Raised)
	}
	x.now = x.now.Add(2 * time.Hour)
	check("after their ends", maxima(x.Raises, time.Time{}), 10, 10, 8, 10, 10)
	if list := x.List(); len(list) != 0 {
		t.Errorf("List() = %v after their ends", list)
	}
}

func TestRaisesAreStored(t *testing.T) {
	t.Parallel()
	x := open(t)
	other := x.another(t)
	made := x.raise(t, 5, time.Hour)
	if other.By("team:a", llm.UnitUSD, "day") != 0 {
		t.Error("another process knows the raise before it has looked")
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Raise{made}, other.List()); d != "" {
		t.Error(d)
	}
	if _, err := other.End(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if err := x.Refresh(t.Context()); err != nil || len(x.List()) != 0 || len(x.another(t).List()) != 0 {
		t.Errorf("the raise that another process has ended is there: %v, %v", x.List(), err)
	}
	if _, err := x.End(t.Context(), made.ID); llm.AsError(err).Status != 404 {
		t.Errorf("End of an ended raise = %v, want status 404", err)
	}
}

func TestRaisesWithoutSenseAreRefused(t *testing.T) {
	t.Parallel()
	x := open(t)
	for param, change := range map[string]func(*Raise){
		"scope":  func(r *Raise) { r.Scope = "" },
		"unit":   func(r *Raise) { r.Unit = "eur" },
		"window": func(r *Raise) { r.Window = "fortnight" },
		"by":     func(r *Raise) { r.By = 0 },
		"until":  func(r *Raise) { r.Until = x.now },
		"reason": func(r *Raise) { r.Reason = "a\nb" },
		" scope": func(r *Raise) { r.Scope = strings.Repeat("x", 257) },
		" by":    func(r *Raise) { r.By = -1 },
		"  by":   func(r *Raise) { r.By = 1 << 62 },
		"   by":  func(r *Raise) { r.Unit, r.By = llm.UnitTokens, 1<<62 },
		" until": func(r *Raise) { r.Until = x.now.AddDate(2, 0, 0) },
		" window": func(r *Raise) {
			r.Unit = llm.UnitConcurrent
		},
	} {
		r := Raise{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", By: 1, Until: x.now.Add(time.Hour)}
		change(&r)
		if _, err := x.Add(t.Context(), r); llm.AsError(err).Param != strings.TrimSpace(param) || llm.AsError(err).Status != 400 {
			t.Errorf("Add(%+v) = %v, want an error for %s", r, err, param)
		}
	}
}

func TestRaisesAreBounded(t *testing.T) {
	t.Parallel()
	x := open(t)
	for i := range MaxRaises {
		if _, err := x.db.ExecContext(t.Context(), "INSERT INTO raises ("+columns+") VALUES ($1, 's', 'usd', 'day', 1, 0, $2, '', '')", fmt.Sprint(i), x.now.Add(time.Hour).UnixMilli()); err != nil {
			t.Fatal(err)
		}
	}
	r := Raise{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", By: 1, Until: x.now.Add(3 * time.Hour)}
	if _, err := x.Add(t.Context(), r); llm.AsError(err).Status != 409 {
		t.Errorf("Add beyond the bound = %v, want status 409", err)
	}
	x.now = x.now.Add(2 * time.Hour) // the others have ended
	if _, err := x.Add(t.Context(), r); err != nil || len(x.List()) != 1 {
		t.Errorf("Add = %v, want room; there are %d", err, len(x.List()))
	}
}

func TestHammer(t *testing.T) {
	t.Parallel()
	x := open(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				r, err := x.Add(t.Context(), Raise{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", By: 1, Until: x.now.Add(time.Hour)})
				if err == nil {
					x.Apply([]llm.Limit{{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", Max: 1}}, time.Time{})
					_, err = x.End(t.Context(), r.ID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if by := x.By("team:a", llm.UnitUSD, "day"); by != 0 {
		t.Errorf("By = %d, want 0", by)
	}
}
