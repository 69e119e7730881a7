package pipeline

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// sendingOn is a fakes with the routes smart and fast, whose policy sends smart on by one
// of its two obligations.
func sendingOn(byRoute bool, then llm.Decision) *fakes {
	f := newFakes("a")
	fast := *f.route
	fast.Name, fast.Targets = "fast", []*llm.Target{target("b")}
	f.routes["fast"], f.script["b"] = &fast, []action{plain("hello from b")}
	first := llm.Decision{Allow: true, Revision: "r1", Warnings: []string{"near the end"},
		Limits:      []llm.Limit{{Name: "team", Scope: "team:x", Unit: llm.UnitRequests, Window: "day", Max: 9}},
		Obligations: llm.Obligations{Model: "fast", MaxOutputTokens: 100, DenyTargets: []string{"z"}, Tags: map[string]string{"a": "1", "b": "1"}}}
	if byRoute {
		first.Obligations.Route, first.Obligations.Model = "fast", ""
	}
	f.decide = func(model, _ string) llm.Decision {
		if model == "smart" {
			return first
		}
		return then
	}
	return f
}

func TestPolicyIsAskedAboutWhereItSendsRequests(t *testing.T) {
	for _, byRoute := range []bool{false, true} {
		f := sendingOn(byRoute, llm.Decision{Revision: "r1", Reasons: []llm.Reason{{Code: "fast_forbidden", Message: "No."}}})
		_, err := f.serve(t, context.Background(), request(false))
		e := llm.AsError(err)
		r := f.records[0]
		if e.Code != "fast_forbidden" || e.Status != http.StatusForbidden || len(r.Attempts) != 0 {
			t.Errorf("Serve = %v with %d attempts, want the refusal of the model it was sent on to", err, len(r.Attempts))
		}
		if r.Decision.Allow || r.FirstDecision == nil || !r.FirstDecision.Allow || r.Model != "smart" || r.Route != "fast" {
			t.Errorf("record = %+v, want both decisions", r)
		}
	}
}

