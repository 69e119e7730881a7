package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// startLimit is how long a gateway may take to its first answer.
const startLimit = 30 * time.Second

// configuration is the gateway's, with every feature on. The format's arguments are, in
// order: the API address, the admin address, and the URLs of the plain mock and those with
// TLS.
const configuration = `listen: %s
admin: {listen: %s}
keys: required
providers:
  mock-a: {dialect: openai, base_url: "%[3]s/v1", api_key: env:BENCH_UPSTREAM_KEY, allow_private: true}
  mock-b: {dialect: openai, base_url: "%[3]s/v1", api_key: env:BENCH_UPSTREAM_KEY, allow_private: true}
  mock-c: {dialect: anthropic, base_url: "%[3]s/v1", api_key: env:BENCH_UPSTREAM_KEY, allow_private: true}
  tls2-a: {dialect: openai, base_url: "%[4]s/v1", api_key: env:BENCH_UPSTREAM_KEY, allow_private: true}
  tls2-b: {dialect: openai, base_url: "%[4]s/v1", api_key: env:BENCH_UPSTREAM_KEY, allow_private: true}
  tls1-a: {dialect: openai, base_url: "%[5]s/v1", api_key: env:BENCH_UPSTREAM_KEY, allow_private: true}
  tls1-b: {dialect: openai, base_url: "%[5]s/v1", api_key: env:BENCH_UPSTREAM_KEY, allow_private: true}
models:
  bench: &routed
    router: balanced
    with: {cost: 0.5, quality: 0.3, latency: 0.2}
    targets:
      - {target: mock-a/bench-1, price: {input: 0.2, output: 0.6, cached: 0.05}, context: 128000}
      - {target: mock-b/bench-1, price: {input: 0.3, output: 0.5, cached: 0.05}, context: 128000}
    retries: {attempts: 2, backoff: 200ms..5s}
    timeout: {first_token: 15s, idle: 20s, total: 10m}
  bench-tls2:
    <<: *routed
    targets:
      - {target: tls2-a/bench-1, price: {input: 0.2, output: 0.6, cached: 0.05}, context: 128000}
      - {target: tls2-b/bench-1, price: {input: 0.3, output: 0.5, cached: 0.05}, context: 128000}
  bench-tls1:
    <<: *routed
    targets:
      - {target: tls1-a/bench-1, price: {input: 0.2, output: 0.6, cached: 0.05}, context: 128000}
      - {target: tls1-b/bench-1, price: {input: 0.3, output: 0.5, cached: 0.05}, context: 128000}
  bench-paced-tls2:
    <<: *routed
    targets:
      - {target: tls2-a/bench-paced-1, price: {input: 0.2, output: 0.6, cached: 0.05}, context: 128000}
      - {target: tls2-b/bench-paced-1, price: {input: 0.3, output: 0.5, cached: 0.05}, context: 128000}
  bench-cached:
    targets:
      - {target: mock-a/bench-1, price: {input: 0.2, output: 0.6, cached: 0.05}, context: 128000}
    cache: {ttl: 1h, varied: true} # the requests have a temperature
  bench-anthropic:
    targets:
      - {target: mock-c/bench-1, price: {input: 0.2, output: 0.6, cached: 0.05}, context: 128000}
cache: {size: 64MiB}
ledger: sqlite://penstock.db
`

// penstock is the gateway under test: its binary, and a folder with a configuration
// and a ledger that holds one key.
type penstock struct {
	bin, dir string
	api      string
	key      string
}

// newPenstock writes the configuration and creates a key with a daily budget, so that every
// request reserves and settles.
func newPenstock(ctx context.Context, bin string, s *testbed) (*penstock, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(bin); err != nil {
		return nil, fmt.Errorf("%w; build it, or leave it out with -only direct,floor", err)
	}
	ports, err := freeAddresses(2)
	if err != nil {
		return nil, fmt.Errorf("find free ports: %w", err)
	}
	g := &penstock{bin: bin, dir: s.dir, api: ports[0]}
	text := fmt.Sprintf(configuration, ports[0], ports[1], s.url(plainHTTP), s.url(tlsHTTP2), s.url(tlsHTTP1))
	if err := os.WriteFile(filepath.Join(g.dir, "penstock.yaml"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	g.key, err = g.createKey(ctx)
	return g, err
}

// freeAddresses returns unused loopback addresses.
func freeAddresses(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all stay open until the last is found, so that they differ
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

func (g *penstock) createKey(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, g.bin, "keys", "create", "-c", "penstock.yaml", "-o", "json",
		"--name", "bench", "--team", "bench", "--budget", "1000000usd/day", "--tag", "usecase=bench")
	cmd.Dir, cmd.Env = g.dir, g.env(filepath.Join(g.dir, "modules-keys"))
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("create a key: %w%s", err, stderrOf(err))
	}
	var made struct{ Key string }
	if err := json.Unmarshal(out, &made); err != nil || made.Key == "" {
		return "", fmt.Errorf("create a key: no key in %q", out)
	}
	return made.Key, nil
}

// env returns the gateway's whole environment, without provider keys or files of the user
// that could change what is measured.
func (g *penstock) env(modules string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + g.dir, "TMPDIR=" + g.dir,
		"XDG_CACHE_HOME=" + modules, "PENSTOCK_CACHE_DIR=" + modules,
		"BENCH_UPSTREAM_KEY=sk-bench", trust(g.dir),
	}
}

// start starts the gateway with the given folder for compiled modules.
func (g *penstock) start(ctx context.Context, modules string) (*child, error) {
	if err := os.MkdirAll(modules, 0o700); err != nil {
		return nil, err
	}
	return command{
		Name: gateway, Path: g.bin, Args: []string{"serve", "-c", "penstock.yaml"},
		Env: g.env(modules), Dir: g.dir,
	}.start(ctx)
}

// answers waits until the gateway answers a request for the model.
func (g *penstock) answers(ctx context.Context, p *child, model string) error {
	j := workload{Model: model, Upstream: plainHTTP}.job(endpoint{Addr: g.api, Key: g.key})
	return until(ctx, startLimit, func() error {
		err := probe(j)
		if err != nil && !p.running() {
			return fatal{p.withLog(errors.New("it ended before its first answer"))}
		}
		if err != nil && strings.HasPrefix(err.Error(), "status 4") {
			return fatal{p.withLog(err)}
		}
		if err != nil {
			return p.withLog(err)
		}
		return nil
	})
}
