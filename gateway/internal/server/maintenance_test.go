package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
)

const demoOnly = "keys: off\nmodels: {demo: {targets: [demo/demo]}}\n"

// tick is what the maintenance does in a second, without the waiting.
func (h *testServer) tick(m *maintenance) {
	m.ledger.Check(context.Background())
	m.report(m.ledger.Health())
	m.prune(context.Background(), time.Now())
}

// readyz asks whether the gateway is ready.
func (h *testServer) readyz(t *testing.T) (bool, string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8081/readyz", nil)
	r.RemoteAddr = "127.0.0.1:1"
	h.AdminHandler().ServeHTTP(w, r)
	return w.Code == 200, w.Body.String()
}

// While requests can't be recorded they are refused or served, as configured. Either way
// readiness, log and metrics report it, and it ends without a restart when the disk has
// room again.
func TestFullDisk(t *testing.T) {
	for _, mode := range []string{"refuse", "serve"} {
		t.Run(mode, func(t *testing.T) {
			disk := t.TempDir()
			if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=2m"); err != nil {
				t.Skipf("a small disk cannot be mounted here: %v", err)
			}
			h := openTestServer(t, http.NotFoundHandler(), demoOnly+"ledger: sqlite://"+disk+"/penstock.db\non_ledger_failure: "+mode+"\n")
			t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
			m := &maintenance{Server: h.Server}
			fillDisk(t, filepath.Join(disk, "ballast"))
			answered := 0
			for range 2000 {
				resp, body := h.post(t, `{"model":"demo",`+hello+`}`)
				if resp.StatusCode == 503 && strings.Contains(string(body), "disk is full") && resp.Header.Get("Retry-After") != "" {
					break
				}
				if resp.StatusCode != 200 {
					t.Fatalf("status %d: %s", resp.StatusCode, body)
				}
				answered++
				if h.ledger.Health().Waiting > 2 {
					break
				}
			}
			h.tick(m)
			fault := h.ledger.Health()
			if want := map[string]int{"refuse": 1, "serve": 3}[mode]; fault.Fault == nil || fault.Waiting != want {
				t.Errorf("Health = %+v, want a fault and %d records that wait", fault, want)
			}
			if ready, body := h.readyz(t); ready != (mode == "serve") || !strings.Contains(body, "disk is full") {
				t.Errorf("/readyz is %v: %s", ready, body)
			}
			if text := h.metrics(t); !strings.Contains(text, "penstock_ledger_failing 1") {
				t.Errorf("the metrics do not show the fault:\n%s", text)
			}

			if err := os.Remove(filepath.Join(disk, "ballast")); err != nil {
				t.Fatal(err)
			}
			h.tick(m)
			if ready, body := h.readyz(t); !ready || strings.Contains(body, "ledger_error") {
				t.Errorf("with room again, /readyz is %v: %s", ready, body)
			}
			if resp, body := h.post(t, `{"model":"demo",`+hello+`}`); resp.StatusCode != 200 {
				t.Errorf("with room again, status %d: %s", resp.StatusCode, body)
			}
			report, err := h.ledger.Spend(t.Context(), ledger.Query{})
			if err != nil || report.Total.Requests != int64(answered+1) {
				t.Errorf("%+v requests are booked, %v; want all %d that were answered", report.Total, err, answered+1)
			}
		})
	}
}

func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for zeros := make([]byte, 4096); err == nil; {
		_, err = f.Write(zeros)
	}
}

func (h *testServer) metrics(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.telemetry.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDeletedLedger(t *testing.T) {
	dir := t.TempDir()
	h := openTestServerIn(t, dir, http.NotFoundHandler(), demoOnly+"ledger: sqlite://penstock.db\n")
	m := &maintenance{Server: h.Server}
	aside := filepath.Join(dir, "aside")
	if err := os.Rename(filepath.Join(dir, "penstock.db"), aside); err != nil {
		t.Fatal(err)
	}
	h.tick(m)
	if ready, body := h.readyz(t); ready || !strings.Contains(body, "was deleted") {
		t.Errorf("/readyz is %v: %s", ready, body)
	}
	if resp, body := h.post(t, `{"model":"demo",`+hello+`}`); resp.StatusCode != 503 || !strings.Contains(string(body), "was deleted") {
		t.Errorf("status %d: %s, want 503", resp.StatusCode, body)
	}
	if err := os.Rename(aside, filepath.Join(dir, "penstock.db")); err != nil {
		t.Fatal(err)
	}
	h.tick(m)
	if ready, body := h.readyz(t); !ready {
		t.Errorf("with the file back, /readyz is %v: %s", ready, body)
	}
}

// A request for an unknown model is counted and leaves no record; old records are deleted.
func TestLedgerIsBounded(t *testing.T) {
	h := openTestServer(t, http.NotFoundHandler(), demoOnly+"ledger: sqlite://penstock.db\nretention: 1h\n")
	for i := range 5 {
		if resp, body := h.post(t, fmt.Sprintf(`{"model":"invented-%d",%s}`, i, hello)); resp.StatusCode != 404 {
			t.Errorf("status %d: %s, want 404", resp.StatusCode, body)
		}
	}
	h.post(t, `{"model":"demo",`+hello+`}`)
	requests := func() int64 {
		list, err := h.ledger.List(t.Context(), ledger.Page{})
		if err != nil {
			t.Fatal(err)
		}
		return int64(len(list))
	}
	if n := requests(); n != 1 {
		t.Errorf("%d requests are booked, want the one that was served", n)
	}
	if text := h.metrics(t); strings.Contains(text, "invented") || !strings.Contains(text, `status="4xx"`) {
		t.Errorf("the metrics do not count refused names as one:\n%s", text)
	}
	m := &maintenance{Server: h.Server}
	m.prune(t.Context(), time.Now())
	if n := requests(); n != 1 {
		t.Errorf("%d requests are left, want 1: it is young", n)
	}
	m.nextPrune = time.Time{}
	m.prune(t.Context(), time.Now().Add(2*time.Hour))
	if n := requests(); n != 0 {
		t.Errorf("%d requests are left after two hours, want none", n)
	}
	if report, err := h.ledger.Spend(t.Context(), ledger.Query{}); err != nil || report.Total.Requests != 1 {
		t.Errorf("the sums have %d requests, %v, want the one", report.Total.Requests, err)
	}
}