func TestWhatBothDecisionsDemandHolds(t *testing.T) {
	f := sendingOn(false, llm.Decision{Allow: true, Revision: "r1", Warnings: []string{"near the end", "fast is slow"},
		Limits:      []llm.Limit{{Name: "fast", Scope: "model:fast", Unit: llm.UnitRequests, Window: "day", Max: 9}},
		Obligations: llm.Obligations{MaxOutputTokens: 200, DenyTargets: []string{"y"}, Tags: map[string]string{"b": "2"}, Log: llm.LogFull}})
	got, err := f.serve(t, context.Background(), request(false))
	if err != nil || got.text != "hello from b" {
		t.Fatalf("Serve = %q, %v, want the answer of fast", got.text, err)
	}
	r := f.records[0]
	var names []string
	for _, l := range r.Decision.Limits {
		names = append(names, l.Name)
	}
	if !slices.Equal(names, []string{"team", "fast"}) {
		t.Errorf("limits %v, want those of both", names)
	}
	want := llm.Obligations{Model: "fast", MaxOutputTokens: 100, DenyTargets: []string{"z", "y"}, Tags: map[string]string{"a": "1", "b": "2"}, Log: llm.LogFull}
	if diff := cmp.Diff(want, r.Decision.Obligations); diff != "" {
		t.Errorf("obligations differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"near the end", "fast is slow"}, got.head.Header["X-Penstock-Warning"]); diff != "" {
		t.Errorf("warnings differ (-want +got):\n%s", diff)
	}
}

// TestSendingOnLiftsNoObligation has the decision about the second model ask for less: what the
// first one keeps secret, out of the cache or short-lived stays so.
func TestSendingOnLiftsNoObligation(t *testing.T) {
	cache := func(mode string, ttl int, scope string) llm.CacheObligation {
		return llm.CacheObligation{Mode: mode, TTLSeconds: ttl, Scope: scope}
	}
	for _, tt := range []struct{ first, second, want llm.Obligations }{
		{llm.Obligations{Log: llm.LogNone}, llm.Obligations{Log: llm.LogFull}, llm.Obligations{Log: llm.LogNone}},
		{llm.Obligations{Log: llm.LogFull}, llm.Obligations{Log: llm.LogMetadata}, llm.Obligations{Log: llm.LogMetadata}},
		{llm.Obligations{Log: llm.LogFull}, llm.Obligations{}, llm.Obligations{Log: llm.LogFull}},
		{llm.Obligations{Log: llm.LogRedacted}, llm.Obligations{Log: llm.LogFull}, llm.Obligations{Log: llm.LogRedacted}},
		{llm.Obligations{Log: llm.LogFull}, llm.Obligations{Log: llm.LogRedacted}, llm.Obligations{Log: llm.LogRedacted}},
		{llm.Obligations{Log: llm.LogNone}, llm.Obligations{Log: llm.LogRedacted}, llm.Obligations{Log: llm.LogNone}},
		{llm.Obligations{Cache: cache("bypass", 0, "")}, llm.Obligations{Cache: cache("force", 60, "")}, llm.Obligations{Cache: cache("bypass", 60, "")}},
		{llm.Obligations{Cache: cache("", 60, "team:a")}, llm.Obligations{Cache: cache("force", 3600, "")}, llm.Obligations{Cache: cache("force", 60, "team:a")}},
		{llm.Obligations{Cache: cache("", 0, "team:a")}, llm.Obligations{Cache: cache("", 5, "team:b")}, llm.Obligations{Cache: cache("", 5, "team:b")}},
	} {
		if got := (llm.Decision{Obligations: tt.first}).And(llm.Decision{Obligations: tt.second}).Obligations; cmp.Diff(tt.want, got) != "" {
			t.Errorf("%+v and then %+v give %+v, want %+v", tt.first, tt.second, got, tt.want)
		}
	}
}

func TestRequestsAreSentOnOnce(t *testing.T) {
	f := sendingOn(false, llm.Decision{Allow: true, Obligations: llm.Obligations{Model: "smart"}})
	got, err := f.serve(t, context.Background(), request(false))
	if err != nil || got.text != "hello from b" {
		t.Errorf("Serve = %q, %v, want fast to answer", got.text, err)
	}
	if w := got.head.Header["X-Penstock-Warning"]; !slices.ContainsFunc(w, func(s string) bool { return strings.Contains(s, "is ignored") }) {
		t.Errorf("warnings = %q, want one that says that the second step was ignored", w)
	}
}

func TestWarningsInHeadersAreHarmless(t *testing.T) {
	f := newFakes("a")
	f.decision.Warnings = []string{"a\r\nX-Evil: 1", "é\u009b31m", strings.Repeat("x", 1000)}
	for range 20 {
		f.decision.Warnings = append(f.decision.Warnings, "more")
	}
	f.decision.Obligations.Headers = map[string]string{"X-Penstock-Target": "forged", "x-tier": "gold"}
	got, err := f.serve(t, context.Background(), request(true))
	if err != nil {
		t.Fatal(err)
	}
	w := got.head.Header["X-Penstock-Warning"]
	if len(w) != maxWarnings+1 || w[0] != "a  X-Evil: 1" || w[1] != "? 31m" || len(w[2]) > maxWarningBytes+3 || w[maxWarnings] != "15 more" {
		t.Errorf("warnings = %q", w)
	}
	if got.head.Header.Get("X-Penstock-Target") != "a" || got.head.Header.Get("X-Tier") != "gold" {
		t.Errorf("headers = %v, want the gateway's own target", got.head.Header)
	}
}

func TestLogObligation(t *testing.T) {
	for _, stream := range []bool{false, true} {
		for log, keeps := range map[string]bool{"": false, llm.LogMetadata: false, llm.LogNone: false, llm.LogFull: true} {
			f := newFakes("a")
			p := plain("answer")
			p.events[0].Data = []byte("answer")
			f.script["a"] = []action{p}
			f.decision.Obligations = llm.Obligations{Log: log, Tags: map[string]string{"tier": "gold"}}
			f.decision.Input = []byte(`{}`)
			req := request(stream)
			req.Body, req.Tags, req.Facts.User, req.Session = []byte(`{"secret":"prompt"}`), map[string]string{"case": "42"}, "ada", "s1"
			req.Principal.Tags = map[string]string{"env": "prod"}
			if _, err := f.serve(t, context.Background(), req); err != nil {
				t.Fatal(err)
			}
			r := f.records[0]
			if has := r.RequestText == `{"secret":"prompt"}` && r.ReplyText == "answer"; has != keeps {
				t.Errorf("log %q keeps %q and %q", log, r.RequestText, r.ReplyText)
			}
			kept := r.Kept()
			if kept.Cost != r.Cost || kept.Usage != r.Usage || kept.Target != "a" || kept.Tags["tier"] != "gold" {
				t.Errorf("log %q: Kept = %+v, want what bills need", log, kept)
			}
			if none := log == llm.LogNone; none != (kept.User == "" && kept.Session == "" && kept.Tags["case"] == "" && len(kept.Attempts) == 0 && kept.Decision.Input == nil) {
				t.Errorf("log %q: Kept = %+v", log, kept)
			}
		}
	}
}

// TestRedactedTexts masks what is spread over the events of a stream.
func TestRedactedTexts(t *testing.T) {
	f := newFakes("a")
	p := stream("mail ada@exa", "mple.com")
	for i := range p.events {
		p.events[i].Data = p.events[i].Frame
	}
	p.events[0].Text, p.events[1].Text = []byte("mail\\nada@exa"), []byte("mple.com")
	f.script["a"] = []action{p}
	f.decision.Obligations.Log = llm.LogRedacted
	req := request(true)
	req.Body = []byte(`{"user":"bob@example.com","text":"hello"}`)
	if _, err := f.serve(t, context.Background(), req); err != nil {
		t.Fatal(err)
	}
	if r := f.records[0]; r.RequestText != `{"user":"[email]","text":"hello"}` || r.ReplyText != `"mail\n[email]"` {
		t.Errorf("kept %s and %s", r.RequestText, r.ReplyText)
	}
}

func TestRecordedTextsAreBounded(t *testing.T) {
	f := newFakes("a")
	var texts []string
	for range 100 {
		texts = append(texts, strings.Repeat("é", 1000))
	}
	p := stream(texts...)
	for i := range p.events {
		p.events[i].Data = p.events[i].Frame
	}
	f.script["a"] = []action{p}
	f.decision.Obligations.Log = llm.LogFull
	req := request(true)
	req.Body = []byte(strings.Repeat("ü", llm.MaxText))
	if _, err := f.serve(t, context.Background(), req); err != nil {
		t.Fatal(err)
	}
	r := f.records[0]
	if len(r.RequestText) != llm.MaxText || len(r.ReplyText) > llm.MaxText+1 || len(r.ReplyText) < llm.MaxText-1 || !r.TextCut {
		t.Errorf("kept %d and %d bytes, cut: %v, want %d of each", len(r.RequestText), len(r.ReplyText), r.TextCut, llm.MaxText)
	}
}
