package main

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestTransformsKeepCallersApart holds that whatever a transform is told counts in the
// cache key of its route, and that without transforms a team shares its answers.
func TestTransformsKeepCallersApart(t *testing.T) {
	store, err := cache.New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	base := func() *llm.Request {
		return &llm.Request{ID: "req_1", Dialect: llm.OpenAI, Body: []byte(`{"model":"m","messages":[],"user":"u"}`), Facts: llm.Facts{Model: "m"},
			Principal: llm.Principal{KeyID: "k1", Team: "t", User: "ada"}, Tags: map[string]string{"a": "1"}}
	}
	others := map[string]func(*llm.Request){
		"key":      func(r *llm.Request) { r.Principal.KeyID = "k2" },
		"user":     func(r *llm.Request) { r.Principal.User = "bob" },
		"tag":      func(r *llm.Request) { r.Tags["a"] = "2" },
		"more":     func(r *llm.Request) { r.Tags["b"] = "2" },
		"body":     func(r *llm.Request) { r.Body = []byte(`{"model":"m","messages":[],"user":"v"}`) },
		"metadata": func(r *llm.Request) { r.Body = []byte(`{"model":"m","messages":[],"user":"u","metadata":{"x":"y"}}`) },
	}
	plain, transformed := &llm.Route{Name: "r"}, &llm.Route{Name: "r", Transforms: []string{"redact"}}
	s := cacheStage{store}
	for name, change := range others {
		one, other := base(), base()
		change(other)
		if s.key(one, plain, &llm.Decision{}) != s.key(other, plain, &llm.Decision{}) {
			t.Errorf("%s: without transforms the team does not share", name)
		}
		if s.key(one, transformed, &llm.Decision{}) == s.key(other, transformed, &llm.Decision{}) {
			t.Errorf("%s: a transform is told of the difference, and yet the answer is shared", name)
		}
	}
	one, again := base(), base()
	again.ID, again.Body = "req_2", []byte(`{ "user":"u","messages":[],"model":"m", "cache":{"ttl":60}}`)
	if s.key(one, transformed, &llm.Decision{}) != s.key(again, transformed, &llm.Decision{}) {
		t.Error("the same request again is not the same to the cache")
	}
}
