package cache_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestSimilarIsKeptApart stores a reply and asks in other words, as others who may not have it
// and in ways that may have another answer.
func TestSimilarIsKeptApart(t *testing.T) {
	body := func(text string) []byte {
		return []byte(`{"model":"m","messages":[{"role":"user","content":"` + text + `"}]}`)
	}
	route := func() *llm.Route {
		return &llm.Route{Name: "r", CacheTTL: time.Hour, Targets: []*llm.Target{{ID: "p/a"}},
			Similar: llm.Similarity{Mode: llm.SimilarOn, Embedder: "lexical", Threshold: 0.95, MaxChars: 500}}
	}
	request := func(text string) *llm.Request {
		return &llm.Request{ID: "req_1", Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Body: body(text), Facts: llm.Facts{Model: "m", Choices: 1},
			Principal: llm.Principal{Team: "t"}}
	}
	for name, tt := range map[string]struct {
		change func(*llm.Request, *llm.Route, *llm.Decision)
		want   llm.CacheState
	}{
		"the same":                {func(*llm.Request, *llm.Route, *llm.Decision) {}, llm.CacheSimilar},
		"another key of the team": {func(r *llm.Request, _ *llm.Route, _ *llm.Decision) { r.Principal.KeyID = "k2" }, llm.CacheSimilar},
		"another team":            {func(r *llm.Request, _ *llm.Route, _ *llm.Decision) { r.Principal.Team = "u" }, llm.CacheMiss},
		"another namespace":       {func(r *llm.Request, _ *llm.Route, _ *llm.Decision) { r.Cache.Namespace = "n" }, llm.CacheMiss},
		"another model":           {func(r *llm.Request, _ *llm.Route, _ *llm.Decision) { r.Facts.Model = "n" }, llm.CacheMiss},
		"another route":           {func(_ *llm.Request, r *llm.Route, _ *llm.Decision) { r.Name = "s" }, llm.CacheMiss},
		"other targets":           {func(_ *llm.Request, r *llm.Route, _ *llm.Decision) { r.Targets[0].ID = "p/b" }, llm.CacheMiss},
		"other permitted targets": {func(_ *llm.Request, _ *llm.Route, d *llm.Decision) { d.Obligations.DenyTargets = []string{"p/b"} }, llm.CacheMiss},
		"too old":                 {func(r *llm.Request, _ *llm.Route, _ *llm.Decision) { r.Cache.MaxAge = time.Nanosecond }, llm.CacheMiss},
		"a fresh reply":           {func(r *llm.Request, _ *llm.Route, _ *llm.Decision) { r.Cache.NoCache = true }, llm.CacheMiss},
		"shadow":                  {func(_ *llm.Request, r *llm.Route, _ *llm.Decision) { r.Similar.Mode = llm.SimilarShadow }, llm.CacheMiss},
		"off":                     {func(_ *llm.Request, r *llm.Route, _ *llm.Decision) { r.Similar.Mode = llm.SimilarOff }, llm.CacheMiss},
		"no embedder":             {func(_ *llm.Request, r *llm.Route, _ *llm.Decision) { r.Similar.Embedder = "none" }, llm.CacheMiss},
	} {
		c := open(t, 1<<20)
		c.UseEmbedder(noEmbedder)
		slot := c.Find(t.Context(), request("Explain gravity"), route(), &llm.Decision{})
		drain(t, slot.Fill(&script{events: frames("hello"), err: io.EOF, info: llm.ReplyInfo{Finish: "stop", Content: true}}, &llm.Target{ID: "p/a"}))
		slot.Close(nil)
		c.Wait()
		req, r, d := request("Could you please explain gravity?"), route(), &llm.Decision{}
		tt.change(req, r, d)
		explained := c.ExplainSimilar(t.Context(), req, r, d)
		slot = c.Find(t.Context(), req, r, d)
		if slot.State() != tt.want {
			t.Errorf("%s: %s, want %s; %+v", name, slot.State(), tt.want, slot.Similar())
		}
		if r.Similar.Embedder == "none" {
			if explained == nil || explained.Skipped != "the embedder none is not asked in a dry run" {
				t.Errorf("%s is explained as %+v", name, explained)
			}
		} else if diff := cmp.Diff(slot.Similar(), explained); diff != "" {
			t.Errorf("%s is explained differently (-found +explained):\n%s", name, diff)
		}
		if l := c.ExplainSimilar(t.Context(), request("Explain gravity"), route(), &llm.Decision{}); l != nil {
			t.Errorf("an equal request is explained as %+v", l)
		}
		slot.Close(nil)
	}
}

