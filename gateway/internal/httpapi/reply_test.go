package httpapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestPlainReply(t *testing.T) {
	addr := start(t, new(httpapi.Fake))
	for _, path := range []string{"/v1/chat/completions", "/chat/completions"} {
		resp, body := call(t, "POST", addr, path, hello)
		if resp.StatusCode != 200 || body != `{"ok":true}` || resp.ContentLength != 11 {
			t.Errorf("POST %s = %d %q, length %d", path, resp.StatusCode, body, resp.ContentLength)
		}
		h := resp.Header
		id := h.Get("X-Penstock-Request-Id")
		if len(id) != 30 || !strings.HasPrefix(id, "req_") || h.Get("X-Request-Id") != id {
			t.Errorf("ids: %q and %q", id, h.Get("X-Request-Id"))
		}
		if h.Get("Content-Type") != "application/json" || h.Get("X-Penstock-Model") != "m" {
			t.Errorf("headers: %v", h)
		}
	}
}

func TestStreamIsFlushedEventByEvent(t *testing.T) {
	f := new(httpapi.Fake)
	seen := make(chan struct{})
	f.OnServe = func(ctx context.Context, _ *llm.Request, w llm.Writer) error {
		if err := w.Start(llm.Head{Status: 200, Stream: true}); err != nil {
			return err
		}
		if err := w.Event(llm.Event{Frame: []byte("data: 1\n\n")}); err != nil {
			return err
		}
		select { // the first event must arrive before the second is made
		case <-seen:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := w.Event(llm.Event{Frame: []byte("hidden"), Hidden: true}); err != nil {
			return err
		}
		return w.Event(llm.Event{Frame: []byte("data: [DONE]\n\n"), Final: true})
	}
	resp, err := http.Post("http://"+start(t, f)+"/v1/chat/completions", "application/json", strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, len("data: 1\n\n"))
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	close(seen)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(first)+string(rest) != "data: 1\n\ndata: [DONE]\n\n" {
		t.Errorf("stream = %q%q %v", first, rest, err)
	}
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
		t.Errorf("Content-Type = %q", got)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name       string
		err        error
		status     int
		kind, code string
		headers    map[string]string
	}{
		{"bad request", &llm.Error{Code: llm.CodeInvalidRequest, Status: 400, Message: "x", Param: "n"}, 400, "invalid_request_error", "invalid_request", nil},
		{"forbidden", &llm.Error{Code: llm.CodeDenied, Status: 403, Message: "x"}, 403, "permission_error", "policy_denied", nil},
		{"limited", &llm.Error{Code: llm.CodeRateLimited, Status: 429, Message: "x", RetryAfter: 1500 * time.Millisecond}, 429, "rate_limit_error", "rate_limit_exceeded",
			map[string]string{"Retry-After": "2", "Retry-After-Ms": "1500", "X-Should-Retry": ""}},
		{"budget", &llm.Error{Code: llm.CodeBudget, Status: 429, Message: "x", Retried: true}, 429, "insufficient_quota", "budget_exceeded", map[string]string{"X-Should-Retry": "false"}},
		{"overloaded", &llm.Error{Code: llm.CodeUpstream, Status: 529, Message: "x"}, 503, "server_error", "upstream_error", nil},
		{"odd status", &llm.Error{Code: llm.CodeUpstream, Status: 302, Message: "x"}, 500, "server_error", "upstream_error", nil},
		{"own type", &llm.Error{Code: "c", Type: "own", Status: 502, Message: "x"}, 502, "own", "c", nil},
		{"internal", errors.New("canary: password in the cause"), 500, "server_error", "internal_error", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := new(httpapi.Fake)
			f.OnServe = func(context.Context, *llm.Request, llm.Writer) error { return c.err }
			resp, body := call(t, "POST", start(t, f), "/v1/chat/completions", hello)
			_, kind, code, _ := decodeError(t, body)
			if resp.StatusCode != c.status || kind != c.kind || code != c.code || strings.Contains(body, "canary") {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
			for name, want := range c.headers {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestProvidersErrorPassesUnchanged(t *testing.T) {
	const theirs = `{"error": {"message":"theirs","odd":1}}`
	f := new(httpapi.Fake)
	f.OnServe = func(_ context.Context, _ *llm.Request, w llm.Writer) error {
		// Started, but nothing was sent: the error can still have a status.
		if err := w.Start(llm.Head{Status: 200, Header: http.Header{"X-Penstock-Target": {"p/m"}}}); err != nil {
			return err
		}
		return &llm.Error{Status: 400, Body: []byte(theirs)}
	}
	resp, body := call(t, "POST", start(t, f), "/v1/chat/completions", hello)
	if resp.StatusCode != 400 || body != theirs || resp.Header.Get("X-Penstock-Target") != "p/m" {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
}

func TestBrokenRepliesDoNotLookComplete(t *testing.T) {
	serve := func(stream bool, fail func() error) func(context.Context, *llm.Request, llm.Writer) error {
		return func(_ context.Context, _ *llm.Request, w llm.Writer) error {
			if err := w.Start(llm.Head{Status: 200, Stream: stream}); err != nil {
				return err
			}
			if err := w.Event(llm.Event{Frame: []byte("data: 1\n\n")}); err != nil {
				return err
			}
			return fail()
		}
	}
	cut := func() error {
		return &llm.Error{Code: llm.CodeStreamCut, Status: 502, Message: "The provider's stream broke off."}
	}
	for name, fail := range map[string]func() error{"error": cut, "panic": func() error { panic("canary") }} {
		t.Run("stream "+name, func(t *testing.T) {
			f := new(httpapi.Fake)
			f.OnServe = serve(true, fail)
			_, body := call(t, "POST", start(t, f), "/v1/chat/completions", hello)
			event, ok := strings.CutPrefix(body, "data: 1\n\ndata: ")
			if !ok || strings.Contains(body, "DONE") || strings.Contains(body, "canary") || !strings.HasSuffix(event, "\n\n") {
				t.Fatalf("stream = %q", body)
			}
			decodeError(t, event)
		})
		t.Run("plain "+name, func(t *testing.T) {
			f := new(httpapi.Fake)
			f.OnServe = serve(false, fail)
			resp, err := http.Post("http://"+start(t, f)+"/v1/chat/completions", "", strings.NewReader(hello))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if err == nil {
				t.Error("a cut reply looks complete")
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

func TestPanicIsAnErrorOfThatRequest(t *testing.T) {
	f := new(httpapi.Fake)
	var log strings.Builder
	f.Log = slog.New(slog.NewTextHandler(&log, nil))
	f.OnServe = func(context.Context, *llm.Request, llm.Writer) error { panic("canary") }
	addr := start(t, f)
	for range 2 {
		resp, body := call(t, "POST", addr, "/v1/chat/completions", hello)
		if _, _, code, _ := decodeError(t, body); resp.StatusCode != 500 || code != "internal_error" || strings.Contains(body, "canary") {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	}
	if !strings.Contains(log.String(), "canary") {
		t.Error("the panic was not logged")
	}
}

func TestClientHangingUpCancels(t *testing.T) {
	f := new(httpapi.Fake)
	begun, ended := make(chan struct{}), make(chan error, 1)
	f.OnServe = func(ctx context.Context, _ *llm.Request, w llm.Writer) error {
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+start(t, f)+"/v1/chat/completions", strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-begun; hangUp() }()
	if resp, err := http.DefaultClient.Do(r); err == nil {
		_ = resp.Body.Close()
		t.Error("an answer came")
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Serve's context ended with %v", err)
	}
}

func TestRequestsBeyondTheLimitAreRefused(t *testing.T) {
	f := new(httpapi.Fake)
	f.Limits.Requests = 1
	in, out := make(chan struct{}), make(chan struct{})
	f.OnServe = func(ctx context.Context, req *llm.Request, w llm.Writer) error {
		close(in)
		<-out
		return httpapi.SendPlain(ctx, req, w)
	}
	addr := start(t, f)
	first := make(chan int)
	go func() {
		resp, _ := call(t, "POST", addr, "/v1/chat/completions", hello)
		first <- resp.StatusCode
	}()
	<-in
	resp, body := call(t, "POST", addr, "/v1/chat/completions", hello)
	if _, _, code, _ := decodeError(t, body); resp.StatusCode != 503 || code != "overloaded" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	close(out)
	if got := <-first; got != 200 {
		t.Errorf("the first request got %d", got)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	addr := start(t, new(httpapi.Fake))
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"POST", "/v1/nothing", 404, "POST /v1/chat/completions"},
		{"POST", "/", 405, "use GET"},
		{"GET", "/v2/models", 404, "There is no endpoint /v2/models"},
		{"GET", "/v1/chat/completions", 405, "use POST"},
		{"GET", "/admin/v1/spend", 404, "no endpoint /admin/v1/spend"},
	} {
		resp, body := call(t, c.method, addr, c.path, "")
		if message, _, _, _ := decodeError(t, body); resp.StatusCode != c.status || !strings.Contains(message, c.want) {
			t.Errorf("%s %s = %d %s, want %d …%s…", c.method, c.path, resp.StatusCode, body, c.status, c.want)
		}
		if h := resp.Header.Get("Access-Control-Allow-Origin"); h != "" {
			t.Errorf("CORS is on: %s", h)
		}
	}
}

// TestProbes sends what clients send to see whether there is anything at a base URL.
func TestProbes(t *testing.T) {
	f := new(httpapi.Fake)
	f.Keys = httpapi.KeysRequired
	addr := start(t, f)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"HEAD", "/", 200, ""}, {"GET", "/", 200, ""}, {"GET", "", 200, ""}, {"GET", "/healthz/", 200, ""}, {"HEAD", "/healthz", 200, ""},
		{"OPTIONS", "/", 204, "OPTIONS, GET, HEAD"},
		{"OPTIONS", "/v1/messages", 204, "OPTIONS, POST"},
		{"OPTIONS", "/v1/messages/", 204, "OPTIONS, POST"},
		{"OPTIONS", "/v1/models", 204, "OPTIONS, GET, HEAD"},
		{"OPTIONS", "/v1beta/models/", 204, "OPTIONS, GET, HEAD"},
		{"HEAD", "/v1beta/models", 401, ""},
		{"OPTIONS", "/none", 404, ""},
	} {
		resp, body := call(t, c.method, addr, c.path, "")
		if resp.StatusCode != c.status || resp.Header.Get("Allow") != c.allow || strings.Contains(body, "key") {
			t.Errorf("%s %s = %d %s, Allow %q, want %d and %q", c.method, c.path, resp.StatusCode, body, resp.Header.Get("Allow"), c.status, c.allow)
		}
	}
}

// TestPrefix sends requests with a prefix before their paths, and without.
func TestPrefix(t *testing.T) {
	f := new(httpapi.Fake)
	f.Prefix = "/ai/x"
	f.ModelList = []httpapi.Model{{ID: "b/c"}}
	addr := start(t, f)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"HEAD", "/ai/x", 200}, {"GET", "/ai/x/", 200}, {"GET", "/ai//x/healthz", 200}, {"GET", "/healthz", 200},
		{"POST", "/ai/x/v1/messages", 200}, {"POST", "//ai/x/chat/completions/", 200}, {"POST", "/v1/messages", 200},
		{"GET", "/ai/x/v1/models/b%2Fc", 200}, {"GET", "/ai/x/models/b/c", 200}, {"GET", "/ai/x/v1beta/models/", 200}, {"HEAD", "/ai/x/v1beta/models/b/c", 200},
		{"POST", "/ai/xv1/messages", 404}, {"POST", "/ai/v1/messages", 404}, {"POST", "/ai/x/ai/x/v1/messages", 404},
	} {
		if resp, body := call(t, c.method, addr, c.path, hello); resp.StatusCode != c.status {
			t.Errorf("%s %s = %d %s, want %d", c.method, c.path, resp.StatusCode, body, c.status)
		}
	}
	if resp, _ := call(t, "GET", startAdmin(t, f), "/ai/x/healthz", ""); resp.StatusCode != 404 {
		t.Errorf("the admin handler has the prefix, too: %d", resp.StatusCode)
	}
}

// TestRequestID expects the header that Anthropic's clients read with the replies that they
// get, and with no others.
func TestRequestID(t *testing.T) {
	f := new(httpapi.Fake)
	addr := start(t, f)
	for _, c := range []struct {
		path, version string
		want          bool
	}{
		{"/v1/messages", "", true}, {"/v1/messages", "2023-06-01", true}, {"/v1/chat/completions", "2023-06-01", false}, {"/v1/none", "2023-06-01", true}, {"/v1/none", "", false},
	} {
		resp, body := call(t, "POST", addr, c.path, hello, "anthropic-version", c.version)
		if id := resp.Header.Get("Request-Id"); (id != "") != c.want || c.want && id != resp.Header.Get("X-Request-Id") {
			t.Errorf("%s, version %q: %d %s, request id %q, want one: %t", c.path, c.version, resp.StatusCode, body, id, c.want)
		}
	}
}

// TestNoCORS expects no CORS header unless origins are allowed.
func TestNoCORS(t *testing.T) {
	resp, _ := call(t, "OPTIONS", start(t, new(httpapi.Fake)), "/v1/chat/completions", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	for name := range resp.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s is sent", name)
		}
	}
}

func TestModels(t *testing.T) {
	f := new(httpapi.Fake)
	f.Keys = httpapi.KeysRequired
	f.ModelList = []httpapi.Model{{ID: "smart", Created: time.Unix(5, 0)}, {ID: "openai/gpt-5", OwnedBy: "openai"}}
	addr := start(t, f)
	_, body := call(t, "GET", addr, "/v1/models", "", "Authorization", "Bearer member")
	want := `{"object":"list","data":[{"id":"smart","object":"model","created":5,"owned_by":"search"},{"id":"openai/gpt-5","object":"model","created":0,"owned_by":"openai"}]}`
	if strings.TrimSpace(body) != want {
		t.Errorf("GET /v1/models = %s", body)
	}
	for path, status := range map[string]int{"/v1/models/openai/gpt-5": 200, "/v1/models/openai%2Fgpt-5": 200, "/models/smart": 200, "/v1/models/none": 404} {
		if resp, body := call(t, "GET", addr, path, "", "Authorization", "Bearer member"); resp.StatusCode != status {
			t.Errorf("GET %s = %d %s", path, resp.StatusCode, body)
		}
	}
	if resp, _ := call(t, "GET", addr, "/v1/models", ""); resp.StatusCode != 401 {
		t.Errorf("without a key: %d", resp.StatusCode)
	}
}

// TestModelLists asks for pages of models as Anthropic's and Gemini's clients do.
func TestModelLists(t *testing.T) {
	f := new(httpapi.Fake)
	f.ModelList = []httpapi.Model{{ID: "a", Created: time.Date(2025, 2, 24, 0, 0, 0, 0, time.UTC), Context: 200, MaxOutput: 64, Chat: true}, {ID: "b/c", Embeds: true}, {ID: "d"}}
	addr := start(t, f)
	a := `{"type":"model","id":"a","display_name":"a","created_at":"2025-02-24T00:00:00Z","max_input_tokens":200,"max_tokens":64}`
	bc := `{"type":"model","id":"b/c","display_name":"b/c","created_at":"1970-01-01T00:00:00Z"}`
	d := strings.ReplaceAll(bc, "b/c", "d")
	ga := `{"name":"models/a","displayName":"a","inputTokenLimit":200,"outputTokenLimit":64,"supportedGenerationMethods":["generateContent","countTokens"]}`
	gbc := `{"name":"models/b/c","displayName":"b/c","supportedGenerationMethods":["embedContent","countTokens"]}`
	gd := `{"name":"models/d","displayName":"d","supportedGenerationMethods":[]}`
	for path, want := range map[string]string{
		"/v1/models?limit=1000":            `{"data":[` + a + `,` + bc + `,` + d + `],"has_more":false,"first_id":"a","last_id":"d"}`,
		"/models/?limit=2":                 `{"data":[` + a + `,` + bc + `],"has_more":true,"first_id":"a","last_id":"b/c"}`,
		"/v1/models?limit=2&after_id=b/c":  `{"data":[` + d + `],"has_more":false,"first_id":"d","last_id":"d"}`,
		"/v1/models?limit=1&before_id=d":   `{"data":[` + bc + `],"has_more":true,"first_id":"b/c","last_id":"b/c"}`,
		"/v1/models?after_id=none":         `{"data":[],"has_more":false,"first_id":null,"last_id":null}`,
		"/v1/models/b%2Fc":                 bc,
		"/v1/models?limit=0":               `"type":"invalid_request_error"`,
		"/v1/models/none":                  `{"type":"error","error":{"type":"not_found_error",`,
		"/v1beta/models":                   `{"models":[` + ga + `,` + gbc + `,` + gd + `]}`,
		"/v1beta/models?pageSize=2":        `{"models":[` + ga + `,` + gbc + `],"nextPageToken":"b/c"}`,
		"/v1beta/models?pageToken=b%2Fc&x": `{"models":[` + gd + `]}`,
		"/v1beta/models/a":                 ga,
		"/v1beta/models/b%2Fc/":            gbc,
		"/v1beta/models/none":              `"status":"NOT_FOUND"`,
		"/v1beta/models?pageSize=0":        `"status":"INVALID_ARGUMENT"`,
		"/v1beta/models/a:countTokens":     `"code":405`,
		"/models/a:embedContent":           `"code":405`,
		"/v1beta/none":                     `"status":"NOT_FOUND"`,
	} {
		if resp, body := call(t, "GET", addr, path, "", "anthropic-version", "2023-06-01"); !strings.Contains(body, want) {
			t.Errorf("GET %s = %d %s\nwant %s", path, resp.StatusCode, body, want)
		}
	}
	if resp, body := call(t, "POST", addr, "/v1beta/models/a:predict", "{}"); resp.StatusCode != 404 || !strings.Contains(body, `"status":"NOT_FOUND"`) {
		t.Errorf("a method that there is not: %d %s", resp.StatusCode, body)
	}
	for _, header := range []string{"x-goog-api-key", "x-goog-api-client"} { // Google's clients, told to use v1
		if _, body := call(t, "GET", addr, "/v1/models", "", header, "x"); !strings.HasPrefix(body, `{"models":[`+ga) {
			t.Errorf("GET /v1/models with %s = %s", header, body)
		}
	}
}

// TestHammer streams to many clients at once, with frames that wait for each other,
// and expects each to get its own reply only.
func TestHammer(t *testing.T) {
	f := new(httpapi.Fake)
	f.OnServe = func(_ context.Context, req *llm.Request, w llm.Writer) error {
		err := w.Start(llm.Head{Status: 200, Stream: true})
		for i := 0; err == nil && i < 50; i++ {
			err = w.Event(llm.Event{Frame: []byte(req.Facts.Model + "\n"), More: i%7 != 0 && i < 49, Final: i == 49})
		}
		return err
	}
	addr := start(t, f)
	var wg sync.WaitGroup
	for g := range 8 {
		name := strings.Repeat(string(rune('a'+g)), 10*(g+1))
		wg.Go(func() {
			for range 20 {
				if _, body := call(t, "POST", addr, "/v1/chat/completions", `{"model":"`+name+`","stream":true}`); body != strings.Repeat(name+"\n", 50) {
					t.Errorf("%s got %q", name, body)
				}
			}
		})
	}
	wg.Wait()
}
