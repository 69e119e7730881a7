package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/demo"
	"github.com/penstock/penstock/gateway/internal/framing"
)

func TestFaults(t *testing.T) {
	s, c := start(t, demo.Options{})
	for _, tt := range []struct {
		name, body  string
		status      int
		code, after string
	}{
		{"503 by name", `{"model":"demo-fail-503",` + hi + `}`, 503, "server_error", ""},
		{"429 by name", `{"model":"demo-fail-429",` + hi + `}`, 429, "rate_limit_exceeded", "2"},
		{"401 by name, streamed", `{"model":"demo-fail-401","stream":true,` + hi + `}`, 401, "invalid_api_key", ""},
		{"500 by metadata", `{"model":"demo","metadata":{"demo_fault":"500","x":1},` + hi + `}`, 500, "server_error", ""},
		{"metadata before name", `{"model":"demo-cut","metadata":{"demo_fault":"502"},` + hi + `}`, 502, "server_error", ""},
		{"unknown fault", `{"model":"demo","metadata":{"demo_fault":"fire"},` + hi + `}`, 400, "invalid_request", ""},
		{"unknown model", `{"model":"gpt-5",` + hi + `}`, 404, "model_not_found", ""},
		{"status out of range", `{"model":"demo-fail-200",` + hi + `}`, 404, "model_not_found", ""},
		{"fault without its prefix", `{"model":"demo-503",` + hi + `}`, 404, "model_not_found", ""},
		{"fault with a wrong prefix", `{"model":"demo-fail-cut",` + hi + `}`, 404, "model_not_found", ""},
		{"no messages", `{"model":"demo"}`, 400, "invalid_request", ""},
		{"messages of the wrong type", `{"model":"demo","messages":"hello"}`, 400, "invalid_request", ""},
		{"not JSON", `{`, 400, "invalid_json", ""},
		{"too many choices", `{"model":"demo","n":9,` + hi + `}`, 400, "invalid_request", ""},
		{"too long", `{"model":"demo-fast","messages":[{"role":"user","content":"` + strings.Repeat("x", 40_000) + `"}]}`, 400, "context_length_exceeded", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := post(t, s, c, tt.body)
			var b struct {
				Error struct {
					Message, Type, Code string
					Param               *string
				}
			}
			if err := json.NewDecoder(resp.Body).Decode(&b); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || b.Error.Code != tt.code || b.Error.Message == "" || b.Error.Type == "" || resp.Header.Get("Retry-After") != tt.after {
				t.Errorf("error = %d %+v, Retry-After %q", resp.StatusCode, b.Error, resp.Header.Get("Retry-After"))
			}
		})
	}
}

func TestCut(t *testing.T) {
	s, c := start(t, demo.Options{})
	for _, body := range []string{`{"model":"demo-cut",`, `{"model":"demo","metadata":{"demo_fault":"cut"},`} {
		got := readStream(t, post(t, s, c, body+`"stream":true,`+hi+`}`))
		if got.done || !errors.Is(got.err, io.ErrUnexpectedEOF) || got.text == "" || got.finish != "" {
			t.Errorf("cut stream = %+v, want some text and no end", got)
		}
		resp := post(t, s, c, body+hi+`}`)
		b, err := io.ReadAll(resp.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(b) == 0 || json.Valid(b) {
			t.Errorf("cut reply = %q, %v, want half of it", b, err)
		}
	}
	if got := readStream(t, post(t, s, c, `{"model":"demo-cut","stream":true,"max_tokens":1,`+hi+`}`)); got.done || got.finish != "" {
		t.Errorf("a short stream is not cut: %+v", got)
	}
}

func TestStall(t *testing.T) {
	s, c := start(t, demo.Options{})
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", s.URL()+"/chat/completions", strings.NewReader(`{"model":"demo-stall","stream":true,`+hi+`}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := framing.NewReader(resp.Body, 0)
	defer r.Release()
	if e, err := r.Next(); err != nil || !bytes.Contains(e.Data, []byte(`"content":""`)) {
		t.Errorf("first event = %q, %v, want an empty beginning", e.Data, err)
	}
	leave()
	if _, err := r.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("second event: %v, want a stall until the caller leaves", err)
	}
}

func TestCloseEndsAStall(t *testing.T) {
	s, c := start(t, demo.Options{})
	resp := post(t, s, c, `{"model":"demo-stall","stream":true,`+hi+`}`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := readStream(t, resp); got.done || got.err == nil {
		t.Errorf("stalled stream after Close = %+v, want an error", got)
	}
}

const weather = `"tools":[{"type":"function","function":{"name":"other"}},{"type":"function","function":{"name":"get_weather","parameters":` +
	`{"type":"object","properties":{"city":{"type":"string"},"unit":{"enum":["C","F"]},"days":{"type":"integer","minimum":3}},"required":["city","unit","days"]}}}]`
