package server

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// The media of a mediaHost by their path.
var hosted = map[string]string{"/a.png": "\x89PNG\r\n\x1a\nIDAT", "/a.pdf": "%PDF-1.7 x", "/a.mp3": "ID3\x04\x00sound", "/a.html": "<!DOCTYPE html><p>Log in", "/a.txt": "plain words"}

// mediaHost serves the hosted media and counts how often it is asked.
func mediaHost(t *testing.T) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		data, ok := hosted[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if strings.HasSuffix(r.URL.Path, ".txt") {
			w.Header().Set("Content-Type", "text/plain")
		}
		_, _ = io.WriteString(w, data)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// mediaReplies are complete answers, by the dialect of who gives them.
var mediaReplies = map[llm.Dialect]string{
	llm.Gemini:    `{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"a cat"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":2,"totalTokenCount":11}}`,
	llm.Ollama:    `{"model":"x","message":{"role":"assistant","content":"a cat"},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":2}`,
	llm.Anthropic: `{"id":"msg_1","type":"message","role":"assistant","model":"x","content":[{"type":"text","text":"a cat"}],"stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":2}}`,
	llm.Cohere:    `{"id":"c1","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"a cat"}]},"usage":{"tokens":{"input_tokens":9,"output_tokens":2}}}`,
	llm.OpenAI:    `{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"a cat"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}`,
	llm.Responses: `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"x","output":[{"type":"message","id":"m1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"a cat","annotations":[]}]}],"usage":{"input_tokens":9,"output_tokens":2,"total_tokens":11}}`,
}

// mediaUpstream answers in a dialect and keeps what it was asked.
type mediaUpstream struct {
	dialect llm.Dialect
	mu      sync.Mutex
	bodies  []string
}

func (u *mediaUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	u.bodies = append(u.bodies, string(body))
	u.mu.Unlock()
	llmtest.Handler(llmtest.JSON(200, mediaReplies[u.dialect])).ServeHTTP(w, r)
}

func (u *mediaUpstream) last() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.bodies) == 0 {
		return ""
	}
	return u.bodies[len(u.bodies)-1]
}

func openMediaServer(t *testing.T, up http.Handler, dialect llm.Dialect, media string) *testServer {
	t.Helper()
	return openTestServer(t, up, fmt.Sprintf(`
keys: off
media: %s
providers: {up: {dialect: %s, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/x], retries: {attempts: 1}}}
ledger: sqlite://penstock.db
`, media, dialect))
}

const fromLoopback = "{fetch: true, allow_private: [127.0.0.1/32]}"

// mediaClients ask about an image and a document, in each dialect, each of which is a URL or
// a data: URL.
var mediaClients = map[llm.Dialect]struct {
	path         string
	image, file  func(url string) string
	errorMessage string // what an error's body holds
}{
	llm.OpenAI: {"/chat/completions",
		func(u string) string {
			return `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"` + u + `","detail":"low"}}]}]}`
		},
		func(u string) string {
			return `{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"` + u + `"}}]}]}`
		}, `"type":"invalid_request_error"`},
	llm.Responses: {"/responses",
		func(u string) string {
			return `{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"what?"},{"type":"input_image","image_url":"` + u + `"}]}]}`
		},
		func(u string) string {
			member := "file_url"
			if strings.HasPrefix(u, "data:") {
				member = "file_data"
			}
			return `{"model":"m","input":[{"role":"user","content":[{"type":"input_file","` + member + `":"` + u + `"}]}]}`
		}, `"type":"invalid_request_error"`},
	llm.Anthropic: {"/messages",
		func(u string) string {
			return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image","source":` + anthropicSource(u) + `}]}]}`
		},
		func(u string) string {
			return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":` + anthropicSource(u) + `}]}]}`
		}, `{"type":"error","error":{"type":"invalid_request_error"`},
}

func anthropicSource(u string) string {
	rest, inline := strings.CutPrefix(u, "data:")
	if !inline {
		return `{"type":"url","url":"` + u + `"}`
	}
	media, data, _ := strings.Cut(rest, ";base64,")
	return `{"type":"base64","media_type":"` + media + `","data":"` + data + `"}`
}

func dataURL(media, path string) string {
	return "data:" + media + ";base64," + base64.StdEncoding.EncodeToString([]byte(hosted[path]))
}

// TestMediaByURL has a client of each dialect name an image and a document by URL. A target
// that takes only data gets what it would get had the client sent the data; where the gateway
// may not fetch, the client gets a 400 that says which part and which setting.
func TestMediaByURL(t *testing.T) {
	skipRaced(t)
	host, _ := mediaHost(t)
	for _, target := range []llm.Dialect{llm.Gemini, llm.Ollama, llm.Anthropic, llm.Cohere, llm.OpenAI, llm.Responses} {
		up := &mediaUpstream{dialect: target}
		on, off := openMediaServer(t, up, target, fromLoopback), openMediaServer(t, up, target, "{}")
		for client, c := range mediaClients {
			images := target != llm.OpenAI && target != llm.Responses && target != llm.Cohere // these fetch images themselves
			files := target != llm.Ollama && target != llm.Cohere                             // these take no PDF
			for _, tt := range []struct {
				name, path, media string
				ask               func(string) string
				applies           bool
			}{{"image", "/a.png", "image/png", c.image, images}, {"document", "/a.pdf", "application/pdf", c.file, files}} {
				if !tt.applies || client == target || client == llm.OpenAI && target == llm.OpenAI {
					continue
				}
				t.Run(fmt.Sprintf("%s to %s %s", client, target, tt.name), func(t *testing.T) {
					resp, got := on.postTo(t, c.path, tt.ask(dataURL(tt.media, tt.path)))
					if resp.StatusCode != http.StatusOK {
						t.Fatalf("data: %d %s", resp.StatusCode, got)
					}
					want := up.last()
					resp, got = on.postTo(t, c.path, tt.ask(host+tt.path+"?sig=canary"))
					if resp.StatusCode != http.StatusOK || !bytes.Contains(got, []byte("a cat")) {
						t.Fatalf("URL: %d %s", resp.StatusCode, got)
					}
					if up.last() != want {
						t.Errorf("the target got\n%s\nwant what the data gives\n%s", up.last(), want)
					}
					resp, got = off.postTo(t, c.path, tt.ask(host+tt.path+"?sig=canary"))
					if text := string(got); resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, "media: {fetch: true}") || strings.Contains(text, "canary") ||
						!strings.Contains(text, "messages[0].content[") || !strings.Contains(text, c.errorMessage) {
						t.Errorf("off: %d %s", resp.StatusCode, got)
					}
				})
			}
		}
	}
}

