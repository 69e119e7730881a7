package llmtest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"testing"
	"time"
)

// prometheusStart is how long Prometheus may take to its first scrape.
const prometheusStart = 30 * time.Second

// Prometheus is a real Prometheus.
type Prometheus struct {
	t   testing.TB
	url string
}

// StartPrometheus starts Prometheus with a configuration file and returns it once it answers; the
// end of the test kills it.
func StartPrometheus(t testing.TB, file string) *Prometheus {
	t.Helper()
	program := Program(t, "prometheus")
	l, err := net.Listen("tcp", "127.0.0.1:0") // it has no way to choose a port itself
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	c := exec.Command(program, "--config.file="+file, "--web.listen-address="+addr, "--storage.tsdb.path="+t.TempDir(), "--log.level=error")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return &Prometheus{t, "http://" + addr}
}

// Get reads a path of its API into data, again and again until done says that it is there.
func (p *Prometheus) Get(path string, query url.Values, data any, done func() bool) {
	p.t.Helper()
	giveUp := time.After(prometheusStart)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		if last = p.get(path, query, data); last == nil && done() {
			return
		}
		select {
		case <-tick.C:
		case <-giveUp:
			p.t.Fatalf("Prometheus: GET %s?%s is not what it should be in time: %v, %+v", path, query.Encode(), last, data)
		}
	}
}

func (p *Prometheus) get(path string, query url.Values, data any) error {
	resp, err := http.Get(p.url + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	reply := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return fmt.Errorf("status %s: %w", resp.Status, err)
	}
	if reply.Status != "success" {
		return fmt.Errorf("status %s: %s", resp.Status, reply.Error)
	}
	return nil
}
