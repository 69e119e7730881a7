package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/server"
)

// spawn starts `penstock serve` in a process of its own, this test's binary under
// another name, and waits until it is ready. env is added to its environment.
func spawn(t *testing.T, dir string, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "serve", "-c", "penstock.yaml")
	cmd.Args[0], cmd.Dir, cmd.Env, cmd.Stderr = "penstock", dir, append(clientsEnv(t, dir), env...), testLog{t}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() }) // it may have ended
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "penstock ready") {
		t.Fatalf("serve printed %q, %v", line, err)
	}
	return cmd
}

// After kill -9 the requests that were under way are booked, as estimates, and what the
// budget has been charged is what spend shows.
func TestKilled(t *testing.T) {
	gate := make(chan struct{})
	frames := llmtest.Chat{Text: "one two three four five six"}.OpenAIChunks(true)
	up := httptest.NewServer(readFirst(llmtest.Handler(llmtest.Steps(llmtest.Frames(frames[:4]...), llmtest.Wait(gate)))))
	defer up.Close()
	defer close(gate)
	dir, api := t.TempDir(), freeAddress()
	text := fmt.Sprintf(`
listen: %s
admin: {listen: "127.0.0.1:0"}
providers: {up: {dialect: openai, base_url: %s/v1, allow_private: true}}
models: {m: {targets: [{target: up/m, price: {input: 10, output: 100}}]}}
ledger: sqlite://penstock.db
`, api, up.URL)
	if err := os.WriteFile(filepath.Join(dir, "penstock.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	key := createTestKey(t, dir, "k", "--budget", "10usd/day", "--tag", "usecase=support")
	cmd := spawn(t, dir)
	const streams = 6
	for i := range streams {
		body := fmt.Sprintf(`{"model":"m","stream":%v,%s}`, i > 0, hello) // one waits for a plain reply
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+api+"/v1/chat/completions", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+key)
		if i == 0 {
			go func() { _, _ = http.DefaultClient.Do(req) }() // ends with the gateway
			continue
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed

	o := server.Options{Config: filepath.Join(dir, "penstock.yaml"), Getenv: testEnv(t), Stderr: testLog{t}}
	next, err := server.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := o.OpenLedger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	checkInterrupted(t, l, streams)
}

// checkInterrupted expects that many records of requests that a kill has cut off, give
// or take the one that may not have begun.
func checkInterrupted(t *testing.T, l *ledger.Reader, most int) {
	t.Helper()
	records, err := l.List(t.Context(), ledger.Page{})
	if err != nil || len(records) < most-1 || len(records) > most {
		t.Fatalf("%d records, %v; want about %d", len(records), err, most)
	}
	for _, r := range records {
		if r.Code != llm.CodeInterrupted || !r.Usage.Estimated || r.Usage.Input == 0 || r.Cost == 0 || r.KeyID == "" || r.Target != "up/m" || r.Tags["usecase"] != "support" {
			t.Errorf("the record of an interrupted request is %+v", r)
		}
	}
	if spent := checkCharged(t, l); spent > llm.USD/10 {
		t.Errorf("%v was charged: want what was seen, not the worst case", spent)
	}
}

// checkCharged expects that budgets were charged what the records cost, and returns that.
func checkCharged(t *testing.T, l *ledger.Reader) llm.NanoUSD {
	t.Helper()
	report, err := l.Spend(t.Context(), ledger.Query{})
	if err != nil {
		t.Fatal(err)
	}
	totals, err := l.Totals(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range totals {
		if c.Unit == llm.UnitUSD && llm.NanoUSD(c.Amount) != report.Total.Cost {
			t.Errorf("%s has used %v, and spend shows %v", c.Scope, llm.NanoUSD(c.Amount), report.Total.Cost)
		}
	}
	if len(totals) == 0 {
		t.Error("no budget was charged")
	}
	return report.Total.Cost
}

// After SIGTERM a gateway is not ready and still serves for server.drain_delay; a second
// signal ends it at once.
func TestSecondSignal(t *testing.T) {
	dir, api, admin := t.TempDir(), freeAddress(), freeAddress()
	text := fmt.Sprintf("listen: %s\nadmin: {listen: %s}\nkeys: off\nserver: {drain_delay: 1h}\nmodels: {demo: {targets: [demo/demo]}}\n", api, admin)
	if err := os.WriteFile(filepath.Join(dir, "penstock.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := spawn(t, dir)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for status := 0; status != 503; {
		resp, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		status = resp.StatusCode
	}
	resp, err := http.Post("http://"+api+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"demo",`+hello+`}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || !resp.Close {
		t.Errorf("while it drains, status %d and Connection: close %v, want 200 and true", resp.StatusCode, resp.Close)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("after a second SIGTERM the gateway ended with %v, want that the signal killed it", cmd.ProcessState)
	}
}
