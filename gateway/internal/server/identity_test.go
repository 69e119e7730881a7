package server

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
)

// tokenIssuer is an OpenID Connect issuer with one key.
type tokenIssuer struct {
	key  ed25519.PrivateKey
	down atomic.Bool
	// fetches counts the requests for its keys.
	fetches atomic.Int64
}

func newTokenIssuer() *tokenIssuer {
	return &tokenIssuer{key: ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", ed25519.SeedSize)))}
}

// ServeHTTP serves discovery and the key set.
func (i *tokenIssuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case i.down.Load():
		w.WriteHeader(http.StatusBadGateway)
	case r.URL.Path == "/.well-known/openid-configuration":
		fmt.Fprintf(w, `{"issuer":"http://%s","jwks_uri":"http://%[1]s/keys"}`, r.Host)
	default:
		i.fetches.Add(1)
		fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":%q}]}`, base64.RawURLEncoding.EncodeToString(i.key.Public().(ed25519.PublicKey)))
	}
}

// token makes a token of the issuer for an hour, with further claims.
func (i *tokenIssuer) token(issuer string, claims map[string]any) string {
	all := map[string]any{"iss": issuer, "aud": "gateway", "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range claims {
		all[name] = value
	}
	body, _ := json.Marshal(all) // maps of texts and numbers
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","kid":"k"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(i.key, []byte(signed)))
}

const identityConfig = `
keys: MODE
admin: {auth: key}
models: {m: {targets: [demo/demo-fast], cache: {ttl: 1h}}, other: {targets: [demo/demo-fast]}}
ledger: sqlite://penstock.db
identity:
  oidc:
    corp:
      issuer: $UPSTREAM
      audience: gateway
      claims: {user: email, team: team, roles: groups, models: models, tags: {usecase: purpose}}
      roles: {ops: admin}
      defaults: {team: none, models: [m]}
`

// openIdentity opens a server with an issuer, and returns the issuer's URL.
func openIdentity(t *testing.T, issuer *tokenIssuer, mode string) (*testServer, string) {
	t.Helper()
	h := openTestServer(t, issuer, strings.Replace(identityConfig, "MODE", mode, 1))
	return h, h.Config().Identity.OIDC["corp"].Issuer
}

