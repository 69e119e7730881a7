package oidc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// unavailable returns the cause of a 503, and fails for everything else.
func unavailable(t *testing.T, s *Issuers, token string) string {
	t.Helper()
	_, err := s.Verify(context.Background(), token)
	e := llm.AsError(err)
	if err == nil || e.HTTPStatus() != http.StatusServiceUnavailable || e.RetryAfter <= 0 {
		t.Fatalf("Verify = %v, want a 503 with Retry-After", err)
	}
	return e.Err.Error()
}

// settle waits for the fetch that runs.
func (k *keyring) settle() {
	k.mu.Lock()
	running := k.running
	k.mu.Unlock()
	if running != nil {
		<-running
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	f, now := newIssuer(t), newClock()
	s := open(t, now, f.options())
	old := f.token(f.claims())
	if got := refusal(t, s, old); got != "" {
		t.Fatal(got)
	}
	f.set(jwks(rsaJWK("r2", rsaKey2, "")), nil)
	next := signWith("RS256", rsaKey2, `{"alg":"RS256","kid":"r2"}`, f.claims())
	if got := refusal(t, s, next); !strings.Contains(got, "does not have") {
		t.Errorf("a new key right after a fetch: %q", got)
	}
	now.Advance(fetchEvery)
	if got := refusal(t, s, next); got != "" {
		t.Errorf("a new key %s later: %q", fetchEvery, got)
	}
	now.Advance(fetchEvery)
	if got := refusal(t, s, old); !strings.Contains(got, "does not have") {
		t.Errorf("a remembered token of a key that is gone: %q", got)
	}
	if n := f.fetches.Load(); n != 3 {
		t.Errorf("%d fetches, want 3", n)
	}
}

// TestRotationWithoutKeyIDs has an issuer whose tokens and keys have no kid.
func TestRotationWithoutKeyIDs(t *testing.T) {
	t.Parallel()
	f, now := newIssuer(t), newClock()
	f.set(jwks(rsaJWK("", rsaKey, "")), nil)
	s := open(t, now, f.options())
	if got := refusal(t, s, signWith("RS256", rsaKey, `{"alg":"RS256"}`, f.claims())); got != "" {
		t.Fatal(got)
	}
	f.set(jwks(rsaJWK("", rsaKey2, "")), nil)
	now.Advance(fetchEvery)
	if got := refusal(t, s, signWith("RS256", rsaKey2, `{"alg":"RS256"}`, f.claims())); got != "" {
		t.Error(got)
	}
}

// TestUnknownKeyFlood holds that callers cannot make the gateway ask an issuer all the time.
func TestUnknownKeyFlood(t *testing.T) {
	t.Parallel()
	f, now := newIssuer(t), newClock()
	s := open(t, now, f.options())
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 50 {
				header := fmt.Sprintf(`{"alg":"RS256","kid":"x%d-%d"}`, worker, i)
				if got := refusal(t, s, b64([]byte(header))+"."+b64([]byte(f.claims()))+".AAAA"); !strings.Contains(got, "does not have") {
					t.Errorf("refused with %q", got)
				}
			}
		})
	}
	wg.Wait()
	if n := f.fetches.Load(); n != 1 {
		t.Errorf("400 unknown keys caused %d fetches, want 1", n)
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	f, now := newIssuer(t), newClock()
	var log bytes.Buffer
	o := f.options()
	o.MaxLifetime = 100 * time.Hour
	s, err := Open([]Options{o}, nil, slog.New(slog.NewTextHandler(&log, nil)), now.Now)
	if err != nil {
		t.Fatal(err)
	}
	down := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	f.set("", down)
	claims := f.claims("exp", start.Add(48*time.Hour).Unix(), "iat", nil)
	token := f.token(claims)
	if got := unavailable(t, s, token); !strings.Contains(got, "502") {
		t.Errorf("with the issuer down from the start: %s", got)
	}
	unavailable(t, s, token)
	if n := f.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1: the second request came too soon", n)
	}
	f.set(jwks(rsaJWK("r1", rsaKey, "")), nil)
	now.Advance(fetchEvery)
	if got := refusal(t, s, token); got != "" {
		t.Fatalf("after the outage: %s", got)
	}

	f.set("", down)
	now.Advance(2 * time.Hour) // the keys are due to be fetched again
	ring := s.all[0].ring
	if got := refusal(t, s, token); got != "" {
		t.Errorf("known keys during an outage: %s", got)
	}
	ring.settle()
	for range 5 { // five failures within a minute
		now.Advance(fetchEvery)
		if got := refusal(t, s, token); got != "" {
			t.Errorf("known keys during an outage: %s", got)
		}
		ring.settle()
	}
	// Whether the issuer has another key by now is not known.
	unavailable(t, s, signWith("RS256", rsaKey2, `{"alg":"RS256","kid":"r9"}`, claims))
	now.Advance(maxStale)
	unavailable(t, s, token)
	if st := s.Status()[0]; st.Fault == nil || st.Failures < 7 || st.Refreshes != 1 {
		t.Errorf("status = %+v", st)
	}
	s.Close()
	if n := strings.Count(log.String(), "cannot be fetched"); n != 3 { // at the start, at the second outage, and a day later
		t.Errorf("%d lines of the log, want 3:\n%s", n, log.String())
	}
	if strings.Contains(log.String(), token[:20]) {
		t.Error("the log has the token")
	}
}

