package media

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

var (
	png      = []byte("\x89PNG\r\n\x1a\nrest")
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
)

// host answers with files by their path.
func host(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Cookie", "Authorization", "Referer", "Proxy-Authorization"} {
			if r.Header.Get(name) != "" {
				t.Errorf("%s was sent: %q", name, r.Header.Get(name))
			}
		}
		switch path := r.URL.Path; {
		case path == "/png":
			_, _ = w.Write(png)
		case path == "/big":
			w.Header().Set("Content-Length", "1001")
			_, _ = w.Write(append(png, bytes.Repeat([]byte("x"), 1001-len(png))...))
		case path == "/endless":
			for _, err := w.Write(png); err == nil; {
				_, err = w.Write(bytes.Repeat([]byte("x"), 4096))
			}
		case path == "/gzip":
			if r.Header.Get("Accept-Encoding") != "identity" {
				t.Errorf("Accept-Encoding: %q", r.Header.Get("Accept-Encoding"))
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(png)
		case path == "/empty":
		case path == "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write(png)
		case path == "/slow":
			<-r.Context().Done()
		case path == "/page":
			w.Header().Set("Content-Type", "image/png")
			fmt.Fprint(w, "<!DOCTYPE html><title>Log in</title>")
		case path == "/text":
			w.Header().Set("Content-Type", "text/markdown; charset=utf-8")
			fmt.Fprint(w, "# hi")
		case strings.HasPrefix(path, "/to"):
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, r.URL.RawQuery, http.StatusFound)
		case strings.HasPrefix(path, "/hop"):
			var n int
			_, _ = fmt.Sscanf(path, "/hop%d", &n)
			next := fmt.Sprintf("/hop%d", n-1)
			if n == 1 {
				next = "/png"
			}
			http.Redirect(w, r, next, http.StatusTemporaryRedirect)
		default:
			http.Error(w, "secret page", http.StatusNotFound)
		}
	}))
	s.Config.ErrorLog = nil
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func TestFetch(t *testing.T) {
	s := host(t)
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	f := New(Options{MaxBytes: 1000, AllowPrivate: loopback})
	for _, tt := range []struct {
		url  string
		kind llm.Features
		want string // the type, or a part of the error
	}{
		{s.URL + "/png", llm.Vision, "image/png"},
		{"http://localhost" + port + "/png?sig=1#x", llm.Vision, "image/png"},
		{"HTTP://127.0.0.1" + port + "/png", llm.Vision, "image/png"},
		{s.URL + "/png", llm.FileIn, "image/png"},
		{s.URL + "/text", llm.FileIn, "text/markdown"},
		{s.URL + "/hop3", llm.Vision, "image/png"},
		{s.URL + "/png", llm.AudioIn, "it is not a sound but image/png"},
		{s.URL + "/text", llm.Vision, "it is not an image but text/markdown"},
		{s.URL + "/page", llm.Vision, "it is not an image but text/html"},
		{s.URL + "/page", llm.FileIn, "it is not a PDF, a text or an image but text/html"},
		{s.URL + "/hop4", llm.Vision, "more than 3 times"},
		{s.URL + "/big", llm.Vision, "larger than 1000 bytes (media.max_bytes)"},
		{s.URL + "/endless", llm.Vision, "larger than 1000 bytes"},
		{s.URL + "/gzip", llm.Vision, "compressed"},
		{s.URL + "/empty", llm.Vision, "sent nothing"},
		{s.URL + "/short", llm.Vision, "broke off"},
		{s.URL + "/none", llm.Vision, "status 404"},
		{s.URL + "/to?http://[::1", llm.Vision, "not a URL"},
		{s.URL + "/to?file:///etc/passwd", llm.Vision, "its URL is not valid"},
		{s.URL + "/to?gopher://127.0.0.1/", llm.Vision, "only http and https"},
		{s.URL + "/to?http://u:p@127.0.0.1" + port + "/png", llm.Vision, "user or password"},
		{s.URL + "/to?http://169.254.169.254/latest", llm.Vision, "cloud's own services"},
		{s.URL + "/to?http://[::ffff:169.254.169.254]/latest", llm.Vision, "cloud's own services"},
		{s.URL + "/to?http://10.0.0.1/", llm.Vision, "not on the public internet"},
		{s.URL + "/to?http://0.0.0.0" + port + "/png", llm.Vision, "not on the public internet"},
		{"http://u@127.0.0.1" + port + "/png", llm.Vision, "user or password"},
		{"ftp://127.0.0.1/png", llm.Vision, "only http and https"},
		{"http:///png", llm.Vision, "not valid"},
		{"http:127.0.0.1/png", llm.Vision, "not valid"},
		{"http://127.0.0.1\n/png", llm.Vision, "not valid"},
		{"http://nobody.invalid/png", llm.Vision, "can't be resolved"},
		{"http://1.1.1.1:22/", llm.Vision, "only the ports 80 and 443"},
		{"http://127.0.0.1/" + strings.Repeat("a", maxURL), llm.Vision, "longer than"},
	} {
		m, err := f.Fetch(t.Context(), tt.url, tt.kind, nil)
		got := m.Type
		if err != nil {
			e := llm.AsError(err)
			if got = e.Message; e.Status != 400 || e.Fault != llm.FaultUnsupported || strings.Contains(got, "127.0.0") || strings.Contains(got, "secret") {
				t.Errorf("Fetch(%.80q) = %+v", tt.url, e)
			}
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("Fetch(%.80q) = %q, want %q", tt.url, got, tt.want)
		}
	}
}

