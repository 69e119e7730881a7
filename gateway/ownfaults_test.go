package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/server"
)

// The gateway's own faults, each in the size that fits a run of all tests; `make faults`
// has them in full.

func TestKilledAgainAndAgain(t *testing.T) { killAgain(t, 3) }

func TestStopWithManyStreams(t *testing.T) { stopWithStreams(t, 20) }

// writeConfig writes a configuration into a folder of its own.
func writeConfig(t *testing.T, format string, args ...any) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "penstock.yaml"), fmt.Appendf(nil, format, args...), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// acknowledgedBeforeKill is how many answers callers have got when the gateway is killed.
const acknowledgedBeforeKill = 40

// killAgain kills a gateway under load again and again. Every answer that a caller got
// whole is in the ledger, the budget was charged what the records say, nothing is held, and a
// raise is still in force.
func killAgain(t *testing.T, kills int) (acknowledged, lost int) {
	t.Helper()
	up := llmtest.NewServer(t, llmtest.Model())
	api, admin := freeAddress(), freeAddress()
	dir := writeConfig(t, `
listen: %s
admin: {listen: %s}
providers: {up: {dialect: openai, base_url: %s/v1, allow_private: true}}
models: {m: {targets: [{target: up/m, price: {input: 10, output: 100}}, {target: up/n, price: {input: 20, output: 200}}], hedge: {after: 1ms}}}
ledger: sqlite://penstock.db
`, api, admin, up.URL)
	key := createTestKey(t, dir, "k", "--budget", "100usd/day")
	var ids []string
	for i := range kills {
		ids = append(ids, killOnce(t, dir, "http://"+api, key, func() {
			if i == 0 {
				raiseKey(t, admin, key)
			}
		})...)
	}
	o := server.Options{Config: filepath.Join(dir, "penstock.yaml"), Getenv: testEnv(t), Stderr: io.Discard}
	last, err := server.Open(t.Context(), o) // charges what was under way
	if err != nil {
		t.Fatal(err)
	}
	checkRest(t, last)
	if err := last.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return len(ids), checkLedger(t, o, ids)
}

// raiseKey raises the budget of a key by 7 USD.
func raiseKey(t *testing.T, admin, key string) {
	t.Helper()
	body := fmt.Sprintf(`{"scope":"key:%s","unit":"usd","window":"day","by":7,"until":"+3d"}`, key[len("pk_"):len("pk_")+8])
	resp, err := http.Post("http://"+admin+"/admin/v1/raises", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("the raise was refused: %d %s", resp.StatusCode, text)
	}
}

// checkRest expects that a gateway that has just begun holds nothing, and has the raise.
func checkRest(t *testing.T, s *server.Server) {
	t.Helper()
	get := func(path string) []byte {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
		w := httptest.NewRecorder()
		s.AdminHandler().ServeHTTP(w, r)
		return w.Body.Bytes()
	}
	for _, b := range gjson.GetBytes(get("/admin/v1/budgets"), "budgets").Array() {
		if b.Get("reserved").Float() != 0 {
			t.Errorf("after the last kill this is still held: %s", b.Raw)
		}
	}
	if raises := gjson.GetBytes(get("/admin/v1/raises"), "raises"); len(raises.Array()) != 1 || raises.Get("0.by").Float() != 7 {
		t.Errorf("after the last kill the raises are %s", raises.Raw)
	}
}

// killOnce starts the gateway, kills it under load, and returns the requests whose answers
// have come whole. ready is called before the load.
func killOnce(t *testing.T, dir, base, key string, ready func()) (ids []string) {
	t.Helper()
	cmd := spawn(t, dir)
	ready()
	client := llmtest.Clients()[0]
	var mu sync.Mutex
	var wg sync.WaitGroup
	var once sync.Once
	for i := range 8 {
		wg.Go(func() {
			for {
				seen, err := client.Ask(t.Context(), base, "m", "hi", i%2 == 0, "Authorization", "Bearer "+key)
				if err != nil || seen.Odd != "" {
					return // it is dead
				}
				if seen.Ending() != llmtest.EndWhole {
					t.Errorf("before the kill: %d %s", seen.Status, seen.Body)
					return
				}
				mu.Lock()
				ids = append(ids, seen.Header.Get("X-Penstock-Request-Id"))
				enough := len(ids) >= acknowledgedBeforeKill
				mu.Unlock()
				if enough {
					once.Do(func() { _ = cmd.Process.Kill() }) // it may have ended by itself, which the wait tells
				}
			}
		})
	}
	wg.Wait()
	_ = cmd.Wait() // it was killed
	return ids
}

