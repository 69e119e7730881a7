package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDoctorAsksProviders has a provider with two keys, of which it refuses one, and a clock that
// is an hour late.
func TestDoctorAsksProviders(t *testing.T) {
	t.Parallel()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		if r.URL.Path != "/v1/models" || r.Header.Get("Authorization") != "Bearer good-key" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer provider.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "penstock.yaml")
	text := "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nkeys: off\nledger: \"sqlite://" + filepath.Join(dir, "x.db") + "\"\n" +
		"providers: {own: {base_url: \"" + provider.URL + "/v1\", dialect: openai, allow_private: true, api_keys: [{key: env:GOOD, name: good}, {key: env:BAD, name: bad}]}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"GOOD": "good-key", "BAD": "bad-key"}
	var out, errs strings.Builder
	code := Run(t.Context(), []string{"doctor", "-c", config}, Environment{Getenv: func(name string) string { return secrets[name] }, Stdout: &out, Stderr: &errs})
	if code != exitFault {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"own#good answers and takes its key", "own#bad refuses its key (status 401)", "fix: make a new key at the provider", "that of own are 1h0m"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s\n%s", want, out.String(), errs.String())
		}
	}
	if n := strings.Count(out.String(), "apart"); n != 1 {
		t.Errorf("the clock is named %d times:\n%s", n, out.String())
	}
	if all := out.String() + errs.String(); strings.Contains(all, "good-key") || strings.Contains(all, "bad-key") {
		t.Errorf("a secret is shown:\n%s", out.String())
	}
}
