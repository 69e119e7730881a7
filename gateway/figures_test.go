//go:build faults

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestFigures prints the figures of the gateway's own faults, in full size.
func TestFigures(t *testing.T) {
	t.Run("outage", func(t *testing.T) { outageUnderLoad(t, 64, 20*time.Second) })
	t.Run("kills", func(t *testing.T) {
		const kills = 50
		acknowledged, lost := killAgain(t, kills)
		fmt.Printf("%d kills: %d answers acknowledged, %d of them lost\n", kills, acknowledged, lost)
	})
	t.Run("streams", func(t *testing.T) {
		const streams = 500
		whole, inBand := stopWithStreams(t, streams)
		fmt.Printf("%d streams at SIGTERM: %d whole within the grace, %d ended by an error in the stream, %d otherwise\n",
			streams, whole, inBand, streams-whole-inBand)
	})
	t.Run("soak", func(t *testing.T) {
		if os.Getenv("SOAK") == "" {
			t.Skip("SOAK=1 runs 5,000 streams for 3 minutes")
		}
		soak(t, 5000, 3*time.Minute)
	})
}

// outageUnderLoad has clients ask for a model whose first target is down, and compares
// what the detour costs once the circuit is open.
func outageUnderLoad(t *testing.T, clients int, lasts time.Duration) {
	up := llmtest.NewFaultServer(t, llmtest.FaultTimes{})
	api := freeAddress()
	dir := writeConfig(t, `
listen: %[1]s
admin: {listen: "127.0.0.1:0"}
keys: off
providers:
  first: {dialect: openai, base_url: %[2]s, allow_private: true}
  other: {dialect: openai, base_url: %[2]s, allow_private: true}
models:
  direct: {targets: [other/good]}
  m: {targets: [first/f15-down], fallback: [other/good]}
ledger: sqlite://penstock.db
`, api, up.BaseURL(llmtest.Fault{}, "openai"))
	spawn(t, dir)
	base := "http://" + api
	up.SetDown("f15-down", true)
	began := time.Now()
	during := askFor(t, clients, base, lasts, "m", "direct")
	probes := 0
	for _, at := range up.Attempts("f15-down") {
		if at.Sub(began) > settle {
			probes++
		}
	}
	detour, direct := during.p50("m", began.Add(settle)), during.p50("direct", began.Add(settle))
	fmt.Printf("outage at %d clients for %v: %d of %d served by the fallback, p50 %v against %v without a detour: %v added, %d attempts in the first %v, %d probes in the %v after that\n",
		clients, lasts, len(during.took["m"]), len(during.took["m"])+len(during.failed), detour.Round(10*time.Microsecond), direct.Round(10*time.Microsecond),
		(detour - direct).Round(10*time.Microsecond), len(up.Attempts("f15-down"))-probes, settle, probes, lasts-settle)
	if n := len(during.failed); n > 0 {
		t.Errorf("%d requests were not served, such as %s", n, during.failed[0])
	}
	if detour-direct > 5*time.Millisecond {
		t.Errorf("the outage adds %v once the circuit is open, want 5ms at most", detour-direct)
	}
	if most := int((lasts-settle)/probeEvery) + 1; probes > most {
		t.Errorf("%d probes, want at most one in %v", probes, probeEvery)
	}
}

// settle is how long the circuit may take to open under load.
const settle = 2 * time.Second

// asked are the requests of many clients, by their models.
type asked struct {
	mu     sync.Mutex
	took   map[string][]timed
	failed []string
}

// timed is when a request began and how long it took.
type timed struct {
	at   time.Time
	took time.Duration
}

// askFor has clients ask for the models in turn, so that all of them meet the same load.
func askFor(t *testing.T, clients int, base string, lasts time.Duration, models ...string) *asked {
	a := &asked{took: map[string][]timed{}}
	client, end := llmtest.Clients()[0], time.Now().Add(lasts)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				start, model := time.Now(), models[n%len(models)]
				seen, err := client.Ask(t.Context(), base, model, "hi", false)
				a.note(model, start, seen, err)
			}
		})
	}
	wg.Wait()
	return a
}

func (a *asked) note(model string, start time.Time, seen *llmtest.Seen, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err != nil:
		a.failed = append(a.failed, err.Error())
	case seen.Ending() != llmtest.EndWhole:
		a.failed = append(a.failed, fmt.Sprintf("%d %s", seen.Status, seen.Body))
	default:
		a.took[model] = append(a.took[model], timed{start, time.Since(start)})
	}
}

