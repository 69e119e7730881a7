package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/server"
)

// manifests are the documents of examples/kubernetes by their kind and name.
func manifests(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob("../examples/kubernetes/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("the manifests are %v, %v", files, err)
	}
	found := map[string]map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := yaml.NewDecoder(strings.NewReader(string(text)), yaml.DisallowUnknownField())
		for {
			var doc map[string]any
			if err := d.Decode(&doc); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			found[at(doc, "kind")+"/"+at(doc, "metadata", "name")] = doc
		}
	}
	return found
}

// at follows a path in a document, to text.
func at(doc any, path ...string) string {
	for _, name := range path {
		m, _ := doc.(map[string]any)
		doc = m[name]
	}
	text, _ := doc.(string)
	return text
}

// A gateway with the ConfigMap's configuration starts and becomes ready, and asks for keys on
// both listeners.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	docs := manifests(t)
	for _, want := range []string{"Namespace/penstock", "ConfigMap/penstock", "Service/penstock", "Service/penstock-admin", "StatefulSet/penstock", "PodDisruptionBudget/penstock", "Kustomization/"} {
		if docs[want] == nil {
			t.Errorf("there is no %s", want)
		}
	}
	dir := t.TempDir()
	text := strings.NewReplacer("0.0.0.0:8080", "127.0.0.1:0", "0.0.0.0:8081", "127.0.0.1:0", "/var/lib/penstock", dir, "drain_delay: 5s", "drain_delay: 0s").
		Replace(at(docs["ConfigMap/penstock"], "data", "penstock.yaml"))
	serveOnce(t, filepath.Join(dir, "penstock.yaml"), text, func(api, admin string) {
		for url, want := range map[string]int{api + "/healthz": 200, api + "/readyz": 200, api + "/v1/models": 401, admin + "/admin/v1/budgets": 401} {
			if got := status(t, url); got != want {
				t.Errorf("GET %s has status %d, want %d", url, got, want)
			}
		}
	})
}

// The configuration in the image starts, what the Dockerfile copies and runs exists, and the
// image's user is not root.
func TestContainer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, err := os.ReadFile("../examples/operate/container.yaml")
	if err != nil {
		t.Fatal(err)
	}
	local := strings.NewReplacer("0.0.0.0:8080", "127.0.0.1:0", "127.0.0.1:8081", "127.0.0.1:0", "/var/lib/penstock", dir).Replace(string(text))
	serveOnce(t, filepath.Join(dir, "penstock.yaml"), local, func(api, _ string) {
		if got := status(t, api+"/readyz"); got != 200 {
			t.Errorf("/readyz has status %d", got)
		}
	})
	docker, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`).FindAllStringSubmatch(string(docker), -1) {
		for _, file := range strings.Fields(m[1]) {
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("the Dockerfile copies %v", err)
			}
		}
	}
	for _, want := range []string{"USER 65532:65532", `"/usr/local/bin/penstock", "health"`, "distroless/static"} {
		if !strings.Contains(string(docker), want) {
			t.Errorf("the Dockerfile lacks %s", want)
		}
	}
}

// systemd accepts the unit, and rates its isolation.
func TestUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	unit, err := os.ReadFile("../examples/operate/penstock.service")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "penstock.service")
	text := strings.ReplaceAll(string(unit), "/usr/local/bin/penstock", "/bin/true")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput(); err != nil || strings.Contains(string(out), "penstock.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// serveOnce runs a gateway with a configuration, calls use with its addresses once it is ready,
// and stops it.
func serveOnce(t *testing.T, path, text string, use func(api, admin string)) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) string {
		return map[string]string{"OPENAI_API_KEY": "sk-not-a-key", "PENSTOCK_CACHE_DIR": filepath.Join(cache, "penstock-test")}[name]
	}
	if _, err := config.Load(path, getenv); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	err = server.Run(ctx, server.Options{Config: path, Getenv: getenv, Stderr: io.Discard}, func(s *server.Server) {
		api, admin := s.Addrs()
		use("http://"+api, "http://"+admin)
		stop()
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "penstock.db")); errors.Is(err, fs.ErrNotExist) {
		t.Error("the ledger is not where the configuration has it")
	}
}

func status(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
