package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// inlining is one request to a target, with a fetcher that knows URLs ending in the kind of
// medium they have, and the URLs that were fetched.
func inlining(t *testing.T, target *llm.Target, part string) (x *llm.Exchange, d *Dialects, fetched *[]string) {
	t.Helper()
	body := []byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"see https://a.example/png"},` + part + `]}]}`)
	facts, _, err := intake.Scan(body, intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	req := &llm.Request{Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Body: body, Facts: facts}
	fetched = new([]string)
	var mu sync.Mutex
	d = &Dialects{Fetch: func(_ context.Context, url string, kind llm.Features, hold func(int64) error) (string, []byte, error) {
		mu.Lock()
		defer mu.Unlock()
		*fetched = append(*fetched, url)
		switch {
		case strings.Contains(url, "denied"):
			return "", nil, &llm.Error{Code: llm.CodeForbidden, Status: 400, Fault: llm.FaultUnsupported, Message: "no"}
		case strings.Contains(url, "none"):
			return "", nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: 400, Fault: llm.FaultUnsupported, Message: "status 404"}
		}
		return map[llm.Features]string{llm.Vision: "image/png", llm.AudioIn: "audio/mp3", llm.FileIn: "application/pdf"}[kind], []byte("abc"), nil
	}}
	return &llm.Exchange{Request: req, Sent: req, Target: target, Media: &llm.Media{}}, d, fetched
}

// TestInlineForms: every spelling in which the dialects read a medium gives its canonical one.
func TestInlineForms(t *testing.T) {
	gemini := &llm.Target{ID: "up/x", Dialect: llm.Gemini, Model: "x"}
	for _, tt := range []struct{ part, want string }{
		{`{"type":"image_url","image_url":{"url":"https://a.example/x","detail":"low"}}`, `{"type":"image_url","image_url":{"url":"data:image/png;base64,YWJj","detail":"low"}}`},
		{`{"type":"image_url","image_url":{"url":"HTTP:\/\/a.example\u002fx"}}`, `{"type":"image_url","image_url":{"url":"data:image/png;base64,YWJj"}}`},
		{`{"image_url":"https://a.example/x","type":"input_image"}`, `{"image_url":"data:image/png;base64,YWJj","type":"input_image"}`},
		{`{"type":"file","file":{"filename":"a.pdf","file_data":"https://a.example/x"}}`, `{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,YWJj"}}`},
		{`{"type":"file","file":{"file_url":"https://a.example/x"}}`, `{"type":"file","file":{"file_data":"data:application/pdf;base64,YWJj"}}`},
		{`{"type":"input_file","file_url":"https://a.example/x","filename":"b"}`, `{"type":"file","file":{"file_data":"data:application/pdf;base64,YWJj","filename":"b"},"filename":"b"}`},
		{`{"type":"document_url","document_url":{"url":"https://a.example/x"}}`, `{"type":"file","file":{"file_data":"data:application/pdf;base64,YWJj"}}`},
		{`{"type":"input_audio","input_audio":{"data":"https://a.example/x","format":"wav"}}`, `{"type":"input_audio","input_audio":{"data":"YWJj","format":"mp3"}}`},
		{`{"type":"audio_url","audio_url":{"url":"https://a.example/x"}}`, `{"type":"input_audio","input_audio":{"data":"YWJj","format":"mp3"}}`},
		// What stays.
		{`{"type":"file","file":{"file_id":"f1","file_url":"https://a.example/x"}}`, ""},
		{`{"type":"image_url","image_url":{"url":"data:image/png;base64,YWJj"}}`, ""},
		{`{"type":"image_url","image_url":{"url":"gs://b/x"}}`, ""},
		{`{"type":"image_url","image_url":{"url":7}}`, ""},
		{`{"type":"image_url"}`, ""},
		{`{"type":"file","file":"https://a.example/x"}`, ""},
		{`{"type":"input_audio","input_audio":{"data":"YWJj","format":"wav"}}`, ""},
		{`{"type":"image_url","image_url":{"url":"https://www.youtube.com/watch?v=1"}}`, ""},
		{`{"type":"image_url","image_url":{"url":"https://generativelanguage.googleapis.com/v1beta/files/1"}}`, ""},
		{`{"type":"image_url","image_url":{"url":"https://a.example/denied"}}`, ""}, // Gemini may fetch it
	} {
		x, d, _ := inlining(t, gemini, tt.part)
		before := string(x.Sent.Body)
		if err := d.Inline(t.Context(), x); err != nil {
			t.Errorf("%s: %v", tt.part, err)
			continue
		}
		want := before
		if tt.want != "" {
			want = strings.Replace(before, tt.part, tt.want, 1)
		}
		if got := string(x.Sent.Body); got != want {
			t.Errorf("%s became\n%s\nwant\n%s", tt.part, got, want)
		}
		if facts, _, _ := intake.Scan(x.Sent.Body, intake.Options{}); fmt.Sprint(facts) != fmt.Sprint(x.Sent.Facts) {
			t.Errorf("%s: facts %+v, want %+v", tt.part, x.Sent.Facts, facts)
		}
		if tt.want != "" && x.Sent.Facts.Unbounded != "" {
			t.Errorf("%s: %s is still of unknown size", tt.part, x.Sent.Facts.Unbounded)
		}
	}
}