// TestSilentIssuer holds that requests wait for a bounded time, share one fetch, and that Close
// ends it.
func TestSilentIssuer(t *testing.T) {
	t.Parallel()
	f, now := newIssuer(t), newClock()
	f.set("", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := open(t, now, f.options())
	s.all[0].ring.wait = time.Millisecond
	token := f.token(f.claims())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.Verify(context.Background(), token); llm.AsError(err).HTTPStatus() != http.StatusServiceUnavailable {
				t.Errorf("Verify = %v, want a 503", err)
			}
		})
	}
	wg.Wait()
	ctx, stop := context.WithCancelCause(context.Background())
	gone := errors.New("the caller is gone")
	stop(gone)
	s.all[0].ring.wait = time.Hour
	if _, err := s.Verify(ctx, token); !errors.Is(err, gone) {
		t.Errorf("Verify of a caller who is gone = %v", err)
	}
	if n := f.fetches.Load(); n > 1 {
		t.Errorf("%d fetches, want one", n)
	}
}

// TestManyWait holds that strangers cannot have any number of requests wait.
func TestManyWait(t *testing.T) {
	t.Parallel()
	f := newIssuer(t)
	asked := make(chan struct{})
	f.set("", func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() })
	s := open(t, newClock(), f.options())
	ring := s.all[0].ring
	s.Fetch()
	<-asked
	ring.mu.Lock()
	ring.waiting = maxWaiting
	ring.mu.Unlock()
	if got := unavailable(t, s, f.token(f.claims())); !strings.Contains(got, "256 requests wait") {
		t.Errorf("one request too many: %s", got)
	}
}

// TestBadAnswers has issuers that answer with something else than keys.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	var leaked atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Store(true) }))
	defer elsewhere.Close()
	many := make([]string, maxKeys+1)
	for i := range many {
		many[i] = rsaJWK(fmt.Sprint(i), rsaKey, "")
	}
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"html":        {text("<html>login</html>"), "no public key"},
		"broken JSON": {text(`{"keys":[`), "not valid JSON"},
		"no keys":     {text(`{"keys":[]}`), "no public key"},
		"shared key":  {text(`{"keys":[{"kty":"oct","kid":"r1","k":"c2VjcmV0"}]}`), "no public key"},
		"weak key":    {text(jwks(`{"kty":"RSA","kid":"r1","n":"` + b64(bytes.Repeat([]byte{0xff}, 128)) + `","e":"AQAB"}`)), "no public key"},
		"off curve":   {text(jwks(`{"kty":"EC","crv":"P-256","kid":"r1","x":"` + b64(bytes.Repeat([]byte{1}, 32)) + `","y":"` + b64(bytes.Repeat([]byte{2}, 32)) + `"}`)), "no public key"},
		"encryption":  {text(jwks(rsaJWK("r1", rsaKey, `,"use":"enc"`))), "no public key"},
		"other ops":   {text(jwks(rsaJWK("r1", rsaKey, `,"key_ops":["encrypt"]`))), "no public key"},
		"too many":    {text(jwks(many...)), "at most 100"},
		"huge":        {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat(" ", maxDocument+2)) }, "more than 1048576 bytes"},
		"redirect":    {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, "redirects are not followed"},
		"hangs up":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"404":         {http.NotFound, "status 404"},
	} {
		f := newIssuer(t)
		f.set("", test.serve)
		s := open(t, newClock(), f.options())
		if got := unavailable(t, s, f.token(f.claims())); !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %q", name, got, test.want)
		}
	}
	if leaked.Load() {
		t.Error("a redirect was followed")
	}
}

