package server

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

const twoProviders = `
keys: off
providers:
  kept: {dialect: openai, base_url: $UPSTREAM/v1, allow_private: true, headers: {x-a: file:a}}
  rekeyed: {dialect: openai, base_url: $UPSTREAM/v1, allow_private: true, api_key: file:key}
models: {m: {targets: [kept/m, rekeyed/m]}}
ledger: sqlite://penstock.db
`

// A reload keeps the clients, with their connections, whose providers stay, and forgives
// those their failures whose credentials have changed, though the file reads the same.
func TestReloadKeepsClients(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := openTestServerIn(t, ".", http.NotFoundHandler(), twoProviders, func() { write("a", "1"); write("key", "sk-old") })
	before := h.snapshot.Load()
	for _, target := range []string{"kept/m", "rekeyed/m"} {
		for _, request := range []string{"one", "two"} {
			if f, ok := h.health.Begin(target, upstream.Asking{Request: request}); ok {
				f.Done(upstream.Outcome{Status: 401, Fault: "auth", Credential: true})
			}
		}
	}
	write("key", "sk-new")
	if err := h.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := h.snapshot.Load()
	if before.clients["kept"] != after.clients["kept"] || before.clients["rekeyed"] == after.clients["rekeyed"] {
		t.Error("a reload must keep the client of a provider that stays, and make that of one whose key has changed anew")
	}
	if got := h.health.Stats("rekeyed/m").CoolingFor; got != "" {
		t.Errorf("after its key was changed, the provider still rests: %s", got)
	}
	if got := h.health.Stats("kept/m").CoolingFor; got == "" {
		t.Error("a provider that has not changed was forgiven")
	}
	h.closing.Wait()
	if n := after.clients["kept"].users.Load(); n != 1 {
		t.Errorf("the kept client has %d users, want 1: the old snapshot is closed", n)
	}
}

// A provider whose dialect is a plugin is forgiven when the plugin's file changes, and not
// before: the old file may have asked it wrongly.
func TestAnotherDialectIsForgiven(t *testing.T) {
	t.Chdir(t.TempDir())
	binary := builtinModule(t)
	save := func(binary []byte) {
		t.Helper()
		if err := os.WriteFile("mine.wasm", binary, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := openTestServerIn(t, ".", http.NotFoundHandler(), `
keys: off
plugins: {mine: {file: mine.wasm}}
providers: {up: {dialect: mine, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [up/m]}}
ledger: sqlite://penstock.db
`, func() { save(binary) })
	for _, request := range []string{"one", "two"} {
		if f, ok := h.health.Begin("up/m", upstream.Asking{Request: request}); ok {
			f.Done(upstream.Outcome{Status: 401, Fault: "auth", Credential: true})
		}
	}
	cooling := func(want bool) {
		t.Helper()
		if err := h.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := h.health.Stats("up/m").CoolingFor; (got != "") != want {
			t.Errorf("the provider rests for %q", got)
		}
	}
	cooling(true)
	save(append(binary, 0, 2, 1, 'x')) // a custom section
	cooling(false)
}

func TestReloadRefuses(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), twoProvidersWithout("headers", "api_key"))
	for _, c := range []struct{ from, to, want string }{
		{"keys: off", "listen: 127.0.0.1:1\nkeys: off", "penstock.yaml:2:9: listen: is 127.0.0.1:1"},
		{"keys: off", "admin: {auth: key}\nkeys: off", "penstock.yaml:2:15: admin.auth"},
		{"keys: off", "server:\n  grace: 3s\n  max_body: 1MiB\nkeys: off", "penstock.yaml:4:13: server.max_body"},
		{"ledger: sqlite://penstock.db", "ledger: sqlite://other.db", "ledger"},
		{"models:", "# models:", "no models any more"},
	} {
		t.Run(c.want, func(t *testing.T) {
			good, err := os.ReadFile(h.o.Config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = os.WriteFile(h.o.Config, good, 0o600) }()
			if err := os.WriteFile(h.o.Config, []byte(strings.Replace(string(good), c.from, c.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			before := h.snapshot.Load()
			if err := h.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("reload = %v, want it to name %q", err, c.want)
			}
			if h.snapshot.Load() != before {
				t.Error("the configuration was replaced")
			}
			if _, detail := h.ready(); !strings.Contains(detail.(readiness).Reload, c.want) {
				t.Errorf("/readyz says %q, want %q", detail.(readiness).Reload, c.want)
			}
		})
	}
}

// twoProvidersWithout leaves members of the providers out.
func twoProvidersWithout(names ...string) string {
	text := twoProviders
	for _, name := range names {
		text = strings.ReplaceAll(text, ", "+name+": file:key", "")
		text = strings.ReplaceAll(text, ", "+name+": {x-a: file:a}", "")
	}
	return text
}

// TestBadReloadsUnderLoad reloads a configuration a hundred times while requests pass. One
// in five is bad in one of several ways and is refused; no request fails.
func TestBadReloadsUnderLoad(t *testing.T) {
	h := openTestServer(t, llmtest.Handler(llmtest.Model()), `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM/v1, allow_private: true}}
models: {m: {targets: [up/m], timeout: {total: 1m}}}
ledger: sqlite://penstock.db
`)
	good := h.configText(t)
	bad := []string{"", good[:len(good)/2], good + "\nnonsense: 1\n", strings.Replace(good, "up/m", "nobody/m", 1), strings.Replace(good, "1m", "-1m", 1)}
	base, stop := strings.TrimSuffix(h.URL, "/v1"), atomic.Bool{}
	var wg sync.WaitGroup
	var answered atomic.Int64
	for i, client := range slices.Concat(llmtest.Clients()[:3], llmtest.Clients()[:3]) {
		wg.Go(func() {
			for !stop.Load() {
				seen, err := client.Ask(t.Context(), base, "m", "hi", i < 3)
				if err != nil || seen.Ending() != llmtest.EndWhole {
					t.Errorf("a request failed: %v %+v", err, seen)
					return
				}
				answered.Add(1)
			}
		})
	}
	for i := range 100 {
		text, refused := strings.Replace(good, "1m", fmt.Sprintf("%dm", i%7+1), 1), i%5 == 4
		if refused {
			text = bad[i/5%len(bad)]
		}
		h.writeConfig(t, text)
		before := h.snapshot.Load()
		if err := h.Reload(t.Context()); (err != nil) != refused {
			t.Errorf("reload %d = %v, want it refused: %t\n%s", i, err, refused, text)
		}
		if refused && h.snapshot.Load() != before {
			t.Errorf("reload %d was refused and replaced the configuration", i)
		}
		for seen := answered.Load(); answered.Load() == seen && !t.Failed(); { // requests pass between reloads
			runtime.Gosched()
		}
	}
	stop.Store(true)
	wg.Wait()
}
