package wasm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

func TestMisbehavingModulesFault(t *testing.T) {
	recursion := func(body ...[]byte) asm.Module { // function 3 calls itself
		a := asm.Misbehaving(asm.I32(0), asm.Call(3), asm.Op(0xac))
		a.Funcs = append(a.Funcs, asm.Func{Params: "i", Results: "i", Code: asm.Cat(body...)})
		return a
	}
	tables := func(code ...[]byte) asm.Module {
		a := asm.Misbehaving(asm.Endless(code...))
		a.Tables = [][]byte{{0x70, 0, 10}}
		return a
	}
	long := asm.I32(60_000)
	for _, c := range []struct {
		name  string
		guest asm.Module
		kind  hook.FaultKind
		want  string
	}{
		{"endless loop", asm.Misbehaving(asm.Endless()), hook.OutOfFuel, "fuel"},
		{"endless loop through a forward branch", asm.Misbehaving(asm.Endless(asm.Block(asm.I32(1), asm.BrIf(0)))), hook.OutOfFuel, "fuel"},
		{"deep recursion", recursion(asm.Get(0), asm.Call(3), asm.I32(1), asm.Op(0x6a)), hook.OutOfFuel, "fuel"},
		{"exponential recursion", recursion(
			asm.Get(0), asm.I32(40), asm.Op(0x46, 0x04, 0x7f), asm.I32(1), asm.Op(0x05), // if depth == 40 then 1 else
			asm.Get(0), asm.I32(1), asm.Op(0x6a), asm.Call(3), asm.Get(0), asm.I32(1), asm.Op(0x6a), asm.Call(3), asm.Op(0x6a), asm.Op(asm.End)), hook.OutOfFuel, "fuel"},
		{"mutual recursion through a table", func() asm.Module {
			a := recursion(asm.Get(0), asm.I32(0), asm.Op(0x11, 3, 0)) // the type of function 3, table 0
			a.Tables = [][]byte{{0x70, 0, 1}}
			a.Elements = [][]byte{asm.Cat([]byte{0}, asm.I32(0), []byte{asm.End, 1, 3})}
			return a
		}(), hook.OutOfFuel, "fuel"},
		{"memory.fill storm", asm.Misbehaving(asm.Endless(asm.I32(0), asm.I32(0), long, asm.Op(0xfc, 11, 0))), hook.OutOfFuel, "fuel"},
		{"memory.copy storm", asm.Misbehaving(asm.Endless(asm.I32(0), asm.I32(8), long, asm.Op(0xfc, 10, 0, 0))), hook.OutOfFuel, "fuel"},
		{"table.fill storm", tables(asm.I32(0), asm.Op(0xd0, 0x70), asm.I32(10), asm.Op(0xfc, 17, 0)), hook.OutOfFuel, "fuel"},
		{"table.copy storm", tables(asm.I32(0), asm.I32(0), asm.I32(10), asm.Op(0xfc, 14, 0, 0)), hook.OutOfFuel, "fuel"},
		{"table.grow storm", tables(asm.Op(0xd0, 0x70), asm.I32(1000), asm.Op(0xfc, 15, 0, 0x1a)), hook.OutOfFuel, "fuel"},
		{"one table.grow of billions", tables(asm.Op(0xd0, 0x70), asm.I32(-1), asm.Op(0xfc, 15, 0, 0x1a)), hook.OutOfFuel, "fuel"},
		{"memory bomb, page by page", asm.Misbehaving(asm.Endless(asm.I32(1), asm.Op(0x40, 0, 0x1a))), hook.OutOfFuel, "fuel"},
		{"memory bomb, at once", asm.Misbehaving(asm.Endless(asm.I32(65535), asm.Op(0x40, 0, 0x1a))), hook.OutOfFuel, "fuel"},
		{"memory.grow 0 storm", asm.Misbehaving(asm.Endless(asm.I32(0), asm.Op(0x40, 0, 0x1a))), hook.OutOfFuel, "fuel"},
		{"division storm", asm.Misbehaving(asm.Endless(asm.I64(-1), asm.I64(3), asm.Op(0x7f, 0x1a))), hook.OutOfFuel, "fuel"},
		{"trap", asm.Misbehaving(asm.Op(0x00)), hook.Trapped, "unreachable"},
		{"division by zero", asm.Misbehaving(asm.I64(1), asm.I64(0), asm.Op(0x7f)), hook.Trapped, "divide by zero"},
		{"read outside memory", asm.Misbehaving(asm.I32(-8), asm.Mem(0x29, 0)), hook.Trapped, "out of bounds"},
		{"result outside memory", asm.Misbehaving(asm.Result(70_000, 10)), hook.BadResult, "lies outside the memory"},
		{"result over the end", asm.Misbehaving(asm.Result(65_530, 10)), hook.BadResult, "lies outside the memory"},
		{"huge length", asm.Misbehaving(asm.Result(8, 0xffffffff)), hook.BadResult, "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := load(t, c.guest.Bytes(), func(s *Spec) { s.MaxInstances = 1 })
			began := time.Now()
			for round := range 2 {
				_, fuel, err := m.Call(context.Background(), hook.Route, 1, []byte("!"), nil)
				var f *hook.Fault
				if !errors.As(err, &f) || f.Kind != c.kind || !strings.Contains(f.Detail, c.want) {
					t.Fatalf("round %d: %v, want %s with %q", round, err, c.kind, c.want)
				}
				if c.kind == hook.OutOfFuel && fuel != defaultFuel+defaultPerByte {
					t.Errorf("fuel used = %d, want all of it", fuel)
				}
				out, _, err := m.Call(context.Background(), hook.Route, 1, []byte("fine"), nil)
				if err != nil || string(out) != "fine" {
					t.Fatalf("round %d: the next call: %q, %v", round, out, err)
				}
			}
			t.Logf("%v a round", time.Since(began)/2)
			if s := m.Stats(); s.Faults != 2 || s.Discarded != 2 || s.Calls != 4 || s.Instances > 2 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAGuestWithoutRoomForTheInputFaults(t *testing.T) {
	for want, ptr := range map[string]int32{"no room": 0, "outside the memory": -16} {
		a := asm.Echo()
		a.Funcs[1].Code = asm.I32(ptr)
		_, _, err := load(t, a.Bytes()).Call(context.Background(), hook.Route, 1, []byte("x"), nil)
		var f *hook.Fault
		if !errors.As(err, &f) || f.Kind != hook.NoRoom || !strings.Contains(f.Detail, want) {
			t.Errorf("alloc = %d: %v, want %q", ptr, err, want)
		}
	}
}

func TestEmptyInputsAndResultsNeedNoMemory(t *testing.T) {
	a := asm.Guest(hook.Route, asm.Result(1<<20, 0)) // an answer of no bytes, outside the memory
	a.Funcs[1].Code = asm.I32(0)                     // no room for inputs of no bytes
	for range 2 {
		if out, _, err := load(t, a.Bytes()).Call(t.Context(), hook.Route, 1, nil, nil); err != nil || len(out) != 0 {
			t.Errorf("Call = %q, %v, want no opinion", out, err)
		}
		a.Funcs[1].Code = asm.I32(-16)
	}
}

func TestStartUpHasABudget(t *testing.T) {
	a := asm.Echo()
	a.Funcs = append(a.Funcs, asm.Func{Export: hook.ExportInitialize, Code: asm.Loop(asm.Br(0))})
	if got := refusal(t, Spec{Wasm: a.Bytes()}); !strings.Contains(got, "_initialize: it used up its fuel") {
		t.Errorf("Load: %s", got)
	}
}

func TestMemoryStopsAtTheCap(t *testing.T) {
	// Grows by a page a call and returns 8 bytes: whether the growing failed.
	a := asm.Guest(hook.Route, asm.I32(2048), asm.I32(1), asm.Op(0x40, 0), asm.Mem(0x36, 0), asm.Result(2048, 4))
	m := load(t, a.Bytes(), func(s *Spec) { s.MaxMemory = 4 * pageSize; s.MaxInstances = 1; s.Recycle = 1 << 40 })
	m.pool.shouldReplace = func(*instance) bool { return false }
	var last []byte
	for range 10 {
		var err error
		if last, _, err = m.Call(context.Background(), hook.Route, 1, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if string(last) != "\xff\xff\xff\xff" || m.Stats().Memory != 4*pageSize {
		t.Errorf("memory.grow at the cap gave %x with %d bytes of memory", last, m.Stats().Memory)
	}
}