// TestInlineTargets: only what a target does not take by URL is fetched.
func TestInlineTargets(t *testing.T) {
	const https, plain = `{"type":"image_url","image_url":{"url":"https://a.example/x"}}`, `{"type":"image_url","image_url":{"url":"http://a.example/x"}}`
	const file = `{"type":"file","file":{"file_url":"https://a.example/x"}}`
	for _, tt := range []struct {
		dialect       llm.Dialect
		catalog, part string
		fetched       bool
		off           bool // refused where the gateway may not fetch
		translated    bool // the client speaks another dialect
	}{
		{llm.Ollama, "", https, true, true, false},
		{llm.OpenAI, "ollama", https, true, true, false},
		{llm.OpenAI, "moonshot", plain, true, true, false},
		{llm.OpenAI, "openai", plain, false, false, false},
		{llm.OpenAI, "openrouter", file, false, false, false}, // the client speaks its dialect
		{llm.OpenAI, "openrouter", file, true, true, true},
		{llm.OpenAI, "openai", https, false, false, true},
		{llm.Responses, "", plain, false, false, false},
		{llm.Responses, "", file, false, false, false},
		{llm.Anthropic, "", https, false, false, false},
		{llm.Anthropic, "", plain, true, true, false},
		{llm.Gemini, "", https, true, false, false},
		{llm.Gemini, "", plain, true, true, false},
		{llm.Cohere, "", plain, false, false, false},
		{llm.Cohere, "", file, true, true, false},
		{"acme", "", plain, false, false, false}, // a plugin
	} {
		target := &llm.Target{ID: "up/x", Dialect: tt.dialect, Catalog: tt.catalog}
		x, d, fetched := inlining(t, target, tt.part)
		if tt.translated {
			x.Request = &llm.Request{Dialect: llm.Anthropic, Form: llm.Anthropic, Facts: x.Request.Facts}
		}
		if err := d.Inline(t.Context(), x); err != nil || len(*fetched) > 0 != tt.fetched {
			t.Errorf("%s %s: %s: %v after fetching %v", tt.dialect, tt.catalog, tt.part, err, *fetched)
		}
		if got := d.Inlines(x.Request, target); got != (tt.fetched && tt.dialect != llm.Anthropic) { // which fetches over https
			t.Errorf("%s %s: %s: Inlines = %t", tt.dialect, tt.catalog, tt.part, got)
		}
		request := x.Request
		x, d, _ = inlining(t, target, tt.part)
		d.Fetch, x.Request = nil, request
		err := d.Inline(t.Context(), x)
		if (err != nil) != tt.off || err != nil && llm.AsError(err).Fault != llm.FaultUnsupported {
			t.Errorf("%s %s: %s: off: %v", tt.dialect, tt.catalog, tt.part, err)
		}
	}
}

// TestInlineBounds: a request's media are bounded together, and a fault is kept.
func TestInlineBounds(t *testing.T) {
	ollama := &llm.Target{ID: "up/x", Dialect: llm.Ollama}
	part := `{"type":"image_url","image_url":{"url":"https://a.example/x"}}`
	x, d, fetched := inlining(t, ollama, part+","+part)
	if err := d.Inline(t.Context(), x); err != nil || len(*fetched) != 1 {
		t.Errorf("the same URL twice: %v after %d fetches", err, len(*fetched))
	}
	x, d, _ = inlining(t, ollama, part)
	d.MaxBody = 10
	if err := d.Inline(t.Context(), x); err == nil || llm.AsError(err).Code != llm.CodeTooLarge || llm.AsError(err).Status != 400 {
		t.Errorf("larger than server.max_body: %v", err)
	}
	x, d, fetched = inlining(t, ollama, part+strings.Repeat(","+part, 20))
	d.MaxBody = 60
	if err := d.Inline(t.Context(), x); err == nil || !strings.Contains(err.Error(), "fewer or smaller") || len(*fetched) != 1 {
		t.Errorf("one medium many times: %v after %d fetches", err, len(*fetched))
	}
	full := &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "no room"}
	x, d, _ = inlining(t, ollama, part)
	x.Request.Hold = func(int64) error { return full }
	if err := d.Inline(t.Context(), x); !errors.Is(err, full) {
		t.Errorf("without room: %v", err)
	}
	x, d, fetched = inlining(t, ollama, strings.Replace(part, "/x", "/none?canary", 1))
	for range 2 {
		if err := d.Inline(t.Context(), x); err == nil || len(*fetched) != 1 || strings.Contains(err.Error(), "canary") {
			t.Errorf("what can't be fetched: %v after %d fetches", err, len(*fetched))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x, d, _ = inlining(t, ollama, part)
	if err := d.Inline(ctx, x); !errors.Is(err, context.Canceled) {
		t.Errorf("after the caller left: %v", err)
	}
}

// TestInlineDry: a request that is only explained fetches nothing, and reads as if it had.
func TestInlineDry(t *testing.T) {
	x, d, fetched := inlining(t, &llm.Target{ID: "up/x", Dialect: llm.Ollama}, `{"type":"image_url","image_url":{"url":"https://a.example/x"}}`)
	x.Request.Dry = true
	if err := d.Inline(t.Context(), x); err != nil || len(*fetched) != 0 || !strings.Contains(string(x.Sent.Body), "data:image/png;base64,") {
		t.Errorf("%v after fetching %v: %s", err, *fetched, x.Sent.Body)
	}
}

func FuzzMediaOf(f *testing.F) {
	f.Add(`{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://a.example/x"}},{"type":"input_file","file_url":"http://b"}]}]}`)
	f.Add(`{"messages":[{"content":[{"type":"audio_url","audio_url":"http://b"},{"type":"file","file":{"file_data":"data:a;base64,\u0041"}}]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		if _, _, err := intake.Scan([]byte(body), intake.Options{}); err != nil {
			return
		}
		all, err := mediaOf([]byte(body))
		if err != nil {
			return
		}
		var edits []edit
		for _, m := range all {
			edits = m.inline(edits, &llm.Medium{Type: "image/png", Base64: []byte("YWJj")})
		}
		if made := apply([]byte(body), edits); !json.Valid(made) {
			t.Errorf("%s became %s", body, made)
		}
	})
}