const (
	identityChat   = `{"model":"m","messages":[{"role":"user","content":"hello"}]}`
	identityClaude = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`
)

// TestTokensOfIssuers sends tokens where every kind of client sends its key.
func TestTokensOfIssuers(t *testing.T) {
	t.Parallel()
	issuer := newTokenIssuer()
	h, url := openIdentity(t, issuer, "required")
	good := issuer.token(url, map[string]any{"sub": "u1", "email": "ada@example.com"})
	bad := issuer.token(url, map[string]any{"sub": "u1", "email": "ada@example.com", "exp": 1000})
	for _, c := range []struct{ path, body, header, prefix, errorShape string }{
		{"/chat/completions", identityChat, "Authorization", "Bearer ", `"code":"invalid_api_key"`},
		{"/messages", identityClaude, "x-api-key", "", `"type":"authentication_error"`},
		{"/models/m:generateContent", geminiHello, "x-goog-api-key", "", `"status":"UNAUTHENTICATED"`},
		{"/models/m:streamGenerateContent?alt=sse&key=", geminiHello, "", "", `"status":"UNAUTHENTICATED"`},
		{"/responses", `{"model":"m","input":"hello"}`, "api-key", "", `"code":"invalid_api_key"`},
		{"/messages", strings.Replace(identityClaude, "{", `{"stream":true,`, 1), "Authorization", "bearer ", `"type":"authentication_error"`},
	} {
		send := func(token string) (*http.Response, string) {
			path, header := c.path, []string{c.header, c.prefix + token}
			if c.header == "" {
				path, header = path+token, nil
			}
			resp, body := h.postTo(t, path, c.body, header...)
			return resp, string(body)
		}
		if resp, body := send(good); resp.StatusCode != http.StatusOK {
			t.Errorf("%s with %s: status %d: %s", c.path, c.header, resp.StatusCode, body)
		}
		resp, body := send(bad)
		if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, c.errorShape) || !strings.Contains(body, "The token expired at 1970-01-01T00:16:40Z") {
			t.Errorf("%s with an expired token: status %d: %s", c.path, resp.StatusCode, body)
		}
		if got := resp.Header.Get("WWW-Authenticate"); got != `Bearer error="invalid_token"` {
			t.Errorf("WWW-Authenticate = %q", got)
		}
	}
	if strings.Contains(h.log.String(), good[len(good)-20:]) || strings.Contains(h.log.String(), bad[len(bad)-20:]) {
		t.Error("the log has a token")
	}
	if n := issuer.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times, want once", n)
	}
	_, key, err := h.keys.Create(t.Context(), keys.Spec{Name: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if resp, body := h.post(t, identityChat, "Authorization", "Bearer "+key.Reveal()); resp.StatusCode != http.StatusOK {
		t.Errorf("a key beside issuers: status %d: %s", resp.StatusCode, body)
	}
	if resp, body := h.post(t, identityChat, "Authorization", "Bearer "+good, "x-api-key", key.Reveal()); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a token and a key: status %d: %s", resp.StatusCode, body)
	}
	if resp, body := h.post(t, strings.Replace(identityChat, `"m"`, `"other"`, 1), "Authorization", "Bearer "+good); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a model that the token does not allow: status %d: %s", resp.StatusCode, body)
	}
}

// TestSubjectsInRecords follows a subject through the places that know a caller by its key.
func TestSubjectsInRecords(t *testing.T) {
	t.Parallel()
	issuer := newTokenIssuer()
	h, url := openIdentity(t, issuer, "required")
	const id = "oidc:corp:google|u:1"
	token := issuer.token(url, map[string]any{"sub": "google|u:1", "email": "ada@example.com", "team": "search", "purpose": "faq"})
	resp, body := h.post(t, identityChat, "Authorization", "Bearer "+token)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	r, err := h.ledger.Record(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{r.KeyID, r.KeyName, r.Team, r.User, r.Tags["usecase"]}
	if diff := cmp.Diff([]string{id, "corp:ada@example.com", "search", "ada@example.com", "faq"}, got); diff != "" {
		t.Errorf("the record: %s", diff)
	}
	spend, err := h.ledger.Spend(t.Context(), ledger.Query{By: []string{"key"}, Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)})
	if text := fmt.Sprintf("%+v", spend); err != nil || !strings.Contains(text, id) {
		t.Errorf("spend by key: %s (%v)", text, err)
	}
	again := func() string {
		resp, _ := h.post(t, identityChat, "Authorization", "Bearer "+token)
		return resp.Header.Get("X-Penstock-Cache")
	}
	if got := again(); got != "hit" {
		t.Errorf("the same question again: cache %q, want a hit", got)
	}
	if err := h.purge(t.Context(), admin.Purge{What: admin.PurgeKey, Name: id}); err != nil {
		t.Error(err)
	}
	if got := again(); got == "hit" {
		t.Error("a hit after the subject's replies were purged")
	}
	explained, err := h.Explain(t.Context(), []byte(identityChat), admin.Asker{Key: id})
	if err != nil || explained.KeyID != id || explained.Team != "none" || explained.Code != "" {
		t.Errorf("explain --key %s = %+v, %v", id, explained, err)
	}
	if _, err := h.Explain(t.Context(), []byte(identityChat), admin.Asker{Key: "oidc:nobody:x"}); err == nil || !strings.Contains(err.Error(), "there is no key") {
		t.Errorf("explain --key oidc:nobody:x = %v", err)
	}
}

// TestTokensOfOperators sends tokens to the admin API.
func TestTokensOfOperators(t *testing.T) {
	t.Parallel()
	issuer := newTokenIssuer()
	h, url := openIdentity(t, issuer, "off")
	ask := func(path, token string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		h.AdminHandler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	ops := issuer.token(url, map[string]any{"sub": "u1", "email": "ada@example.com", "groups": []string{"dev", "ops"}})
	dev := issuer.token(url, map[string]any{"sub": "u2", "email": "bob@example.com", "groups": []string{"admin"}})
	for token, want := range map[string]int{ops: http.StatusOK, dev: http.StatusForbidden, "": http.StatusUnauthorized, ops + "x": http.StatusUnauthorized} {
		if got, body := ask("/readyz", token); got != want {
			t.Errorf("status %d, want %d: %s", got, want, body)
		}
	}
	if _, body := ask("/readyz", ops); !strings.Contains(body, `"identity":{"corp":{"keys":1,"fetched":"`) {
		t.Errorf("/readyz says nothing of the issuer: %s", body)
	}
	_, metrics := ask("/metrics", ops)
	for _, want := range []string{`penstock_oidc_tokens_total{issuer="corp",result="accepted"} 2`, `penstock_oidc_tokens_total{issuer="none",result="malformed"} 1`, `penstock_oidc_key_fetches_total{issuer="corp",result="ok"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	for token, want := range map[string]int{ops: http.StatusSeeOther, dev: http.StatusForbidden} {
		r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader("key="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.AdminHandler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("sign in to the dashboard: status %d, want %d: %s", w.Code, want, w.Body)
		}
	}
	if who, err := h.holder(t.Context(), "oidc:corp:u1"); err != nil || who.Name != "corp:ada@example.com" {
		t.Errorf("the holder of the session: %+v, %v", who, err)
	}
	if resp, body := h.post(t, identityChat, "Authorization", "Bearer nonsense"); resp.StatusCode != http.StatusOK {
		t.Errorf("keys: off with nonsense: status %d: %s", resp.StatusCode, body)
	}
}

// TestIssuerDown holds that an issuer that is down lets nobody in.
func TestIssuerDown(t *testing.T) {
	t.Parallel()
	issuer := newTokenIssuer()
	issuer.down.Store(true)
	h, url := openIdentity(t, issuer, "optional")
	token := issuer.token(url, map[string]any{"sub": "u1", "email": "ada@example.com"})
	for path, body := range map[string]string{"/chat/completions": identityChat, "/messages": identityClaude, "/models/m:generateContent": geminiHello} {
		resp, got := h.postTo(t, path, body, "Authorization", "Bearer "+token)
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(got), "keys of the token's issuer") {
			t.Errorf("%s: status %d: %s", path, resp.StatusCode, got)
		}
	}
	if resp, got := h.post(t, identityChat); resp.StatusCode != http.StatusOK {
		t.Errorf("keys: optional without a token: status %d: %s", resp.StatusCode, got)
	}
	if n := strings.Count(h.log.String(), "keys cannot be fetched"); n != 1 {
		t.Errorf("the log has %d lines about the issuer, want 1", n)
	}
}

// TestReloadIssuers changes the issuers of a running gateway.
func TestReloadIssuers(t *testing.T) {
	t.Parallel()
	issuer := newTokenIssuer()
	h, url := openIdentity(t, issuer, "required")
	path := h.o.Config
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	token := issuer.token(url, map[string]any{"sub": "u1", "email": "ada@example.com"})
	step := func(change func(string) string, status int, want string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(change(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if resp, body := h.post(t, identityChat, "Authorization", "Bearer "+token); resp.StatusCode != status || !strings.Contains(string(body), want) {
			t.Errorf("status %d: %s, want %d with %q", resp.StatusCode, body, status, want)
		}
	}
	step(func(s string) string { return s }, http.StatusOK, "")
	step(func(s string) string { return s + "retention: 1d\n" }, http.StatusOK, "")
	if n := issuer.fetches.Load(); n != 1 {
		t.Errorf("the keys of an unchanged issuer were fetched %d times, want once", n)
	}
	step(func(s string) string { return strings.Replace(s, "audience: gateway", "audience: other", 1) }, http.StatusUnauthorized, "another audience")
	step(func(s string) string { s, _, _ = strings.Cut(s, "identity:"); return s }, http.StatusUnauthorized, "not a key of this gateway")

	keysFile := filepath.Join(filepath.Dir(path), "keys.pem")
	broken := strings.Replace(string(text), "audience:", "keys_file: keys.pem\n      audience:", 1)
	if err := os.WriteFile(keysFile, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "identity.oidc.corp: its keys_file cannot be used: there is no public key") {
		t.Errorf("Reload with a bad keys_file = %v", err)
	}
}

// TestTeamsAndUsersBoundTokens has callers with tokens in a team and users that are kept, and
// an operator with one make a key.
func TestTeamsAndUsersBoundTokens(t *testing.T) {
	t.Parallel()
	issuer := newTokenIssuer()
	h, url := openIdentity(t, issuer, "required")
	token := issuer.token(url, map[string]any{"sub": "u1", "email": "ada@example.com", "team": "search", "groups": []string{"ops"}})
	check := func(what string, status int, words string) {
		t.Helper()
		if resp, body := h.post(t, identityChat, "Authorization", "Bearer "+token); resp.StatusCode != status || !strings.Contains(string(body), words) {
			t.Errorf("%s: status %d: %s, want %d with %q", what, resp.StatusCode, body, status, words)
		}
	}
	if h.recognizes(token) {
		t.Error("a token that was never sent is recognized")
	}
	check("a token of a team that is not kept", http.StatusOK, "")
	if !h.recognizes(token) || h.recognizes(token+"x") {
		t.Error("only the token that was sent is to be recognized")
	}
	create := func() (int, string) {
		r := httptest.NewRequest(http.MethodPost, "/admin/v1/keys", strings.NewReader(`{"name":"ada's"}`))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.AdminHandler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if status, body := create(); status != http.StatusOK || !strings.Contains(body, `"team":"search","user":"ada@example.com","models":["m"]`) || !strings.Contains(body, `"made_by":"oidc:corp:u1"`) || strings.Contains(body, "expires") {
		t.Errorf("a key made with a token: %d %s, want the models of the token and not its end", status, body)
	}
	if _, err := h.keys.CreateUser(t.Context(), keys.User{Name: "ada@example.com", Roles: []string{"viewer"}}); err != nil {
		t.Fatal(err)
	}
	if status, body := create(); status != http.StatusForbidden {
		t.Errorf("a key made with the role viewer: %d %s", status, body)
	}
	if _, err := h.keys.CreateTeam(t.Context(), keys.Team{Name: "search", Blocked: true}); err != nil {
		t.Fatal(err)
	}
	check("a token of a blocked team", http.StatusForbidden, "is blocked")
	if _, err := h.holder(t.Context(), "oidc:corp:u1"); err == nil {
		t.Error("a session of a blocked team goes on")
	}
}
