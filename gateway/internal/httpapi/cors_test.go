package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi"
)

const page = "https://app.example"

func crossOrigin(t *testing.T, origins ...string) string {
	f := new(httpapi.Fake)
	f.Keys = httpapi.KeysRequired
	f.Origins = origins
	return start(t, f)
}

func TestPreflightNeedsNoKey(t *testing.T) {
	for _, path := range []string{"/v1/chat/completions", "/chat/completions", "//v1/chat/completions/", "/none"} {
		for _, origins := range [][]string{{"https://other.example", page}, {"*"}} {
			resp, body := call(t, "OPTIONS", crossOrigin(t, origins...), path, "", "Origin", page,
				"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,x-penstock-tags")
			h := resp.Header
			if resp.StatusCode != 204 || body != "" || !slices.Contains([]string{page, "*"}, h.Get("Access-Control-Allow-Origin")) ||
				!strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || h.Get("Access-Control-Allow-Headers") != "authorization,content-type,x-penstock-tags" ||
				h.Get("Access-Control-Allow-Credentials") != "" || !slices.Contains(h.Values("Vary"), "Origin") {
				t.Errorf("%s for %v: %d %s %v", path, origins, resp.StatusCode, body, h)
			}
		}
	}
}

func TestRepliesAreOpenToAllowedOriginsOnly(t *testing.T) {
	for _, c := range []struct {
		origins []string
		origin  string
		want    string
	}{
		{nil, page, ""},
		{[]string{page}, page, page},
		{[]string{page}, "", ""},
		{[]string{page}, "https://app.example.evil", ""},
		{[]string{page}, "https://APP.example", ""},
		{[]string{page}, "http://app.example", ""},
		{[]string{page}, "null", ""},
		{[]string{"*"}, page, "*"},
		{[]string{"*"}, "null", "*"},
	} {
		addr := crossOrigin(t, c.origins...)
		for _, key := range []string{"member", "bad"} {
			headers := []string{"Authorization", "Bearer " + key}
			if c.origin != "" {
				headers = append(headers, "Origin", c.origin)
			}
			resp, _ := call(t, "POST", addr, "/v1/chat/completions", hello, headers...)
			h := resp.Header
			if got := h.Get("Access-Control-Allow-Origin"); got != c.want || (h.Get("Vary") == "Origin") != (c.origins != nil) {
				t.Errorf("%v, page of %q, key %s: allowed %q, Vary %q", c.origins, c.origin, key, got, h.Get("Vary"))
			}
			if open := strings.Contains(h.Get("Access-Control-Expose-Headers"), "x-penstock-request-id"); open != (c.want != "") {
				t.Errorf("%v, page of %q, key %s: exposed %q", c.origins, c.origin, key, h.Get("Access-Control-Expose-Headers"))
			}
		}
	}
}

// TestTwoOriginsAreNone sends two Origin headers, as no browser does.
func TestTwoOriginsAreNone(t *testing.T) {
	resp, _ := call(t, "POST", crossOrigin(t, page), "/v1/chat/completions", hello, "Origin", page, "Origin", "https://evil.example")
	if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("allowed %q", got)
	}
}

func TestHeadAnswersAsGet(t *testing.T) {
	f := new(httpapi.Fake)
	f.Keys = httpapi.KeysRequired
	f.ModelList = []httpapi.Model{{ID: "a/b"}}
	f.Admin = new(httpapi.FakeAdmin)
	data, admin := start(t, f), startAdmin(t, f)
	for _, at := range []string{data + "/healthz", data + "/readyz", data + "/v1/models", data + "/models/a/b", data + "/v1/models/a%2Fb/",
		data + "/v1/models/none", data + "/none", data + "/v1/chat/completions", data + "//v1//models//", admin + "/", admin + "/readyz", admin + "/metrics"} {
		addr, path, _ := strings.Cut(at, "/")
		for _, key := range []string{"member", ""} {
			get, body := call(t, "GET", addr, "/"+path, "", "x-api-key", key)
			head, none := call(t, "HEAD", addr, "/"+path, "", "x-api-key", key)
			if head.StatusCode != get.StatusCode || none != "" || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") ||
				head.ContentLength >= 0 && !strings.Contains(body, "HEAD") && get.StatusCode != 405 && head.ContentLength != int64(len(body)) {
				t.Errorf("/%s with key %q: HEAD %d %d, GET %d %d", path, key, head.StatusCode, head.ContentLength, get.StatusCode, len(body))
			}
		}
	}
	if resp, body := call(t, "GET", data, "//v1//models/a/b//", "", "x-api-key", "member"); resp.StatusCode != 200 || !strings.Contains(body, `"a/b"`) {
		t.Errorf("slashes: %d %s", resp.StatusCode, body)
	}
}

func TestPathsAreTolerated(t *testing.T) {
	addr := start(t, new(httpapi.Fake))
	for _, path := range []string{"//v1/chat/completions", "/v1/chat/completions/", "/v1//chat/completions", "//chat/completions//", "/v1/chat/completions/?a=b"} {
		if resp, body := call(t, "POST", addr, path, hello); resp.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	for _, path := range []string{"/v1/../v1/chat/completions", "/v1/./chat/completions", "/V1/chat/completions", "/v1/chat/completions/x"} {
		if resp, body := call(t, "POST", addr, path, hello); resp.StatusCode != 404 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}