// p50 is the median time of a model's requests that began after a moment.
func (a *asked) p50(model string, after time.Time) time.Duration {
	var took []time.Duration
	for _, r := range a.took[model] {
		if r.at.After(after) {
			took = append(took, r.took)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// soak holds many streams open for a time and checks that every event comes once and in
// order, and that nothing stays behind.
func soak(t *testing.T, streams int, lasts time.Duration) {
	var sent atomic.Int64
	up := httptest.NewServer(readFirst(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for n := 0; n < int(lasts/time.Second); n++ {
			fmt.Fprintf(w, `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%d "},"finish_reason":null}]}`+"\n\n", n)
			w.(http.Flusher).Flush()
			sent.Add(1)
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
		fmt.Fprint(w, `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
	})))
	defer up.Close()
	api, admin := freeAddress(), freeAddress()
	dir := writeConfig(t, `
listen: %s
admin: {listen: %s}
keys: off
server: {max_requests: 20000}
providers: {up: {dialect: openai, base_url: %s, allow_private: true}}
models: {m: {targets: [up/m], timeout: {total: 10m}}}
ledger: sqlite://penstock.db
`, api, admin, up.URL)
	cmd := spawn(t, dir)
	if _, err := llmtest.Clients()[0].Ask(t.Context(), "http://"+api, "nobody", "hi", false); err != nil { // whatever is loaded at the first request
		t.Fatal(err)
	}
	before := usageOf(t, cmd, admin)
	var wg sync.WaitGroup
	var wrong, got atomic.Int64
	for i := range streams {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond) // not all in one moment
			n, err := countEvents("http://" + api)
			got.Add(int64(n))
			if err != nil {
				if wrong.Add(1) < 5 {
					t.Error(err)
				}
			}
		})
	}
	time.Sleep(lasts / 2)
	half := usageOf(t, cmd, admin)
	wg.Wait()
	http.DefaultClient.CloseIdleConnections()
	after := usageOf(t, cmd, admin)
	for tries := 0; (after.goroutines > before.goroutines+8 || after.descriptors > before.descriptors+8) && tries < 100; tries++ {
		time.Sleep(time.Second) // idle connections to the provider are kept for a while
		after = usageOf(t, cmd, admin)
	}
	fmt.Printf("%d streams for %v: %d events sent, %d received in order, %d streams with a fault; goroutines %d, %d, %d and descriptors %d, %d, %d (before, during, after); RSS %d MiB and %d KiB a stream\n",
		streams, lasts, sent.Load(), got.Load(), wrong.Load(), before.goroutines, half.goroutines, after.goroutines,
		before.descriptors, half.descriptors, after.descriptors, half.rss>>20, (half.rss-before.rss)/streams>>10)
	if wrong.Load() > 0 || got.Load() != sent.Load() {
		t.Errorf("%d streams had a fault; %d events were sent and %d received", wrong.Load(), sent.Load(), got.Load())
	}
	if after.goroutines > before.goroutines+8 || after.descriptors > before.descriptors+8 {
		t.Errorf("goroutines and descriptors do not go back: %+v before, %+v after", before, after)
	}
}

// countEvents reads a stream of numbered events to its end.
func countEvents(base string) (n int, err error) {
	resp, err := http.Post(base+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m","stream":true,`+hello+`}`))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			return n, nil
		}
		var c struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil || len(c.Choices) == 0 {
			return n, fmt.Errorf("after %d events: %s", n, data)
		}
		if content := c.Choices[0].Delta.Content; content != "" {
			if content != fmt.Sprintf("%d ", n) {
				return n, fmt.Errorf("event %q, want %d", content, n)
			}
			n++
		}
	}
	return n, fmt.Errorf("the stream ends after %d events: %v", n, lines.Err())
}

// usage is what a process holds.
type usage struct{ goroutines, descriptors, rss int }

func usageOf(t *testing.T, cmd *exec.Cmd, admin string) usage {
	t.Helper()
	resp, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	u := usage{descriptors: descriptors(t, cmd)}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if m := regexp.MustCompile(`^(go_goroutines|process_resident_memory_bytes) (\S+)$`).FindStringSubmatch(lines.Text()); m != nil {
			value, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			if m[1] == "go_goroutines" {
				u.goroutines = int(value)
			} else {
				u.rss = int(value)
			}
		}
	}
	if u.goroutines == 0 || u.rss == 0 {
		t.Fatal("the metrics have no goroutines or memory")
	}
	return u
}