// TestSimilarDiscarded gives up a similar reply that could not be used: then the request is
// sent, and its reply stored.
func TestSimilarDiscarded(t *testing.T) {
	c := open(t, 1<<20)
	route := &llm.Route{Name: "r", CacheTTL: time.Hour, CacheCoalesce: true, Similar: llm.Similarity{Mode: llm.SimilarOn, Embedder: "lexical", Threshold: 0.95, MaxChars: 500}}
	for i, text := range []string{"Explain gravity", "Please explain gravity", "Please explain gravity"} {
		req := &llm.Request{ID: "req_1", Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Facts: llm.Facts{Model: "m", Choices: 1},
			Body: []byte(`{"model":"m","messages":[{"role":"user","content":"` + text + `"}]}`)}
		slot := c.Find(t.Context(), req, route, &llm.Decision{})
		if want := []llm.CacheState{llm.CacheMiss, llm.CacheSimilar, llm.CacheHit}[i]; slot.State() != want {
			t.Fatalf("%q is a %s, want %s", text, slot.State(), want)
		}
		if slot.State() == llm.CacheSimilar {
			slot.Discard()
		}
		if reply, err := slot.Reply(t.Context()); i < 2 && (reply != nil || err != nil) {
			t.Fatalf("%q has a reply, %v", text, err)
		}
		if i < 2 {
			drain(t, slot.Fill(&script{events: frames("hello"), err: io.EOF, info: llm.ReplyInfo{Finish: "stop", Content: true}}, &llm.Target{ID: "p/a"}))
		}
		slot.Close(nil)
		c.Wait()
	}
}

// TestEmbedderIsBoundByDemands gives the embedder's request what key, caller and policy demand of
// every target that gets the text.
func TestEmbedderIsBoundByDemands(t *testing.T) {
	c := open(t, 1<<20)
	var got llm.Demands
	c.UseEmbedder(func(_ context.Context, req *llm.Request, _, _ string) ([]float32, error) {
		got = req.Demands
		return nil, errors.New("no vector")
	})
	req := &llm.Request{ID: "req_1", Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Body: []byte(`{"model":"m","messages":[{"role":"user","content":"Explain gravity"}]}`),
		Facts: llm.Facts{Model: "m", Choices: 1}, Demands: llm.Demands{Classes: []string{"personal"}, Regions: []string{"eu", "ch"}}}
	route := &llm.Route{Name: "r", CacheTTL: time.Hour, Targets: []*llm.Target{{ID: "p/a"}},
		Similar: llm.Similarity{Mode: llm.SimilarOn, Embedder: "vectors", Threshold: 0.95, MaxChars: 500}}
	c.Find(t.Context(), req, route, &llm.Decision{Obligations: llm.Obligations{DataClasses: []string{"secret"}, Regions: []string{"eu"}}}).Close(nil)
	want := llm.Demands{Classes: []string{"personal", "secret"}, Regions: []string{"eu"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("demands of the embedder's request (-want +got):\n%s", diff)
	}
}

// noEmbedder is an embedder that gives no vectors.
func noEmbedder(context.Context, *llm.Request, string, string) ([]float32, error) {
	return nil, errors.New("there is no such embedder")
}
