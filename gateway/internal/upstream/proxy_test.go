package upstream

import (
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// proxyServer is a forward proxy that wants credentials. It leads every call to the
// given server, whatever host was asked for; asked returns what was.
func proxyServer(t *testing.T, to string) (base string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		all = append(all, r.Method+" "+r.RequestURI)
		mu.Unlock()
		if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("u:proxy-canary")) {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if r.Method == http.MethodConnect {
			tunnel(t, w, to)
			return
		}
		resp, err := http.Post("http://"+to+r.URL.Path, "application/json", r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(h.Close)
	return h.URL, func() []string { mu.Lock(); defer mu.Unlock(); return all }
}

// tunnel joins two connections until either ends.
func tunnel(t *testing.T, w http.ResponseWriter, to string) {
	there, err := net.Dial("tcp", to)
	if err != nil {
		t.Error(err)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connected\r\n\r\n")
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(there, here); there.Close() })
	both.Go(func() { _, _ = io.Copy(here, there); here.Close() })
	both.Wait()
}

func TestProxy(t *testing.T) {
	plain := llmtest.NewServer(t, llmtest.JSON(200, `{}`))
	behindTLS := httptest.NewTLSServer(llmtest.Handler(llmtest.JSON(200, `{}`)))
	t.Cleanup(behindTLS.Close)
	roots := x509.NewCertPool()
	roots.AddCert(behindTLS.Certificate())
	for base, want := range map[string]string{"http://provider.invalid/v1": "POST http://provider.invalid/v1/chat/completions",
		"https://example.com/v1": "CONNECT example.com:443"} {
		to := strings.TrimPrefix(plain.URL, "http://")
		if strings.HasPrefix(base, "https") {
			to = strings.TrimPrefix(behindTLS.URL, "https://")
		}
		proxy, asked := proxyServer(t, to)
		c, err := New(Options{BaseURL: base, Signer: Bearer(testKey), RootCAs: roots,
			Proxy: Secret(strings.Replace(proxy, "http://", "http://u:proxy-canary@", 1))})
		if err != nil {
			t.Fatal(err)
		}
		if o := outcome(t, c); o.Fault != llm.FaultNone {
			t.Errorf("%s by way of a proxy: fault %q", base, o.Fault)
		}
		if got := asked(); len(got) != 1 || got[0] != want {
			t.Errorf("the proxy was asked %q, want %q", got, want)
		}
		c.Close()

		c, err = New(Options{BaseURL: base, Signer: Bearer(testKey), Proxy: Secret(proxy)}) // without credentials
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(t.Context(), call)
		if e := llm.AsError(err); e.Fault != llm.FaultNetwork || !strings.Contains(e.Message, "proxy") || e.Status != 502 {
			t.Errorf("a proxy that refuses: %+v, want a network fault that names the proxy", e)
		}
		c.Close()
	}
}

// TestProxyDoesNotLeadToPrivateAddresses checks what can be checked without resolving.
func TestProxyDoesNotLeadToPrivateAddresses(t *testing.T) {
	proxy, asked := proxyServer(t, "127.0.0.1:1")
	for _, base := range []string{"http://127.0.0.1/v1", "http://localhost:8000", "http://10.0.0.1", "http://[::1]:80", "http://169.254.169.254", "http://a.localhost."} {
		c, err := New(Options{BaseURL: base, Proxy: Secret(proxy)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(t.Context(), call)
		if e := llm.AsError(err); e.Fault != llm.FaultNotFound || !strings.Contains(e.Message, "allow_private") {
			t.Errorf("Do to %s = %v, want a refusal that names allow_private", base, err)
		}
	}
	if got := asked(); len(got) != 0 {
		t.Errorf("the proxy was asked for private addresses: %q", got)
	}
}

func TestWhichProxy(t *testing.T) {
	environment := func(r *http.Request) (*url.URL, error) {
		if r.URL.Host == "odd.example" {
			return nil, io.ErrUnexpectedEOF
		}
		return url.Parse("http://env.example:3128")
	}
	tests := []struct{ base, setting, want string }{
		{"https://a.example", "", "http://env.example:3128"},
		{"https://a.example", "none", ""},
		{"https://a.example", "http://own.example:1", "http://own.example:1"},
		{"https://a.example", "socks5://own.example:1", "socks5://own.example:1"},
		{"https://odd.example", "", "error"},
		{"https://a.example", "ftp://own.example", "error"},
		{"https://a.example", "own.example:3128", "error"},
		{"https://a.example", "http://u:secret@own.example/path", "error"},
		{"https://a.example", "http://u:secret@:80", "error"},
		{"https://a.example", "http://u:secret\x7f@own.example", "error"},
	}
	for _, tt := range tests {
		base, err := url.Parse(tt.base)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		proxy, err := proxyFor(base, tt.setting, environment)
		if proxy != nil {
			got = proxy.String()
		}
		if err != nil {
			got = "error"
		}
		if got != tt.want || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("proxy of %s with %q = %s, %v, want %s", tt.base, tt.setting, got, err, tt.want)
		}
	}
}
