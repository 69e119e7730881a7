package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

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
