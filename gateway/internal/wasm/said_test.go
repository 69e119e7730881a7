package wasm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// rejector is a module whose hook says no with this status and message.
func rejector(h Hook, code int32, message string) asm {
	a := guest(h, i32c(code), i32c(2048), i32c(int32(len(message))), call(0), result(0, 0))
	a.imports = []asmImport{{"penstock", "error", "iii", ""}}
	a.data = [][]byte{cat([]byte{0}, i32c(2048), []byte{opEnd}, sized([]byte(message)))}
	return a
}

// TestANoWithAStrangeStatusIsStillANo: the caller gets 400 and the message, the module a
// fault, and no policy of skipping faults lets the request pass.
func TestANoWithAStrangeStatusIsStillANo(t *testing.T) {
	for _, code := range []int32{499, 0, 1, -1, 100, 200, 204, 304, 399, 600, 999, 1000, 1 << 30, -1 << 31} {
		a := rejector(TransformRequest, code, "not like this")
		tr, err := NewTransform(load(t, a.bytes()), TransformOptions{SkipRequest: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = tr.Request(t.Context(), someExchange(), []byte(`{}`))
		var e *llm.Error
		var f *Fault
		if !errors.As(err, &e) || e.Status != 400 || e.Message != "not like this" || !errors.As(err, &f) || f.Kind != BadResult {
			t.Errorf("error(%d): %v, want 400 with the message and a fault", code, err)
		}
		if s := tr.module.Stats(); s.Faults != 1 || s.Rejections != 0 || s.Discarded != 0 {
			t.Errorf("error(%d): %d faults, %d rejections, %d instances discarded; want 1, 0, 0", code, s.Faults, s.Rejections, s.Discarded)
		}
	}
	for code, want := range map[int32]int{400: 400, 451: 451, 498: 498, 500: 502, 599: 502} {
		a := rejector(AcceptRequest, code, "no")
		d := clientDialect(t, a, AcceptRequest, nil)
		_, err := d.Accept(t.Context(), Accepting{Body: []byte(`{}`)})
		var e *llm.Error
		var f *Fault
		if !errors.As(err, &e) || e.Status != want || errors.As(err, &f) {
			t.Errorf("error(%d): %v, want %d and no fault", code, err, want)
		}
	}
}

func TestFiveBadlySaidNosDisableADialectForCallers(t *testing.T) {
	d := clientDialect(t, rejector(AcceptRequest, 499, "no"), AcceptRequest, nil)
	for range breakAfter {
		if _, err := d.Accept(t.Context(), Accepting{Body: []byte(`{}`)}); llm.AsError(err).Status != 400 {
			t.Fatalf("Accept: %v", err)
		}
	}
	if _, err := d.Accept(t.Context(), Accepting{Body: []byte(`{}`)}); !strings.Contains(fmt.Sprint(err), "disabled") {
		t.Errorf("after %d faults: %v, want that it is disabled", breakAfter, err)
	}
}

func TestARenderedStatusIsOneThatHasABody(t *testing.T) {
	for _, status := range []int{-1, 0, 1, 99, 100, 101, 103, 199, 204, 205, 304, 499, 600, 999, 1000} {
		answer := fmt.Sprintf(`{"status":%d,"body":{}}`, status)
		_, err := clientDialect(t, answering(RenderResponse, []byte(answer)), RenderResponse, nil).Render(t.Context(), Rendering{Status: 200, Body: []byte(`{}`)})
		var f *Fault
		if !errors.As(err, &f) || f.Kind != BadResult {
			t.Errorf("status %d: %v, want a fault", status, err)
		}
	}
	for _, status := range []string{`"200"`, `200.5`, `[]`, `1e3`} {
		if _, err := readRendered([]byte(`{"status":`+status+`,"body":{}}`), 200); err == nil {
			t.Errorf("the status %s is taken", status)
		}
	}
	for _, status := range []int64{499, 99, 200, 600, -5} {
		if got := (reply{failure: []byte(`{}`), status: status}).providerError(http.StatusTeapot); got.Status != http.StatusTeapot {
			t.Errorf("an error of which the module says status %d becomes %d, want the provider's own", status, got.Status)
		}
	}
}

// TestWhatAGuestSaysCannotSteerATerminal holds every way of a guest's words into a
// message against characters on which a terminal acts.
func TestWhatAGuestSaysCannotSteerATerminal(t *testing.T) {
	const nasty = "a\x1b]0;own\x07b\u009b31m\u202ec\x7f\u2066d\u2028e\U000e0041f\r"
	const tame = `a\u{1b}]0;own\u{7}b\u{9b}31m\u{202e}c\u{7f}\u{2066}d\u{2028}e\u{e0041}f\u{d}`
	if got := printable(nasty); got != tame {
		t.Errorf("printable = %q, want %q", got, tame)
	}
	if got := printable("zwei\nZeilen\tü 日本 🎉"); got != "zwei\nZeilen\tü 日本 🎉" {
		t.Errorf("what harms nobody becomes %q", got)
	}
	_, _, err := load(t, rejector(Route, 400, nasty).bytes()).Call(context.Background(), Route, 1, nil, nil)
	var r *Rejection
	if !errors.As(err, &r) || r.Message != tame {
		t.Errorf("a rejection says %q", err)
	}
	a := rejector(Route, 400, nasty)
	a.funcs[2].export = "x"
	a.funcs = append(a.funcs, asmFunc{export: exportInit, params: "ii", results: "I", code: a.funcs[2].code},
		asmFunc{export: Route.String(), params: "ii", results: "I", code: result(0, 0)})
	a.funcs[3].locals = "iiiI"
	if got := refusal(t, Spec{Wasm: a.bytes()}); strings.ContainsFunc(got, acts) || !strings.Contains(got, tame) {
		t.Errorf("a refused init says %q", got)
	}
	var b ballot
	b.reset(1)
	if err := readRanking(&b, []byte(`{"reason":"x\u001b[2J\u009b1m\u202e"}`)); err != nil || b.reason != `x\u{1b}[2J\u{9b}1m\u{202e}` {
		t.Errorf("the reason is %q, %v", b.reason, err)
	}
	named := guest(Route, result(0, 0))
	named.imports = []asmImport{{"penstock", "lo\x1bg", "", ""}}
	if got := refusal(t, Spec{Wasm: named.bytes()}); strings.ContainsFunc(got, acts) || !strings.Contains(got, "control characters") {
		t.Errorf("an import's name: %q", got)
	}
	if _, err := ParseManifest([]byte(`{"name":"x\u001b[2J"}`)); err == nil || strings.ContainsFunc(err.Error(), acts) {
		t.Errorf("a manifest's name: %v", err)
	}
}

func TestAPathMeansWhatItMeansInAURL(t *testing.T) {
	for path, want := range map[string]string{
		"/models/org%2Fname:generate": "/models/org%2Fname:generate",
		"/a%20b":                      "/a%20b",
		"/100%25":                     "/100%25",
		"/ü":                          "/%C3%BC",
		"/a|b":                        "/a%7Cb",
		"/v1/x@y,z;p=1!":              "/v1/x@y,z;p=1!",
		"/m/%E6%97%A5":                "/m/%E6%97%A5",
		"/":                           "/",
	} {
		if got, err := checkPath(path); err != nil || got != want {
			t.Errorf("checkPath(%q) = %q, %v, want %q", path, got, err, want)
		}
	}
	for _, path := range []string{"", "a", "//x", "/..", "/a/../b", "/%2e%2e/admin", "/%2E./admin", "/.%2e", "/%252e%252e/admin", "/x%2f..%2fy",
		"/a%2F%2E%2E", "/%5c..", "/a%5Cb", `/a\b`, "/a%00", "/a%0d%0aHost:", "/a%0A", "/a\n", "/a%7f", "/a%c2%9b", "/a%", "/a%2", "/a%zz", "/a%%25",
		"/a?b", "/a#b", "/a b", "/./a", "/a/.", "/a/%2e/b", "/%2f/evil.example", "/%2Fevil.example", "/" + strings.Repeat("a", maxPathBytes)} {
		if got, err := checkPath(path); err == nil {
			t.Errorf("checkPath(%q) = %q, want that it is refused", path, got)
		}
	}
}

func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"/a%2Fb", "/%2e%2e", "/%25252e./x", "/ü", "/%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := checkPath(path)
		if err != nil {
			return
		}
		if again, err := checkPath(got); err != nil || again != got {
			t.Errorf("checkPath(%q) = %q, and of that %q, %v", path, got, again, err)
		}
		if strings.ContainsFunc(got, func(c rune) bool { return c <= ' ' || c >= 0x7f }) || strings.Contains(got, "..") {
			t.Errorf("checkPath(%q) = %q", path, got)
		}
	})
}

