package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	opabundle "github.com/open-policy-agent/opa/v1/bundle"
)

// bundleHost serves bundles that OPA's library builds and signs.
type bundleHost struct {
	t       *testing.T
	private string
	public  string // in PEM
	url     string

	mu       sync.Mutex
	archive  []byte
	etag     string
	status   int // if not 0, every answer
	asked    int
	sent     int
	withAuth int
}

func keyPair(t *testing.T) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	open, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}))
}

func newBundleHost(t *testing.T) *bundleHost {
	t.Helper()
	h := &bundleHost{t: t}
	h.private, h.public = keyPair(t)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	h.url = s.URL
	return h
}

func (h *bundleHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	if r.Header.Get("Authorization") == "Bearer sk-canary-4711" {
		h.withAuth++
	}
	if h.status != 0 {
		w.WriteHeader(h.status)
		return
	}
	w.Header().Set("ETag", h.etag)
	if h.etag != "" && r.Header.Get("If-None-Match") == h.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.sent++
	_, _ = w.Write(h.archive)
}

// set changes what is served.
func (h *bundleHost) set(archive []byte, etag string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.archive, h.etag, h.status = archive, etag, status
}

// counts returns how often the host was asked, and how often it sent a bundle.
func (h *bundleHost) counts() (asked, sent int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked, h.sent
}

// denying returns a bundle that denies one model, signed with a key.
func (h *bundleHost) denying(private, revision, model string) []byte {
	return h.build(private, revision, map[string]string{
		"/team.rego":      "package penstock\n\ndeny contains {\"code\": \"closed\", \"message\": \"Closed.\"} if input.request.model == data.closed\n",
		"/team_test.rego": "package penstock_test\n\nimport data.penstock\n\ntest_closed if count(penstock.deny) == 1 with input.request.model as \"" + model + "\"\n",
	}, map[string]any{"closed": model})
}