// TestMediaRefused: why a medium was not fetched, without its URL's secrets.
func TestMediaRefused(t *testing.T) {
	skipRaced(t)
	host, _ := mediaHost(t)
	up := &mediaUpstream{dialect: llm.Ollama}
	image := mediaClients[llm.OpenAI].image
	many := `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + host + `/a.png?0"}}`
	for i := range 16 {
		many += fmt.Sprintf(`,{"type":"image_url","image_url":{"url":"%s/a.png?%d"}}`, host, i+1)
	}
	for name, tt := range map[string]struct{ media, body, want string }{
		"no network":  {"{fetch: true}", image(host + "/a.png"), "media.allow_private"},
		"metadata":    {"{fetch: true, allow_private: [169.254.0.0/16]}", image("http://169.254.169.254/latest?canary"), "never fetched from"},
		"host":        {"{fetch: true, hosts: [a.example], allow_private: [127.0.0.1/32]}", image(host + "/a.png?canary"), "media.hosts"},
		"page":        {fromLoopback, image(host + "/a.html?canary"), "not an image but text/html"},
		"PDF":         {fromLoopback, image(host + "/a.pdf"), "not an image but application/pdf"},
		"missing":     {fromLoopback, image(host + "/canary.png"), "status 404"},
		"credentials": {fromLoopback, image(strings.Replace(host, "//", "//canary:pw@", 1) + "/a.png"), "user or password"},
		"size":        {"{fetch: true, max_bytes: 5B, allow_private: [127.0.0.1/32]}", image(host + "/a.png"), "larger than 5 bytes (media.max_bytes)"},
		"many":        {fromLoopback, many + `]}]}`, "at most 16 media by URL"},
		"not base64":  {"{}", image("data:image/png;base64,iVBORw0KGgo!!!"), "messages[0].content[1].image_url: the data of the data: URL is not base64"},
		"cut off":     {"{}", image("data:image/png;base64,iVBOR"), "cut off"},
		"no data":     {"{}", image("data:image/png;base64,"), "holds no data"},
	} {
		t.Run(name, func(t *testing.T) {
			h := openMediaServer(t, up, llm.Ollama, tt.media)
			resp, got := h.post(t, tt.body)
			if resp.StatusCode != http.StatusBadRequest || !bytes.Contains(got, []byte(tt.want)) || bytes.Contains(got, []byte("canary")) {
				t.Errorf("%d %s, want %q", resp.StatusCode, got, tt.want)
			}
			if strings.Contains(h.log.String(), "canary") {
				t.Error("the log shows the URL")
			}
		})
	}
	if up.last() != "" {
		t.Errorf("the target was asked: %s", up.last())
	}
}

// TestMediaOnce: retries and fallbacks do not fetch again, also not what could not be fetched;
// a target that takes URLs serves what an earlier one could not.
func TestMediaOnce(t *testing.T) {
	host, asked := mediaHost(t)
	up, calls := turns(func(n int, r *http.Request) llmtest.Step {
		if strings.HasPrefix(r.URL.Path, "/openai") {
			return llmtest.JSON(200, mediaReplies[llm.OpenAI])
		}
		return llmtest.JSON(500, `{"error":"out of memory"}`)
	})
	h := openTestServer(t, up, `
keys: off
media: {fetch: true, allow_private: [127.0.0.1/32]}
providers:
  a: {dialect: ollama, base_url: $UPSTREAM/a, allow_private: true}
  b: {dialect: ollama, base_url: $UPSTREAM/b, allow_private: true}
  c: {dialect: openai, base_url: $UPSTREAM/openai, allow_private: true}
models: {m: {targets: [a/x], fallback: [b/x, c/x], router: ordered, retries: {attempts: 2, backoff: 1ms..1ms}}}
ledger: sqlite://penstock.db
`)
	image := mediaClients[llm.OpenAI].image
	resp, got := h.post(t, image(host+"/a.png"))
	if n := calls(); resp.StatusCode != http.StatusOK || resp.Header.Get("X-Penstock-Target") != "c/x" || n != 5 || asked.Load() != 1 {
		t.Errorf("%d %s after %d calls and %d fetches", resp.StatusCode, got, n, asked.Load())
	}
	resp, got = h.post(t, image(host+"/none.png"))
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Penstock-Target") != "c/x" || asked.Load() != 2 {
		t.Errorf("%d %s after %d fetches", resp.StatusCode, got, asked.Load())
	}
}