// TestFetchPrivate: without a network of its own nothing private is reached, in whatever form
// its address is written.
func TestFetchPrivate(t *testing.T) {
	s := host(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	for _, name := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "127.1", "2130706433", "0x7f000001", "017700000001", "[::1%25lo]", "LOCALHOST."} {
		f := New(Options{})
		if h, ok := publicaddr.ParseHost(strings.ToLower(strings.TrimSuffix(name, ".")) + ":" + port); ok { // the port shall not be why
			f = New(Options{Hosts: []publicaddr.Host{h}})
		}
		_, err := f.Fetch(t.Context(), "http://"+name+":"+port+"/png", llm.Vision, nil)
		if err == nil {
			t.Errorf("%s was fetched from", name)
		}
	}
}

func hosts(t *testing.T, names ...string) (all []publicaddr.Host) {
	t.Helper()
	for _, name := range names {
		h, ok := publicaddr.ParseHost(name)
		if !ok {
			t.Fatalf("%s is no host", name)
		}
		all = append(all, h)
	}
	return all
}

func TestHosts(t *testing.T) {
	f := New(Options{Hosts: hosts(t, "a.example", "*.b.example", "c.example:8443")})
	for u, want := range map[string]bool{"https://a.example/x": true, "http://A.example./x": true, "https://x.a.example/": false, "https://b.example/": false,
		"https://x.b.example/": true, "https://y.x.b.example:443/": true, "https://evilb.example/": false, "https://c.example:8443/": true, "https://c.example/": false,
		"https://a.example:8443/": false, "https://a.example:80/": true, "https://a.example@evil.example/": false, "https://evil.example/?a.example": false} {
		if _, err := f.parse(u); (err == nil) != want {
			t.Errorf("parse(%q) = %v, want it allowed: %t", u, err, want)
		}
	}
}

func TestFetchTimeAndMemory(t *testing.T) {
	s := host(t)
	f := New(Options{Timeout: time.Millisecond, AllowPrivate: loopback})
	if _, err := f.Fetch(t.Context(), s.URL+"/slow", llm.Vision, nil); err == nil || llm.AsError(err).Message != "it took longer than 1ms (media.timeout)" {
		t.Errorf("a slow host: %v", err)
	}
	full := errors.New("no room")
	f = New(Options{AllowPrivate: loopback})
	if _, err := f.Fetch(t.Context(), s.URL+"/png", llm.Vision, func(n int64) error { return full }); !errors.Is(err, full) {
		t.Errorf("without room: %v", err)
	}
}

func TestTypes(t *testing.T) {
	for data, want := range map[string]string{"\xff\xd8\xff\xe0": "image/jpeg", "GIF89a": "image/gif", "RIFF\x00\x00\x00\x00WEBP": "image/webp",
		"RIFF\x00\x00\x00\x00WAVE": "audio/wav", "%PDF-1.7": "application/pdf", "ID3\x04": "audio/mp3", "\xff\xfb\x90\x64": "audio/mp3", "\xff\xf1\x50\x80": "audio/aac",
		"\x00\x00\x00\x18ftypheic": "image/heic", "fLaC": "audio/flac", "": "", "hello": "", "\xff": "", "\xff\xff\xff\xff": "", "RIFF": ""} {
		if got := sniff([]byte(data)); got != want {
			t.Errorf("sniff(%q) = %q, want %q", data, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("http://127.0.0.1/")
	f.Add("https://a.example:8443/x?y#z")
	f.Add("http://[::1%25lo]/")
	f.Fuzz(func(t *testing.T, s string) {
		m := New(Options{Hosts: hosts(t, "a.example")})
		u, err := m.parse(s)
		if err == nil && strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") != "a.example" {
			t.Errorf("parse(%q) allows %q", s, u.Hostname())
		}
	})
}
