package ledger

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// writeUntilKilled is the child of TestKilledProcessLosesNothing. It prints
// what has been acknowledged: "w ID" for a record, "l ID" for a lease.
func writeUntilKilled(url string) int {
	ctx := context.Background()
	l, err := Open(ctx, url, Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("req_%02d_%08d", w, i)
				if err := l.OpenLease(ctx, draft(id, "reserved", 1)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				os.Stdout.WriteString("l " + id + "\n")
				r := record(id, func(r *llm.Record) { r.Charges[0].Scope, r.Charges[0].Amount = "spent", 1 })
				if err := l.Write(ctx, r); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				os.Stdout.WriteString("w " + id + "\n")
			}
		})
	}
	wg.Wait()
	return 1
}

func TestKilledProcessLosesNothing(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	written, leased := map[string]bool{}, map[string]bool{}
	for range 3 { // each process finds what the one before it left
		for _, line := range killAfter(t, url, 2000) {
			kind, id, _ := strings.Cut(line, " ")
			if kind == "w" {
				written[id] = true
				delete(leased, id)
			} else if !written[id] {
				leased[id] = true
			}
		}
		checkSurvivors(t, url, written, leased)
		if t.Failed() {
			return
		}
		if err := os.Remove(strings.TrimPrefix(url, "sqlite://")); err != nil {
			t.Fatal(err)
		}
		clear(written)
		clear(leased)
	}
}

// killAfter runs the child, kills it with SIGKILL after some lines, and returns all
// that it had printed by then.
func killAfter(t *testing.T, url string, lines int) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "LEDGER_TEST_CHILD="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var printed []string
	for s := bufio.NewScanner(out); s.Scan(); {
		printed = append(printed, s.Text())
		if len(printed) == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if len(printed) < lines {
		t.Fatalf("the child ended after %d lines", len(printed))
	}
	return printed
}

func checkSurvivors(t *testing.T, url string, written, leased map[string]bool) {
	t.Helper()
	l, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var decision string
	if err := l.DB().QueryRow("PRAGMA integrity_check").Scan(&decision); err != nil || decision != "ok" {
		t.Errorf("integrity_check = %s, %v", decision, err)
	}
	for id := range written {
		if _, err := l.Get(t.Context(), id); err != nil {
			t.Errorf("acknowledged record %s is lost: %v", id, err)
		}
	}
	orphans, err := l.Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range orphans {
		delete(leased, o.ID)
		if written[o.ID] {
			t.Errorf("lease %s is open although its record is written", o.ID)
		}
	}
	for id := range leased { // a record that was written but not acknowledged ends its lease too
		if _, err := l.Get(t.Context(), id); err != nil {
			t.Errorf("acknowledged lease %s is lost", id)
		}
	}
	report, err := l.Spend(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	if n := report.Total.Requests; n < int64(len(written)) {
		t.Errorf("%d records in the ledger, %d were acknowledged", n, len(written))
	}
	want := map[string]int64{"spent": report.Total.Requests - int64(len(orphans))}
	if len(orphans) > 0 {
		want["reserved"] = int64(len(orphans))
	}
	checkTotals(t, l, want)
	t.Logf("%d records acknowledged, %d in the ledger, %d leases orphaned", len(written), report.Total.Requests, len(orphans))
}

// smallDisk mounts a file system of the given size in bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, 2<<20)
	l, err := Open(t.Context(), "sqlite://"+filepath.Join(dir, "ledger.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mustWrite(t, l, record("before"))
	imported(t, l)
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)

	n, refused := 0, error(nil)
	for ; refused == nil && n < 2000; n++ {
		refused = l.Write(t.Context(), record(fmt.Sprintf("req_%d", n)))
	}
	if e := llm.AsError(refused); refused == nil || e.Status != 503 || e.Code != llm.CodeUnavailable || !strings.Contains(e.Message, "disk") {
		t.Fatalf("after %d records on a full disk, Write = %v, want status 503", n, refused)
	}
	for refused = nil; refused == nil; { // the last page of the file may have room for some
		refused = l.OpenLease(t.Context(), draft("x", "a", 1))
	}
	if llm.AsError(refused).Status != 503 {
		t.Errorf("OpenLease on a full disk = %v, want status 503", refused)
	}
	if _, err := l.Get(t.Context(), "before"); err != nil {
		t.Errorf("Get on a full disk: %v", err)
	}

	l.Check(t.Context()) // nothing has changed
	if h := l.Health(); h.Fault == nil || !strings.Contains(h.Fault.Message, "disk is full") || h.Waiting != 1 {
		t.Errorf("on a full disk, Health = %+v, want the disk to be the fault and one record to wait", h)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	l.Check(t.Context())
	if h := l.Health(); h.Fault != nil || h.Waiting != 0 || h.Lost != 0 {
		t.Errorf("once there is room again, Health = %+v, want nothing", h)
	}
	mustWrite(t, l, record("after"))
	report, err := l.Spend(t.Context(), Query{})
	if err != nil || report.Total.Requests != int64(n+2) {
		t.Errorf("Spend = %+v, %v, want the %d requests that were acknowledged and the one that had waited", report.Total, err, n+2)
	}
	checkTotals(t, l, map[string]int64{"key:abcdefgh": int64(n+2) * 3_448_000})
}

// fill writes zeros until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 1} {
		for buf := make([]byte, size); err == nil; {
			_, err = f.Write(buf)
		}
		err = nil
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t, 8<<20)
	l, err := Open(t.Context(), "sqlite://"+filepath.Join(dir, "ledger.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, l, record("x"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("the disk cannot be made read-only: %v", err)
	}
	for _, name := range []string{"ledger.db", "new.db"} {
		l, err := Open(t.Context(), "sqlite://"+filepath.Join(dir, name), Options{})
		if err == nil {
			l.Close()
			t.Fatalf("Open of %s on a read-only disk succeeded", name)
		}
		if !strings.Contains(err.Error(), "read-only") {
			t.Errorf("Open of %s on a read-only disk = %v, want it to say so", name, err)
		}
	}
}
