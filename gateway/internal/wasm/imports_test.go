package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// logged loads a module whose log lines end up in a buffer.
func logged(t *testing.T, a asm, grants ...string) (*Module, *bytes.Buffer) {
	t.Helper()
	var b bytes.Buffer
	h, err := NewHost(Options{Log: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	m, err := h.Load(context.Background(), Spec{Name: "talker", Wasm: a.bytes(), Grants: grants, MaxInstances: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m, &b
}

// importing is a guest with imports, whose hook runs the code given; its input lies
// at 1024, and 64 KiB of memory are its own.
func importing(imports []asmImport, code ...[]byte) asm {
	a := guest(Route, code...)
	a.imports = imports
	return a
}

func ask(m *Module, in string) ([]byte, error) {
	out, _, err := m.Call(context.Background(), Route, 7, []byte(in), nil)
	return out, err
}

func TestLogReachesTheLogWithItsLevel(t *testing.T) {
	a := importing([]asmImport{{"penstock", "log", "iii", ""}}, i32c(2), get(0), get(1), call(0), result(0, 0))
	m, log := logged(t, a)
	if _, err := ask(m, "beware\xff"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=WARN", "beware\uFFFD", "module=talker", "hook=penstock_route"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log %q, want %q in it", log, want)
		}
	}
}

func TestATalkativeModuleIsCutShort(t *testing.T) {
	a := importing([]asmImport{{"penstock", "log", "iii", ""}},
		loop(i32c(1), get(0), get(1), call(0), br(0)), result(0, 0))
	m, log := logged(t, a)
	_, err := ask(m, "again")
	var f *Fault
	if !errors.As(err, &f) || f.Kind != OutOfFuel {
		t.Errorf("Call = %v, want out of fuel", err)
	}
	if n := strings.Count(log.String(), " hook="); n != maxLogLines {
		t.Errorf("%d log lines, want %d", n, maxLogLines)
	}
}

func TestErrorRejectsTheCall(t *testing.T) {
	a := importing([]asmImport{{"penstock", "error", "iii", ""}}, i32c(422), get(0), get(1), call(0), result(0, 0))
	m, _ := logged(t, a)
	_, err := ask(m, "no audio here")
	var r *Rejection
	if !errors.As(err, &r) || r.Code != 422 || r.Message != "no audio here" {
		t.Errorf("Call = %v, want a rejection", err)
	}
	if s := m.Stats(); s.Rejections != 1 || s.Faults != 0 || s.Discarded != 0 {
		t.Errorf("%+v: a rejection is not a fault", s)
	}
}

func TestABadPointerToTheHostIsAFault(t *testing.T) {
	for _, name := range []string{"log", "error"} {
		a := importing([]asmImport{{"penstock", name, "iii", ""}}, i32c(1), i32c(-4), i32c(100), call(0), result(0, 0))
		m, _ := logged(t, a)
		_, err := ask(m, "")
		if err == nil || !strings.Contains(err.Error(), errBadPointer.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// returning gives the i64 that the code leaves as eight bytes.
func returning(code ...[]byte) []byte {
	return cat(i32c(2048), cat(code...), mem(0x37, 0), result(2048, 8))
}

func TestRandomnessFollowsTheSeed(t *testing.T) {
	a := importing([]asmImport{{"penstock", "random_u64", "", "I"}}, returning(call(0)))
	m, _ := logged(t, a, GrantRandom)
	draw := func(seed uint64) string {
		out, _, err := m.Call(context.Background(), Route, seed, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if first, again, other := draw(1), draw(1), draw(2); first != again || first == other {
		t.Errorf("seed 1 gave %x and %x, seed 2 %x", first, again, other)
	}
}

func TestTheClockStandsWithoutItsGrant(t *testing.T) {
	a := importing([]asmImport{{fromWASI, "clock_time_get", "iIi", "i"}, {"penstock", "now_ms", "", "I"}},
		i32c(0), i64c(0), i32c(4096), call(0), op(0x1a), returning(i32c(4096), mem(0x29, 0)))
	a.imports = a.imports[:1]
	m, _ := logged(t, a)
	out, err := ask(m, "")
	if err != nil || binary.LittleEndian.Uint64(out) != 1e9 {
		t.Errorf("clock_time_get = %x, %v, want one second", out, err)
	}
	a = importing([]asmImport{{"penstock", "now_ms", "", "I"}}, returning(call(0)))
	m, _ = logged(t, a, GrantClock)
	out, err = ask(m, "")
	if err != nil {
		t.Fatal(err)
	}
	now := time.UnixMilli(int64(binary.LittleEndian.Uint64(out)))
	if d := time.Since(now); d < -time.Second || d > time.Hour {
		t.Errorf("now_ms = %v", now)
	}
}

func TestWASIGivesNothingAway(t *testing.T) {
	for _, c := range []struct {
		name, params string
		code         []byte
		want         uint32
	}{
		{"path_open", "iiiiiIIii", cat(i32c(3), i32c(0), i32c(0), i32c(0), i32c(0), i64c(0), i64c(0), i32c(0), i32c(0)), wasiBadF},
		{"fd_prestat_get", "ii", cat(i32c(3), i32c(0)), wasiBadF},
		{"sock_accept", "iii", cat(i32c(3), i32c(0), i32c(0)), wasiBadF},
		{"poll_oneoff", "iiii", cat(i32c(0), i32c(0), i32c(0), i32c(0)), wasiNoSys},
		{"environ_sizes_get", "ii", cat(i32c(8), i32c(16)), wasiOK},
		{"environ_sizes_get", "ii", cat(i32c(-1), i32c(16)), wasiFault},
		{"args_get", "ii", cat(i32c(8), i32c(16)), wasiOK},
		{"random_get", "ii", cat(i32c(-1), i32c(16)), wasiFault},
		{"clock_res_get", "ii", cat(i32c(0), i32c(16)), wasiOK},
		{"fd_write", "iiii", cat(i32c(5), i32c(0), i32c(0), i32c(0)), wasiBadF},
	} {
		a := importing([]asmImport{{fromWASI, c.name, c.params, "i"}}, returning(c.code, call(0), op(0xad)))
		m, _ := logged(t, a)
		out, err := ask(m, "")
		if err != nil || binary.LittleEndian.Uint32(out) != c.want {
			t.Errorf("%s = %x, %v, want %d", c.name, out, err, c.want)
		}
	}
}

func TestFdWriteGoesToTheLogLineByLine(t *testing.T) {
	store := func(at uint32, v int32) []byte { return cat(i32c(0), i32c(v), mem(0x36, at)) }
	a := importing([]asmImport{{fromWASI, "fd_write", "iiii", "i"}},
		store(64, 1024), cat(i32c(0), get(1), mem(0x36, 68)),
		i32c(2), i32c(64), i32c(1), i32c(80), call(0), op(0x1a), result(80, 4))
	m, log := logged(t, a)
	out, err := ask(m, "first\nsecond")
	if err != nil || binary.LittleEndian.Uint32(out) != 12 {
		t.Errorf("fd_write wrote %x, %v, want 12", out, err)
	}
	if !strings.Contains(log.String(), "msg=first") || !strings.Contains(log.String(), "msg=second") {
		t.Errorf("log %q", log)
	}
}

func TestExitAndAbortAreFaultsWithTheirReason(t *testing.T) {
	m, _ := logged(t, importing([]asmImport{{fromWASI, "proc_exit", "i", ""}}, i32c(3), call(0), result(0, 0)))
	_, err := ask(m, "")
	var f *Fault
	if !errors.As(err, &f) || f.Kind != Exited || !strings.Contains(f.Detail, "proc_exit(3)") {
		t.Errorf("proc_exit: %v", err)
	}
	// The input is an AssemblyScript string: its length stands in the four bytes before.
	a := importing([]asmImport{{"env", "abort", "iiii", ""}}, get(0), i32c(4), op(0x6a), i32c(0), i32c(4), i32c(2), call(0), result(0, 0))
	m, _ = logged(t, a)
	_, err = ask(m, "\x04\x00\x00\x00o\x00h\x00")
	if !errors.As(err, &f) || f.Kind != Trapped || !strings.Contains(f.Detail, `"oh"`) {
		t.Errorf("abort: %v", err)
	}
}
