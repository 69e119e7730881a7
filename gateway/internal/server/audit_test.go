package server

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/audit"
)

// TestReloadsAreAudited reloads without an operator: what was refused is in the audit log,
// too, with the reason.
func TestReloadsAreAudited(t *testing.T) {
	t.Parallel()
	h := openTestServer(t, http.NotFoundHandler(), "keys: off\nmodels: {m: {targets: [demo/demo-fast]}}\n")
	was := h.policyList().Revision
	dir := filepath.Join(t.TempDir(), "policies")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{filepath.Join(dir, "a.rego"): "package penstock\n\nwarnings contains \"hello\"\n", h.o.Config: "keys: off\nmodels: {m: {targets: [demo/demo-fast]}}\npolicies: " + dir + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.reloadAudited(t.Context(), "on SIGHUP")
	if err := os.WriteFile(h.o.Config, []byte("models: {m: {targts: []}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.reloadAudited(t.Context(), "a file has changed")
	list, _, err := h.audit.List(t.Context(), audit.Query{Limit: 10})
	if err != nil || len(list) != 2 {
		t.Fatalf("audit log %+v, %v, want both reloads", list, err)
	}
	if e := list[0]; e.Action != "reload" || e.Object != "a file has changed" || e.Outcome != audit.Refused || !strings.Contains(e.Detail, "targts") {
		t.Errorf("the refused reload is %+v", e)
	}
	if e := list[1]; e.Object != "on SIGHUP" || e.Outcome != audit.Done || e.Detail != "" || string(e.Before) != `{"policy":"`+was+`"}` || string(e.After) != `{"policy":"`+h.policyList().Revision+`"}` {
		t.Errorf("the reload is %+v", e)
	}
	versions, err := pages{h.Server}.Versions(t.Context())
	if err != nil || len(versions) != 2 || versions[0].Fault == "" || versions[1].From != was || versions[1].To == was || versions[1].By != "on SIGHUP" {
		t.Errorf("versions of the policy %+v, %v, want one that was refused after one that was not", versions, err)
	}
}
