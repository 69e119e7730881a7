package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clientsConfig serves the built-in demo provider to callers with keys. The model that
// answers is the quick one, what fails on purpose is tried once, and what stalls is
// given up soon, so that the checks do not wait for what they do not test. Its verbs
// are the API's and the admin's address.
const clientsConfig = `listen: %s
admin: {listen: %s}
keys: required
models:
  demo:          {targets: [demo/demo-fast]}
  demo-slow:     {targets: [demo/demo-slow]}
  demo-cut:      {targets: [demo/demo-cut], retries: {attempts: 1}}
  demo-fail-429: {targets: [demo/demo-fail-429], retries: {attempts: 1}}
  demo-fail-500: {targets: [demo/demo-fail-500], retries: {attempts: 1}}
  demo-fail-503: {targets: [demo/demo-fail-503], retries: {attempts: 1}}
  demo-stall:    {targets: [demo/demo-stall], retries: {attempts: 1}, timeout: {first_token: 1s, idle: 1s, total: 10s}}
ledger: sqlite://penstock.db
`

// commonChecks are what both official clients are put through; nodeChecks are those
// that only the Node client has a helper for.
var (
	commonChecks = slices.Sorted(maps.Keys(goChecks))
	nodeChecks   = []string{"tools helper"}
)

// TestOfficialClients runs the official OpenAI clients for Node and Go against the
// built binary: what an application developer does who changes base_url and nothing
// else.
func TestOfficialClients(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "penstock")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the gateway: %v\n%s", err, out)
	}
	// Each client has a gateway of its own: targets that failed for one may cool down, and
	// would answer the other differently.
	t.Run("node", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join("testdata", "clients")
		installNodeClients(t, dir)
		runNodeClient(t, dir, startForClients(t, bin))
	})
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		g := startForClients(t, bin)
		for _, name := range commonChecks {
			t.Run(name, func(t *testing.T) { goChecks[name](t, g) })
		}
	})
}

// served is a gateway that clients can reach.
type served struct {
	// BaseURL ends in /v1. Key may ask for every model; Poor is the key whose budget
	// is too small for any request, and Spent one whose budget is soon used up.
	BaseURL, Key, Poor, Spent string
}

// startForClients makes two keys, and serves until the test ends.
func startForClients(t *testing.T, bin string) served {
	t.Helper()
	dir := t.TempDir()
	api, admin := freeAddress(), freeAddress()
	if err := os.WriteFile(filepath.Join(dir, "penstock.yaml"), fmt.Appendf(nil, clientsConfig, api, admin), 0o600); err != nil {
		t.Fatal(err)
	}
	g := served{
		BaseURL: "http://" + api + "/v1",
		Key:     createTestKey(t, dir, "rich"),
		Poor:    createTestKey(t, dir, "poor", "--budget", "0.000000001usd/day"),
		Spent:   createTestKey(t, dir, "spent", "--budget", "0.001usd/day"),
	}
	serveUntilEnd(t, bin, dir)
	return g
}

// freeAddress returns a loopback address that is not in use and that the system does not
// hand out: all of 127.0.0.0/8 is this machine, and the system chooses ports on 127.0.0.1.
func freeAddress() string {
	n := rand.Uint32()
	return fmt.Sprintf("127.%d.%d.%d:8080", 1+n%254, n>>8%256, 1+n>>16%254)
}

// clientsEnv keeps the provider keys and the folders of whoever runs the test out,
// but for a cache that lets the modules be compiled once and not in every run.
func clientsEnv(t *testing.T, dir string) []string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "PENSTOCK_CACHE_DIR=" + filepath.Join(cache, "penstock-test")}
}

// createTestKey runs the command line in this process. That also links the gateway
// into the test: otherwise `go test` would not see that the binary has changed, and
// take an old result from its cache.
func createTestKey(t *testing.T, dir, name string, more ...string) string {
	t.Helper()
	args := append([]string{"keys", "create", "-c", filepath.Join(dir, "penstock.yaml"), "-o", "json", "--name", name}, more...)
	stdout, stderr, code := penstock(t, args...)
	if code != 0 {
		t.Fatalf("penstock %s: %d\n%s", strings.Join(args, " "), code, stderr)
	}
	var made struct{ Key string }
	if err := json.Unmarshal([]byte(stdout), &made); err != nil || made.Key == "" {
		t.Fatalf("penstock %s printed %q, %v, want JSON with a key", strings.Join(args, " "), stdout, err)
	}
	return made.Key
}

// serveUntilEnd starts the gateway, waits until it prints that it is ready, and stops it
// with SIGTERM when the test ends: it must then exit with status 0. Its log is printed
// when the test has failed.
func serveUntilEnd(t *testing.T, bin, dir string) {
	t.Helper()
	cmd := exec.Command(bin, "serve", "-c", "penstock.yaml")
	cmd.Dir, cmd.Env = dir, clientsEnv(t, dir)
	output, input, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = input, input
	err = cmd.Start()
	input.Close()
	if err != nil {
		t.Fatal(err)
	}
	ready, log := make(chan struct{}), make(chan string, 1)
	go func() { log <- watch(output, "penstock ready", ready) }() // ends with the process
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the gateway ended with: %v", err)
		}
		if text := <-log; t.Failed() {
			t.Logf("the gateway printed:\n%s", text)
		}
	})
	select {
	case <-ready:
	case <-time.After(time.Minute):
		t.Fatal("the gateway was not ready after a minute")
	}
}

// watch reads lines to the end and returns the last 64 KB of them. It closes ready
// at the first line that has the mark, or at the end.
func watch(r io.Reader, mark string, ready chan struct{}) string {
	const keep = 64 << 10
	var text []byte
	waiting := true
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text = append(append(text, lines.Bytes()...), '\n')
		text = text[max(0, len(text)-keep):]
		if waiting && bytes.Contains(lines.Bytes(), []byte(mark)) {
			waiting = false
			close(ready)
		}
	}
	if waiting {
		close(ready)
	}
	return string(text)
}

// runNodeClient wants every check of the script to have run and to have passed.
func runNodeClient(t *testing.T, dir string, g served) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "openai.mjs")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "BASE_URL="+g.BaseURL, "API_KEY="+g.Key, "POOR_KEY="+g.Poor)
	ran := runChecks(t, cmd)
	slices.Sort(ran)
	if diff := cmp.Diff(slices.Sorted(slices.Values(append(nodeChecks, commonChecks...))), ran); diff != "" {
		t.Errorf("checks (-want +ran):\n%s", diff)
	}
}

// installNodeClients gets the pinned packages where they are not there yet. Without Node or
// a registry the test is skipped, except in CI, where that must not go unnoticed.
func installNodeClients(t *testing.T, dir string) {
	t.Helper()
	giveUp := t.Skipf
	if os.Getenv("CI") == "true" {
		giveUp = t.Fatalf
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			giveUp("the Node client is not tested: %v", err)
		}
	}
	if nodeClientsInstalled(dir) {
		return
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		giveUp("the Node client is not tested: npm ci in gateway/%s: %v\n%s", dir, err, out)
	}
}

// nodeClientsInstalled reports whether the versions that package.json pins are there.
func nodeClientsInstalled(dir string) bool {
	var pinned struct{ Dependencies map[string]string }
	if readJSON(filepath.Join(dir, "package.json"), &pinned) != nil {
		return false
	}
	for name, version := range pinned.Dependencies {
		var there struct{ Version string }
		if readJSON(filepath.Join(dir, "node_modules", name, "package.json"), &there) != nil || there.Version != version {
			return false
		}
	}
	return true
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