// TestDiscovery has discovery documents that must not be believed.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ document, want string }{
		"other issuer": {`{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}`, "names the issuer"},
		"plain http":   {`{"issuer":"URL","jwks_uri":"http://example.com/keys"}`, "not encrypted"},
		"a file":       {`{"issuer":"URL","jwks_uri":"file:///etc/passwd"}`, "not an https address"},
		"no keys":      {`{"issuer":"URL"}`, "not an https address"},
		"not JSON":     {`hello`, "not valid JSON"},
	} {
		var server *httptest.Server
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.ReplaceAll(test.document, "URL", server.URL))
		}))
		f := &fakeIssuer{url: server.URL}
		s := open(t, newClock(), f.options())
		if got := unavailable(t, s, f.token(f.claims())); !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %q", name, got, test.want)
		}
		server.Close()
	}
}

func TestCA(t *testing.T) {
	t.Parallel()
	f := newIssuer(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, jwks(rsaJWK("r1", rsaKey, ""))) }))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(server.Close)
	o := f.options()
	o.JWKSURL = server.URL
	if got := unavailable(t, open(t, newClock(), o), f.token(f.claims())); !strings.Contains(got, "certificate") {
		t.Errorf("without ca_file: %s", got)
	}
	o.CA = pemOf("CERTIFICATE", server.Certificate().Raw)
	if got := refusal(t, open(t, newClock(), o), f.token(f.claims())); got != "" {
		t.Errorf("with ca_file: %s", got)
	}
	o.CA = []byte("no certificate")
	if _, err := Open([]Options{o}, nil, nil, time.Now); err == nil || !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("Open = %v, want a fault of ca_file", err)
	}
}

func TestFixedKeys(t *testing.T) {
	t.Parallel()
	f := newIssuer(t)
	private := must(marshalPrivate(rsaKey))
	for name, test := range map[string]struct{ text, want string }{
		"PEM":         {string(pemOf("PUBLIC KEY", must(marshalPublic(&rsaKey.PublicKey)))), ""},
		"JWK Set":     {jwks(rsaJWK("r1", rsaKey, "")), ""},
		"one JWK":     {rsaJWK("r1", rsaKey, ""), ""},
		"private key": {string(pemOf("PRIVATE KEY", private)), "PRIVATE KEY in it, which is not a public key"},
		"empty":       {"", "no public key"},
		"damaged":     {string(pemOf("PUBLIC KEY", []byte("x"))), "cannot be used"},
	} {
		o := f.options()
		o.Keys = []byte(test.text)
		s, err := Open([]Options{o}, nil, slog.New(slog.DiscardHandler), newClock().Now)
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: Open = %v, want %q", name, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := refusal(t, s, f.token(f.claims())); got != "" {
			t.Errorf("%s: %s", name, got)
		}
		if got := refusal(t, s, signWith("RS256", rsaKey2, `{"alg":"RS256","kid":"r1"}`, f.claims())); !strings.Contains(got, "wrong signature") {
			t.Errorf("%s, another key: %s", name, got)
		}
		s.Close()
	}
	if f.fetches.Load() != 0 {
		t.Error("keys were fetched although they are fixed")
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	for control, want := range map[string]time.Duration{"": defaultAge, "no-store": defaultAge, "public, max-age=7200": 2 * time.Hour,
		"max-age=1": minAge, "Max-Age=999999": maxAge, "max-age=-5": minAge, "max-age=x": defaultAge} {
		if got := ageOf(control); got != want {
			t.Errorf("ageOf(%q) = %s, want %s", control, got, want)
		}
	}
}

// TestHammer verifies, reloads and rotates at once.
func TestHammer(t *testing.T) {
	t.Parallel()
	f, now := newIssuer(t), newClock()
	s := open(t, now, f.options())
	tokens := []string{f.token(f.claims()), f.token(f.claims("sub", "bob")), signWith("RS256", rsaKey2, `{"alg":"RS256","kid":"r1"}`, f.claims())}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 100 {
				_, err := s.Verify(context.Background(), tokens[i%3])
				if (err != nil) != (i%3 == 2) {
					t.Errorf("Verify(%d) = %v", i%3, err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			now.Advance(time.Second)
			next, err := Open([]Options{f.options()}, s, slog.New(slog.DiscardHandler), now.Now)
			if err != nil {
				t.Error(err)
				return
			}
			_ = next.Status()
			next.Close()
		}
	})
	wg.Wait()
}
