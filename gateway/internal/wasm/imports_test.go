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

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// logged loads a module and returns the buffer that it logs to.
func logged(t *testing.T, a asm.Module, grants ...string) (*Module, *bytes.Buffer) {
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
	m, err := h.Load(context.Background(), Spec{Name: "talker", Wasm: a.Bytes(), Grants: grants, MaxInstances: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m, &b
}

func ask(m *Module, in string) ([]byte, error) {
	out, _, err := m.Call(context.Background(), hook.Route, 7, []byte(in), nil)
	return out, err
}

func TestLogReachesTheLogWithItsLevel(t *testing.T) {
	a := asm.Importing([]asm.Import{{Module: "penstock", Name: "log", Params: "iii", Results: ""}}, asm.I32(2), asm.Get(0), asm.Get(1), asm.Call(0), asm.Result(0, 0))
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

func TestLogLinesAreBounded(t *testing.T) {
	a := asm.Importing([]asm.Import{{Module: "penstock", Name: "log", Params: "iii", Results: ""}},
		asm.Loop(asm.I32(1), asm.Get(0), asm.Get(1), asm.Call(0), asm.Br(0)), asm.Result(0, 0))
	m, log := logged(t, a)
	_, err := ask(m, "again")
	var f *hook.Fault
	if !errors.As(err, &f) || f.Kind != hook.OutOfFuel {
		t.Errorf("Call = %v, want out of fuel", err)
	}
	if n := strings.Count(log.String(), " hook="); n != maxLogLines {
		t.Errorf("%d log lines, want %d", n, maxLogLines)
	}
}

func TestErrorRejectsTheCall(t *testing.T) {
	a := asm.Importing([]asm.Import{{Module: "penstock", Name: "error", Params: "iii", Results: ""}}, asm.I32(422), asm.Get(0), asm.Get(1), asm.Call(0), asm.Result(0, 0))
	m, _ := logged(t, a)
	_, err := ask(m, "no audio here")
	var r *hook.Rejection
	if !errors.As(err, &r) || r.Code != 422 || r.Message != "no audio here" {
		t.Errorf("Call = %v, want a rejection", err)
	}
	if s := m.Stats(); s.Rejections != 1 || s.Faults != 0 || s.Discarded != 0 {
		t.Errorf("%+v: a rejection is not a fault", s)
	}
}

func TestABadPointerToTheHostIsAFault(t *testing.T) {
	for _, name := range []string{"log", "error"} {
		a := asm.Importing([]asm.Import{{Module: "penstock", Name: name, Params: "iii"}}, asm.I32(1), asm.I32(-4), asm.I32(100), asm.Call(0), asm.Result(0, 0))
		m, _ := logged(t, a)
		_, err := ask(m, "")
		if err == nil || !strings.Contains(err.Error(), errBadPointer.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// returning is code that returns the i64 on the stack as eight bytes.
func returning(code ...[]byte) []byte {
	return asm.Cat(asm.I32(2048), asm.Cat(code...), asm.Mem(0x37, 0), asm.Result(2048, 8))
}

func TestRandomnessFollowsTheSeed(t *testing.T) {
	a := asm.Importing([]asm.Import{{Module: "penstock", Name: "random_u64", Params: "", Results: "I"}}, returning(asm.Call(0)))
	m, _ := logged(t, a, hook.GrantRandom)
	draw := func(seed uint64) string {
		out, _, err := m.Call(context.Background(), hook.Route, seed, nil, nil)
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
	a := asm.Importing([]asm.Import{{Module: fromWASI, Name: "clock_time_get", Params: "iIi", Results: "i"}, {Module: "penstock", Name: "now_ms", Params: "", Results: "I"}},
		asm.I32(0), asm.I64(0), asm.I32(4096), asm.Call(0), asm.Op(0x1a), returning(asm.I32(4096), asm.Mem(0x29, 0)))
	a.Imports = a.Imports[:1]
	m, _ := logged(t, a)
	out, err := ask(m, "")
	if err != nil || binary.LittleEndian.Uint64(out) != 1e9 {
		t.Errorf("clock_time_get = %x, %v, want one second", out, err)
	}
	a = asm.Importing([]asm.Import{{Module: "penstock", Name: "now_ms", Params: "", Results: "I"}}, returning(asm.Call(0)))
	m, _ = logged(t, a, hook.GrantClock)
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
		{"path_open", "iiiiiIIii", asm.Cat(asm.I32(3), asm.I32(0), asm.I32(0), asm.I32(0), asm.I32(0), asm.I64(0), asm.I64(0), asm.I32(0), asm.I32(0)), wasiBadF},
		{"fd_prestat_get", "ii", asm.Cat(asm.I32(3), asm.I32(0)), wasiBadF},
		{"sock_accept", "iii", asm.Cat(asm.I32(3), asm.I32(0), asm.I32(0)), wasiBadF},
		{"poll_oneoff", "iiii", asm.Cat(asm.I32(0), asm.I32(0), asm.I32(0), asm.I32(0)), wasiNoSys},
		{"environ_sizes_get", "ii", asm.Cat(asm.I32(8), asm.I32(16)), wasiOK},
		{"environ_sizes_get", "ii", asm.Cat(asm.I32(-1), asm.I32(16)), wasiFault},
		{"args_get", "ii", asm.Cat(asm.I32(8), asm.I32(16)), wasiOK},
		{"random_get", "ii", asm.Cat(asm.I32(-1), asm.I32(16)), wasiFault},
		{"clock_res_get", "ii", asm.Cat(asm.I32(0), asm.I32(16)), wasiOK},
		{"fd_write", "iiii", asm.Cat(asm.I32(5), asm.I32(0), asm.I32(0), asm.I32(0)), wasiBadF},
	} {
		a := asm.Importing([]asm.Import{{Module: fromWASI, Name: c.name, Params: c.params, Results: "i"}}, returning(c.code, asm.Call(0), asm.Op(0xad)))
		m, _ := logged(t, a)
		out, err := ask(m, "")
		if err != nil || binary.LittleEndian.Uint32(out) != c.want {
			t.Errorf("%s = %x, %v, want %d", c.name, out, err, c.want)
		}
	}
}

func TestFdWriteGoesToTheLogLineByLine(t *testing.T) {
	store := func(at uint32, v int32) []byte { return asm.Cat(asm.I32(0), asm.I32(v), asm.Mem(0x36, at)) }
	a := asm.Importing([]asm.Import{{Module: fromWASI, Name: "fd_write", Params: "iiii", Results: "i"}},
		store(64, 1024), asm.Cat(asm.I32(0), asm.Get(1), asm.Mem(0x36, 68)),
		asm.I32(2), asm.I32(64), asm.I32(1), asm.I32(80), asm.Call(0), asm.Op(0x1a), asm.Result(80, 4))
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
	m, _ := logged(t, asm.Importing([]asm.Import{{Module: fromWASI, Name: "proc_exit", Params: "i", Results: ""}}, asm.I32(3), asm.Call(0), asm.Result(0, 0)))
	_, err := ask(m, "")
	var f *hook.Fault
	if !errors.As(err, &f) || f.Kind != hook.Exited || !strings.Contains(f.Detail, "proc_exit(3)") {
		t.Errorf("proc_exit: %v", err)
	}
	// The input is an AssemblyScript string: its length is in the four bytes before it.
	a := asm.Importing([]asm.Import{{Module: "env", Name: "abort", Params: "iiii", Results: ""}}, asm.Get(0), asm.I32(4), asm.Op(0x6a), asm.I32(0), asm.I32(4), asm.I32(2), asm.Call(0), asm.Result(0, 0))
	m, _ = logged(t, a)
	_, err = ask(m, "\x04\x00\x00\x00o\x00h\x00")
	if !errors.As(err, &f) || f.Kind != hook.Trapped || !strings.Contains(f.Detail, `"oh"`) {
		t.Errorf("abort: %v", err)
	}
}