func TestADialectSetsNoHeaderThatCarriesOrSteers(t *testing.T) {
	for _, name := range []string{"Authorization", "X-Auth-Token", "X-Amz-Security-Token", "X-Api-Key", "Api-Key", "Ocp-Apim-Subscription-Key",
		"X-Goog-Api-Key", "Cookie", "X-Session", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Transfer_encoding",
		"Content_length", "Content-Length", "Transfer-Encoding", "Content-Encoding", "Accept-Encoding", "Host", "X-Host", "Connection",
		"Upgrade", "TE", "Trailer", "Expect", "Proxy-Connection", "Proxy-Authorization", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded",
		"X-Real-IP", "True-Client-IP", "X-Original-URL", "X-Rewrite-URL", "Via", "X-Penstock-Target", "Anthropic_version"} {
		answer := fmt.Sprintf(`{"path":"/a","headers":{%q:"x"},"body":{}}`, name)
		if _, _, err := readCall([]byte(answer)); err == nil {
			t.Errorf("a call may have the header %s", name)
		}
	}
	for _, name := range []string{"X-Accel-Redirect", "X-Accel-Expires", "X-Accel-Buffering", "X-Sendfile", "X-Sendfile-Type", "X-Lighttpd-Send-File", "X-Reproxy-URL",
		"Service-Worker-Allowed", "Location", "Content-Location", "Refresh", "Link", "Access-Control-Allow-Origin", "Access-Control-Max-Age",
		"Alt-Svc", "Server", "Date", "Set-Cookie", "Set-Cookie2", "Strict-Transport-Security", "Content-Security-Policy",
		"Content-Security-Policy-Report-Only", "Clear-Site-Data", "NEL", "Report-To", "WWW-Authenticate", "Proxy-Authenticate", "Content-Encoding",
		"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Trailer", "Cache-Control", "Surrogate-Control", "Surrogate-Key",
		"CDN-Cache-Control", "Vary", "Age", "Cross-Origin-Opener-Policy", "SourceMap", "Sec-WebSocket-Accept", "X-Penstock-Cost", "Content_Type"} {
		answer := fmt.Sprintf(`{"headers":{%q:"x"},"body":{}}`, name)
		if _, err := readRendered([]byte(answer), 200); err == nil {
			t.Errorf("a reply may have the header %s", name)
		}
	}
	for _, name := range []string{"Content-Type", "Anthropic-Version", "OpenAI-Beta", "X-Goog-User-Project", "Idempotency-Key", "Accept", "User-Agent"} {
		if _, _, err := readCall(fmt.Appendf(nil, `{"path":"/a","headers":{%q:"x"},"body":{}}`, name)); err != nil {
			t.Errorf("a call can't have the header %s: %v", name, err)
		}
	}
	for _, name := range []string{"Content-Type", "Retry-After", "Request-Id", "X-Request-Id", "Anthropic-Organization-Id", "X-RateLimit-Limit", "Content-Language"} {
		if _, err := readRendered(fmt.Appendf(nil, `{"headers":{%q:"x"},"body":{}}`, name), 200); err != nil {
			t.Errorf("a reply can't have the header %s: %v", name, err)
		}
	}
	for _, query := range []string{"key=x", "a=b&KEY=x", "api%2Dkey=x", "%6bey=x", "api-version=1;key=x", "access_token=x", "X-Amz-Signature=x", "sig=x", "auth=x",
		"%256bey=x", "a=é", "a b", "a=b#c", "%zz=1"} {
		if err := checkQuery(query); err == nil {
			t.Errorf("a call may have the query %q", query)
		}
	}
	for _, query := range []string{"", "alt=sse", "api-version=2024-10-21", "beta=true&x=%C3%A9", "a"} {
		if err := checkQuery(query); err != nil {
			t.Errorf("a call can't have the query %q: %v", query, err)
		}
	}
}