func (h *bundleHost) build(private, revision string, modules map[string]string, data map[string]any) []byte {
	h.t.Helper()
	b := opabundle.Bundle{Manifest: opabundle.Manifest{Revision: revision}, Data: data}
	b.Manifest.Init()
	b.Manifest.SetRegoVersion(ast.RegoV1)
	for name, text := range modules {
		b.Modules = append(b.Modules, opabundle.ModuleFile{URL: name, Path: name, RelativePath: name, Raw: []byte(text)})
	}
	if private != "" {
		if err := b.GenerateSignature(opabundle.NewSigningConfig(private, "ES256", ""), "any", true); err != nil {
			h.t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := opabundle.NewWriter(&out).UseModulePath(true).DisableFormat(true).Write(b); err != nil {
		h.t.Fatal(err)
	}
	return out.Bytes()
}

// configure writes a configuration with the host's bundle to a folder.
func (h *bundleHost) configure(dir, more string) string {
	h.t.Helper()
	path := filepath.Join(dir, "penstock.yaml")
	text := "keys: off\nmodels: {one: {targets: [demo/demo-fast]}, two: {targets: [demo/demo-fast]}, three: {targets: [demo/demo-fast]}}\nledger: sqlite://penstock.db\n" +
		"policies: {bundle: " + h.url + "/b.tar.gz?sig=canary, public_key: file:key.pem, token: env:TEST_KEY" + more + "}\n"
	for file, text := range map[string]string{path: text, filepath.Join(dir, "key.pem"): h.public} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	return path
}

// denied returns which of the models are denied.
func denied(t *testing.T, s *testServer) string {
	t.Helper()
	var all []string
	for _, model := range []string{"one", "two", "three"} {
		resp, body := s.post(t, `{"model":"`+model+`","messages":[{"role":"user","content":"hi"}]}`)
		switch {
		case resp.StatusCode == http.StatusForbidden && bytes.Contains(body, []byte("Closed.")):
			all = append(all, model)
		case resp.StatusCode != http.StatusOK:
			t.Errorf("model %s: %d %s", model, resp.StatusCode, body)
		}
	}
	return strings.Join(all, " ")
}

func bundleOf(t *testing.T, s *testServer) bundleState {
	t.Helper()
	ready, reply := s.ready()
	text, err := json.Marshal(reply)
	if err != nil {
		t.Fatal(err)
	}
	var r readiness
	if err := json.Unmarshal(text, &r); err != nil || r.Policy.Bundle == nil || !ready {
		t.Fatalf("readyz: %v, %s", err, text)
	}
	if strings.Contains(string(text), "canary") {
		t.Errorf("readyz shows a credential: %s", text)
	}
	return *r.Policy.Bundle
}

// A day in the life of a bundle: what its server does, and which policy decides after that.
func TestBundleUpdates(t *testing.T) {
	t.Parallel()
	host := newBundleHost(t)
	first := host.denying(host.private, "v1", "one")
	host.set(first, `"1"`, 0)
	s := serveTest(t, host.configure(t.TempDir(), ""))
	stranger, _ := keyPair(t)
	second := host.denying(host.private, "v2", "two")
	failing := host.build(host.private, "v3", map[string]string{
		"/team.rego":      "package penstock\n\ndeny contains {\"code\": \"closed\", \"message\": \"Closed.\"} if input.request.model == \"three\"\n",
		"/team_test.rego": "package penstock_test\n\nimport data.penstock\n\ntest_closed if count(penstock.deny) == 0 with input.request.model as \"three\"\n"}, map[string]any{})
	for _, step := range []struct {
		name    string
		archive []byte
		etag    string
		status  int
		again   bool
		// denied is the model that is denied afterwards, failure what /readyz says, logged a line that
		// is logged.
		denied, revision, failure, logged string
		sent                              int // how often a bundle was sent
	}{
		{name: "unchanged", archive: first, etag: `"1"`, denied: "one", revision: "v1"},
		{name: "changed", archive: second, etag: `"2"`, denied: "two", revision: "v2", sent: 1, logged: "msg=reloaded policy="},
		{name: "another ETag", archive: second, etag: `"3"`, denied: "two", revision: "v2", sent: 1},
		{name: "no ETag", archive: second, denied: "two", revision: "v2", sent: 1},
		{name: "another key", archive: host.denying(stranger, "v3", "three"), etag: `"4"`, denied: "two", revision: "v2", sent: 1,
			failure: "refused: b.tar.gz/.signatures.json: the signature is not valid", logged: "the policy bundle is refused"},
		{name: "still another key", archive: host.denying(stranger, "v3", "three"), etag: `"4"`, denied: "two", revision: "v2", failure: "refused: b.tar.gz/.signatures.json"},
		{name: "gone meanwhile", status: 500, denied: "two", revision: "v2", failure: "refused: b.tar.gz/.signatures.json"},
		{name: "not signed", archive: host.denying("", "v3", "three"), etag: `"5"`, denied: "two", revision: "v2", sent: 1, failure: "is not signed", logged: "the policy bundle is refused"},
		{name: "fails its test", archive: failing, etag: `"6"`, denied: "two", revision: "v2", sent: 1, failure: "refused: load policy: b.tar.gz/team_test.rego:5:1: test test_closed fails", logged: "the policy bundle is refused"},
		{name: "tried again after a reload", archive: failing, etag: `"6"`, again: true, denied: "two", revision: "v2", sent: 1, failure: "test_closed fails"},
		{name: "does not compile", archive: host.build(host.private, "v3", map[string]string{"/x.rego": "package penstock\n\ndeny contains \"x\" if input.request.modle == \"a\"\n"}, map[string]any{}), etag: `"7"`,
			denied: "two", revision: "v2", sent: 1, failure: "b.tar.gz/x.rego:3:", logged: "the policy bundle is refused"},
		{name: "truncated", archive: first[:100], etag: `"8"`, denied: "two", revision: "v2", sent: 1, failure: "damaged or incomplete", logged: "the policy bundle is refused"},
		{name: "back to the current", archive: second, etag: `"2"`, denied: "two", revision: "v2", sent: 1, logged: "answers again"},
		{name: "gone", status: 503, denied: "two", revision: "v2", failure: "cannot be fetched: the server answered 503", logged: "cannot be fetched"},
		{name: "still gone", status: 503, denied: "two", revision: "v2", failure: "cannot be fetched: the server answered 503"},
		{name: "back", archive: second, etag: `"2"`, denied: "two", revision: "v2", logged: "answers again"},
		{name: "an earlier revision", archive: first, etag: `"1"`, denied: "one", revision: "v1", sent: 1, logged: "msg=reloaded policy="},
	} {
		host.set(step.archive, step.etag, step.status)
		asked, sent := host.counts()
		logged := len(s.log.String())
		s.updateBundle(t.Context(), step.again)
		if a, n := host.counts(); a != asked+1 || n != sent+step.sent {
			t.Errorf("%s: asked %d times, sent %d bundles, want 1 and %d", step.name, a-asked, n-sent, step.sent)
		}
		if got := denied(t, s); got != step.denied {
			t.Errorf("%s: denied %q, want %q", step.name, got, step.denied)
		}
		b := bundleOf(t, s)
		if b.Revision != step.revision || !strings.Contains(b.Error, step.failure) || (b.Error == "") != (step.failure == "") {
			t.Errorf("%s: state %+v, want revision %s and error %q", step.name, b, step.revision, step.failure)
		}
		news := s.log.String()[logged:]
		if !strings.Contains(news, step.logged) || step.logged == "" && strings.Contains(news, "bundle") && !step.again {
			t.Errorf("%s: logged %q, want %q", step.name, news, step.logged)
		}
		if m, ok := s.bundleMetrics(); !ok || m.Failing != (step.failure != "") {
			t.Errorf("%s: metrics %+v", step.name, m)
		}
	}
	if m, _ := s.bundleMetrics(); m.Activated != 3 || m.Refused != 6 || m.Failed != 3 || m.Unchanged != 6 {
		t.Errorf("metrics %+v", m)
	}
	if asked, _ := host.counts(); host.withAuth != asked {
		t.Errorf("%d of %d requests had the token", host.withAuth, asked)
	}
	if strings.Contains(s.log.String(), "canary") {
		t.Error("the log has a credential")
	}
}

// startError opens a server that must not start.
func startError(t *testing.T, path string) string {
	t.Helper()
	s, err := Open(t.Context(), Options{Config: path, Getenv: testEnv(t), Stderr: &testLog{t: t}})
	if err == nil {
		_ = s.Close(t.Context())
		t.Fatal("the server started")
	}
	return err.Error()
}

// A gateway starts without the server from the bundle that it has kept, verified again.
func TestBundleRestarts(t *testing.T) {
	t.Parallel()
	host := newBundleHost(t)
	host.set(nil, "", 503)
	dir := t.TempDir()
	path := host.configure(dir, "")
	if got := startError(t, path); !strings.Contains(got, "penstock.yaml:4:20: policies.bundle: the bundle cannot be fetched (the server answered 503 Service Unavailable), and none was kept by an earlier start") {
		t.Errorf("the first start without a server: %s", got)
	}
	host.set(host.build(host.private, "v1", map[string]string{"/x.rego": "package penstock\n\ndeny contains"}, map[string]any{}), `"0"`, 0)
	if got := startError(t, path); !strings.Contains(got, "b.tar.gz/x.rego:3") {
		t.Errorf("the first start with a bad policy: %s", got)
	}

	open := func() (*testServer, func()) {
		s, err := Open(t.Context(), Options{Config: path, Getenv: testEnv(t), Stderr: &testLog{t: t}})
		if err != nil {
			t.Fatal(err)
		}
		web := httptest.NewServer(s.Handler())
		return &testServer{Server: s, URL: web.URL + "/v1"}, func() {
			web.Close()
			if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}
	}
	host.set(host.denying(host.private, "v1", "one"), `"1"`, 0)
	_, stop := open()
	stop()
	for name, change := range map[string]func(){
		"unchanged": func() {},
		"gone":      func() { host.set(nil, "", 502) },
		"bad":       func() { host.set([]byte("<html>"), "", 0) },
	} {
		change()
		s, stop := open()
		if got := denied(t, s); got != "one" {
			t.Errorf("%s: denied %q, want one", name, got)
		}
		if b := bundleOf(t, s); (b.Error == "") != (name == "unchanged") || b.Revision != "v1" {
			t.Errorf("%s: state %+v", name, b)
		}
		host.set(host.denying(host.private, "v1", "one"), `"1"`, 0)
		s.updateBundle(t.Context(), false)
		if b := bundleOf(t, s); b.Error != "" {
			t.Errorf("%s: after the server is back: %+v", name, b)
		}
		stop()
	}

	// What was kept must still be signed for the key, and whole.
	host.set(nil, "", 502)
	kept := filepath.Join(dir, "penstock.db.bundle")
	text, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, text[:len(text)-30], 0o600); err != nil {
		t.Fatal(err)
	}
	if got := startError(t, path); !strings.Contains(got, "cannot be used") || !strings.Contains(got, "damaged or incomplete") {
		t.Errorf("a damaged kept bundle: %s", got)
	}
	if err := os.WriteFile(kept, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, other := keyPair(t)
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := startError(t, path); !strings.Contains(got, "the signature is not valid") {
		t.Errorf("a kept bundle for another key: %s", got)
	}
}

// A reload that names another bundle, or a folder, takes it at once; one that cannot be had is
// refused.
func TestBundleReloads(t *testing.T) {
	t.Parallel()
	host := newBundleHost(t)
	host.set(host.denying(host.private, "v1", "one"), `"1"`, 0)
	dir := t.TempDir()
	path := host.configure(dir, "")
	s := serveTest(t, path)
	before := s.snapshot.Load().bundle
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.snapshot.Load().bundle != before {
		t.Error("a reload without changes opened the bundle again")
	}
	if _, sent := host.counts(); sent != 1 {
		t.Errorf("the bundle was sent %d times, want once", sent)
	}
	host.configure(dir, ", scope: write")
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "scope mismatch") || denied(t, s) != "one" {
		t.Errorf("a bundle that cannot be verified: %v, denied %q", err, denied(t, s))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(text, []byte("policies:"))
	if err := os.WriteFile(path, text[:i], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context()); err != nil || denied(t, s) != "" || s.snapshot.Load().bundle != nil {
		t.Errorf("without a bundle: %v, denied %q", err, denied(t, s))
	}
	s.updateBundle(t.Context(), true) // which has nothing to ask
	if !strings.Contains(s.log.String(), "the policies of "+host.url) || strings.Contains(s.log.String(), "canary") {
		t.Errorf("log: %s", s.log)
	}
}

// Requests go on while policies change.
func TestBundleHammer(t *testing.T) {
	t.Parallel()
	host := newBundleHost(t)
	host.set(host.denying(host.private, "v0", "one"), `"0"`, 0)
	s := serveTest(t, host.configure(t.TempDir(), ""))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if resp, body := s.post(t, `{"model":"three","messages":[{"role":"user","content":"hi"}]}`); resp.StatusCode != http.StatusOK {
						t.Errorf("%d %s", resp.StatusCode, body)
						return
					}
					s.ready()
					s.bundleMetrics()
				}
			}
		})
	}
	for i := range 10 {
		host.set(host.denying(host.private, fmt.Sprint("v", i+1), []string{"one", "two"}[i%2]), fmt.Sprintf("%q", fmt.Sprint(i+1)), 0)
		var polls sync.WaitGroup
		for range 3 {
			polls.Go(func() { s.updateBundle(t.Context(), false) })
		}
		polls.Wait()
	}
	close(done)
	wg.Wait()
	if got := denied(t, s); got != "two" {
		t.Errorf("denied %q, want two", got)
	}
}
