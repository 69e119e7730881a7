package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestBudgetNotices: the fullest budgets are noticed, and how many more there are.
func TestBudgetNotices(t *testing.T) {
	t.Parallel()
	h := openLists(t)
	for percent := range 100 {
		limit := llm.Limit{Scope: fmt.Sprintf("team:%d&", percent+1), Unit: llm.UnitUSD, Window: "day", Max: int64(llm.USD)}
		h.countOn(t, limit, llm.Amounts{USD: llm.NanoUSD(percent+1) * llm.USD / 100})
	}
	notices := h.budgetNotices()
	if n := len(notices); n != maxNotices+1 {
		t.Fatalf("%d notices", n)
	}
	for i, n := range notices[:maxNotices] {
		scope := fmt.Sprintf("team:%d&", 100-i)
		if want := fmt.Sprintf("%s has used %d %% of its budget in US dollars per day.", scope, 100-i); n.Text != want || n.Broken != (i == 0) || n.Link != "/keys?scope="+url.QueryEscape(scope)+"#budgets" {
			t.Errorf("%d: %+v, want %q", i, n, want)
		}
	}
	if n := notices[maxNotices]; n.Text != "11 more limits are used to 80 % and more." || n.Command != "penstock budget list --full 0.8" {
		t.Errorf("the last is %+v", n)
	}
	_, day, err := pages{h.Server}.SpentToday(t.Context(), time.UTC)
	if err != nil || day == nil || day.Scope != "team:100&" {
		t.Errorf("the fullest budget of the day is %+v, %v", day, err)
	}
	fullest, all := pages{h.Server}.Fullest("team:*0&", 3)
	var used []int64
	for _, c := range fullest {
		used = append(used, c.Used*100/int64(llm.USD))
	}
	if all != 10 || !slices.Equal(used, []int64{100, 90, 80}) {
		t.Errorf("the fullest of %d are %d", all, used)
	}
	if c, ok := (pages{h.Server}).Count("team:7&", llm.UnitUSD, "day"); !ok || c.Used != 7*int64(llm.USD)/100 || c.Max != int64(llm.USD) {
		t.Errorf("Count = %+v, %t", c, ok)
	}
}

// TestPagesKnowRaises: what the pages say of a budget is of its raised maximum.
func TestPagesKnowRaises(t *testing.T) {
	t.Parallel()
	h := openTestServer(t, llmtest.Handler(llmtest.JSON(200, llmtest.Chat{Text: "hi"}.OpenAI())), `
providers:
  p: {dialect: openai, base_url: $UPSTREAM/p, allow_private: true, api_key: env:TEST_KEY}
models:
  m: {targets: [{target: p/m, price: {input: 1, output: 1}}]}
ledger: sqlite://penstock.db
`)
	key, token, err := h.keys.Create(t.Context(), keys.Spec{Name: "k", Budget: llm.Budget{Max: llm.USD, Window: "day"}})
	if err != nil {
		t.Fatal(err)
	}
	if resp, body := h.post(t, `{"model":"m","max_tokens":5,`+hello+`}`, "Authorization", "Bearer "+token.Reveal()); resp.StatusCode != 200 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	scope, p := "key:"+key.ID, pages{h.Server}
	if _, err := h.Server.correct(t.Context(), admin.Correction{Scope: scope, Unit: llm.UnitUSD, Window: "day", Used: "0.95"}); err != nil {
		t.Fatal(err)
	}
	budgetOf := func(p pages) llm.NanoUSD {
		list := p.MoneyBudgets(scope)
		if len(list) != 1 || !list[0].Starts.AddDate(0, 0, 1).Equal(list[0].Resets) {
			t.Fatalf("MoneyBudgets(%s) = %+v, want one of a day", scope, list)
		}
		return llm.NanoUSD(list[0].Max)
	}
	check := func(when string, max llm.NanoUSD, noticed bool) {
		t.Helper()
		_, today, err := p.SpentToday(t.Context(), time.UTC)
		if err != nil || today == nil || today.Max != max || today.Scope != scope || budgetOf(p) != max {
			t.Errorf("%s: %+v, %v and a limit of %v a day, want %v", when, today, err, budgetOf(p), max)
		}
		found := false
		for _, n := range p.Attention(t.Context()) {
			found = found || strings.Contains(n.Text, scope)
		}
		if found != noticed {
			t.Errorf("%s: noticed is %t, want %t", when, found, noticed)
		}
	}
	check("before the raise", llm.USD, true)
	if _, err := h.raise(t.Context(), admin.RaiseSpec{Scope: scope, Unit: llm.UnitUSD, Window: "day", By: "2", Until: "+1h"}, "test"); err != nil {
		t.Fatal(err)
	}
	check("after the raise", 3*llm.USD, false)
}

// TestBudgetsAfterRestart: what is used up is known after a restart, before the first request, from
// the records that the policy in force has decided on.
func TestBudgetsAfterRestart(t *testing.T) {
	t.Parallel()
	h := openTestServer(t, http.NotFoundHandler(), "keys: off\nmodels: {m: {targets: [demo/demo-fast]}}\nledger: sqlite://penstock.db\n")
	now := time.Now().UTC()
	h.meter.Restore([]llm.Charge{
		{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", WindowID: now.Format(time.DateOnly), Amount: 95},
		{Scope: "team:b", Unit: llm.UnitUSD, Window: "day", WindowID: now.Format(time.DateOnly), Amount: 95}})
	for scope, revision := range map[string]string{"team:a": h.policyList().Revision, "team:b": "another"} {
		r := &llm.Record{ID: "req_" + scope, Time: now.Add(-time.Minute), Model: "m", Status: 200, Decision: &llm.Decision{Allow: true, Revision: revision},
			Limits: []llm.LimitState{{Limit: llm.Limit{Name: "budget", Scope: scope, Unit: llm.UnitUSD, Window: "day", Max: 100}}}}
		if err := h.ledger.Write(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	h.prime(t.Context(), now)
	if list := h.budgetNotices(); len(list) != 1 || !strings.HasPrefix(list[0].Text, "team:a has used 95 %") {
		t.Errorf("after the restart the notices are %+v, want one of team:a", list)
	}
}
