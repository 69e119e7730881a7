package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/similar"
)

// TestCacheEvalOfAModel takes vectors from a gateway, whose model finds all texts alike: then
// only the guards refuse.
func TestCacheEvalOfAModel(t *testing.T) {
	answer := `{"data":[{"embedding":[1,2]}]}`
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Model, Input string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.URL.Path != "/v1/embeddings" || asked.Model != "up/vectors" || asked.Input == "" {
			t.Errorf("asked %s: %+v, %v", r.URL.Path, asked, err)
		}
		if r.Header.Get("Authorization") != "Bearer sk-canary" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"message":"no key"}}`)
			return
		}
		fmt.Fprint(w, answer)
	}))
	defer gateway.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	settings := write("penstock.yaml", "listen: "+gateway.Listener.Addr().String()+"\nmodels: {m: {targets: [demo/demo]}}\n")
	pairs := write("pairs.jsonl", `{"a":"What makes apples fall to the ground?","b":"Explain how objects drop down.","same":true}
{"a":"Add 5 g of salt","b":"Add 6 g of salt","same":false}
{"a":"Add 5 g of salt","b":"Add five grams of salt","same":true}
`)
	run := func(key string) (code int, out, fault string) {
		var stdout, stderr bytes.Buffer
		code = Run(t.Context(), []string{"cache", "eval", pairs, "-c", settings, "--embedder", "up/vectors", "-o", "json"},
			Environment{Getenv: func(name string) string { return map[string]string{apiKey: key}[name] }, Stdout: &stdout, Stderr: &stderr})
		return code, stdout.String(), stderr.String()
	}
	code, out, fault := run("sk-canary")
	var e similar.Evaluation
	if err := json.Unmarshal([]byte(out), &e); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, fault)
	}
	if e.Embedder != "up/vectors" || e.Precision.Count != 1 || e.Precision.Of != 1 || e.Recall.Of != 2 || len(e.Missed) != 1 || e.Missed[0].Similarity < 0.999 {
		t.Errorf("evaluation %+v", e)
	}
	if code, _, fault = run(""); code != 1 || !strings.Contains(fault, "line 1: the gateway answered 401: no key") {
		t.Errorf("without a key: exit code %d, %s", code, fault)
	}
	answer = `{"data":[]}`
	if code, _, fault = run("sk-canary"); code != 1 || !strings.Contains(fault, "line 1: the reply has no embedding") {
		t.Errorf("without a vector: exit code %d, %s", code, fault)
	}
}