// checkLedger expects these requests in the ledger, and as much charged as was spent. It
// returns how many are lost.
func checkLedger(t *testing.T, o server.Options, ids []string) (lost int) {
	t.Helper()
	l, err := o.OpenLedger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, id := range ids {
		if r, err := l.Get(t.Context(), id); err != nil || r.Status != 200 {
			t.Errorf("the acknowledged request %s: %+v, %v", id, r, err)
			lost++
		}
	}
	checkCharged(t, l)
	return lost
}

// stopWithStreams stops a gateway while streams are under way: half of them end within the
// grace and come whole, the others end with an error, and the process ends well.
func stopWithStreams(t *testing.T, n int) (whole, inBand int) {
	t.Helper()
	gate := make(chan struct{})
	frames := llmtest.Chat{Text: "one two three four"}.OpenAIChunks(true)
	mux := http.NewServeMux()
	handle := func(name string, steps ...llmtest.Step) {
		mux.Handle("/"+name+"/", llmtest.Handler(llmtest.Steps(steps...)))
	}
	handle("short", llmtest.Frames(frames[:3]...), llmtest.Wait(gate), llmtest.Write(string(bytes.Join(frames[3:], nil))))
	handle("long", llmtest.Frames(frames[:3]...), llmtest.Stall())
	up := httptest.NewServer(readFirst(mux))
	defer up.Close()
	api := freeAddress()
	dir := writeConfig(t, `
listen: %s
admin: {listen: "127.0.0.1:0"}
keys: off
server: {drain_delay: 0s, grace: 3s}
providers:
  short: {dialect: openai, base_url: %s/short, allow_private: true}
  long: {dialect: openai, base_url: %s/long, allow_private: true}
models: {short: {targets: [short/m]}, long: {targets: [long/m]}}
ledger: sqlite://penstock.db
`, api, up.URL, up.URL)
	cmd := spawn(t, dir)
	var begun, done sync.WaitGroup
	var wholes, inBands atomic.Int64
	begun.Add(n)
	for i := range n {
		done.Go(func() {
			model := []string{"short", "long"}[i%2]
			rest, err := readStream("http://"+api, model, begun.Done)
			switch isWhole, isBroken := strings.Contains(rest, "[DONE]"), strings.Contains(rest, "shutting down"); {
			case err == nil && model == "short" && isWhole && !isBroken:
				wholes.Add(1)
			case err == nil && model == "long" && isBroken && !isWhole:
				inBands.Add(1)
			default:
				t.Errorf("a %s stream went on with %q, %v", model, rest, err)
			}
		})
	}
	begun.Wait()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	close(gate)
	done.Wait()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the gateway ended with %v, want status 0", err)
	}
	return int(wholes.Load()), int(inBands.Load())
}

// readStream asks for a stream and returns what comes after its first line, which begun is
// told of.
func readStream(base, model string, begun func()) (string, error) {
	begun = sync.OnceFunc(begun)
	defer begun()
	resp, err := http.Post(base+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"`+model+`","stream":true,`+hello+`}`))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	if _, err := body.ReadString('\n'); err != nil {
		return "", err
	}
	begun()
	rest, err := io.ReadAll(body)
	return string(rest), err
}

// A gateway without descriptors refuses nobody for good: it goes on once it has some.
func TestDescriptorsExhausted(t *testing.T) {
	up := llmtest.NewServer(t, llmtest.Model())
	api := freeAddress()
	dir := writeConfig(t, `
listen: %s
admin: {listen: "127.0.0.1:0"}
keys: off
providers: {up: {dialect: openai, base_url: %s/v1, allow_private: true}}
models: {m: {targets: [up/m]}}
ledger: sqlite://penstock.db
`, api, up.URL)
	cmd := spawn(t, dir)
	client, base := llmtest.Clients()[0], "http://"+api
	ask := func() string {
		seen, err := client.Ask(t.Context(), base, "m", "hi", false)
		if err != nil {
			return err.Error()
		}
		return seen.Ending()
	}
	if end := ask(); end != llmtest.EndWhole {
		t.Fatalf("at first: %s", end)
	}
	limit := descriptors(t, cmd) + 8
	if out, err := exec.CommandContext(t.Context(), "prlimit", fmt.Sprintf("--nofile=%d:%d", limit, limit), "--pid", fmt.Sprint(cmd.Process.Pid)).CombinedOutput(); err != nil {
		t.Skipf("prlimit: %v %s", err, out)
	}
	conns := holdConnections(t, api, 40)
	for _, c := range conns {
		c.Close()
	}
	for tries := 0; ask() != llmtest.EndWhole; tries++ {
		if tries == 1000 {
			t.Fatalf("the gateway does not answer after its descriptors were used up: %s", ask())
		}
	}
}

// descriptors is how many files and connections a process has open.
func descriptors(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid))
	if err != nil {
		t.Skipf("no descriptors to count: %v", err)
	}
	return len(open)
}

// holdConnections opens connections that say nothing.
func holdConnections(t *testing.T, address string, n int) (conns []net.Conn) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	return conns
}
