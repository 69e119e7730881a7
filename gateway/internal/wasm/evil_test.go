package wasm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// evil is an echo that does something else when its input begins with "!".
func evil(deed ...[]byte) asm {
	a := echo()
	good := a.funcs[2].code
	a.funcs[2].code = cat(get(0), mem(0x2d, 0), i32c('!'), op(0x46, 0x04, 0x7e), cat(deed...), op(0x05), good, op(opEnd))
	return a
}

// storm repeats a bulk instruction on a large range for ever, then satisfies the
// arm's type.
func storm(code ...[]byte) []byte { return cat(loop(cat(code...), br(0)), result(0, 0)) }

func TestEvilModulesLoseTheirOpinionAndNothingElse(t *testing.T) {
	recursion := func(body ...[]byte) asm { // function 3 calls itself
		a := evil(i32c(0), call(3), op(0xac))
		a.funcs = append(a.funcs, asmFunc{params: "i", results: "i", code: cat(body...)})
		return a
	}
	tables := func(code ...[]byte) asm {
		a := evil(storm(code...))
		a.tables = [][]byte{{0x70, 0, 10}}
		return a
	}
	long := i32c(60_000)
	for _, c := range []struct {
		name  string
		guest asm
		kind  FaultKind
		want  string
	}{
		{"endless loop", evil(storm()), OutOfFuel, "fuel"},
		{"endless loop through a forward branch", evil(storm(block(i32c(1), brIf(0)))), OutOfFuel, "fuel"},
		{"deep recursion", recursion(get(0), call(3), i32c(1), op(0x6a)), OutOfFuel, "fuel"},
		{"exponential recursion", recursion(
			get(0), i32c(40), op(0x46, 0x04, 0x7f), i32c(1), op(0x05), // if depth == 40 then 1 else
			get(0), i32c(1), op(0x6a), call(3), get(0), i32c(1), op(0x6a), call(3), op(0x6a), op(opEnd)), OutOfFuel, "fuel"},
		{"mutual recursion through a table", func() asm {
			a := recursion(get(0), i32c(0), op(0x11, 3, 0)) // the type of function 3, table 0
			a.tables = [][]byte{{0x70, 0, 1}}
			a.elements = [][]byte{cat([]byte{0}, i32c(0), []byte{opEnd, 1, 3})}
			return a
		}(), OutOfFuel, "fuel"},
		{"memory.fill storm", evil(storm(i32c(0), i32c(0), long, op(0xfc, 11, 0))), OutOfFuel, "fuel"},
		{"memory.copy storm", evil(storm(i32c(0), i32c(8), long, op(0xfc, 10, 0, 0))), OutOfFuel, "fuel"},
		{"table.fill storm", tables(i32c(0), op(0xd0, 0x70), i32c(10), op(0xfc, 17, 0)), OutOfFuel, "fuel"},
		{"table.copy storm", tables(i32c(0), i32c(0), i32c(10), op(0xfc, 14, 0, 0)), OutOfFuel, "fuel"},
		{"table.grow storm", tables(op(0xd0, 0x70), i32c(1000), op(0xfc, 15, 0, 0x1a)), OutOfFuel, "fuel"},
		{"one table.grow of billions", tables(op(0xd0, 0x70), i32c(-1), op(0xfc, 15, 0, 0x1a)), OutOfFuel, "fuel"},
		{"memory bomb, page by page", evil(storm(i32c(1), op(0x40, 0, 0x1a))), OutOfFuel, "fuel"},
		{"memory bomb, at once", evil(storm(i32c(65535), op(0x40, 0, 0x1a))), OutOfFuel, "fuel"},
		{"memory.grow 0 storm", evil(storm(i32c(0), op(0x40, 0, 0x1a))), OutOfFuel, "fuel"},
		{"division storm", evil(storm(i64c(-1), i64c(3), op(0x7f, 0x1a))), OutOfFuel, "fuel"},
		{"trap", evil(op(0x00)), Trapped, "unreachable"},
		{"division by zero", evil(i64c(1), i64c(0), op(0x7f)), Trapped, "divide by zero"},
		{"read outside memory", evil(i32c(-8), mem(0x29, 0)), Trapped, "out of bounds"},
		{"result outside memory", evil(result(70_000, 10)), BadResult, "lies outside the memory"},
		{"result over the end", evil(result(65_530, 10)), BadResult, "lies outside the memory"},
		{"huge length", evil(result(8, 0xffffffff)), BadResult, "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := load(t, c.guest.bytes(), func(s *Spec) { s.MaxInstances = 1 })
			began := time.Now()
			for round := range 2 {
				_, fuel, err := m.Call(context.Background(), Route, 1, []byte("!"), nil)
				var f *Fault
				if !errors.As(err, &f) || f.Kind != c.kind || !strings.Contains(f.Detail, c.want) {
					t.Fatalf("round %d: %v, want %s with %q", round, err, c.kind, c.want)
				}
				if c.kind == OutOfFuel && fuel != defaultFuel+defaultPerByte {
					t.Errorf("fuel used = %d, want all of it", fuel)
				}
				out, _, err := m.Call(context.Background(), Route, 1, []byte("fine"), nil)
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
		a := echo()
		a.funcs[1].code = i32c(ptr)
		_, _, err := load(t, a.bytes()).Call(context.Background(), Route, 1, []byte("x"), nil)
		var f *Fault
		if !errors.As(err, &f) || f.Kind != NoRoom || !strings.Contains(f.Detail, want) {
			t.Errorf("alloc = %d: %v, want %q", ptr, err, want)
		}
	}
}

func TestNothingHasNoPlace(t *testing.T) {
	a := guest(Route, result(1<<20, 0)) // an answer of no bytes, outside the memory
	a.funcs[1].code = i32c(0)           // no room for inputs of no bytes
	for range 2 {
		if out, _, err := load(t, a.bytes()).Call(t.Context(), Route, 1, nil, nil); err != nil || len(out) != 0 {
			t.Errorf("Call = %q, %v, want no opinion", out, err)
		}
		a.funcs[1].code = i32c(-16)
	}
}

func TestStartUpHasABudget(t *testing.T) {
	a := echo()
	a.funcs = append(a.funcs, asmFunc{export: exportInitialize, code: loop(br(0))})
	if got := refusal(t, Spec{Wasm: a.bytes()}); !strings.Contains(got, "_initialize: it used up its fuel") {
		t.Errorf("Load: %s", got)
	}
}

func TestMemoryStopsAtTheCap(t *testing.T) {
	// Grows by a page a call and returns 8 bytes: whether the growing failed.
	a := guest(Route, i32c(2048), i32c(1), op(0x40, 0), mem(0x36, 0), result(2048, 4))
	m := load(t, a.bytes(), func(s *Spec) { s.MaxMemory = 4 * pageSize; s.MaxInstances = 1; s.Recycle = 1 << 40 })
	m.pool.worn = func(*instance) bool { return false }
	var last []byte
	for range 10 {
		var err error
		if last, _, err = m.Call(context.Background(), Route, 1, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if string(last) != "\xff\xff\xff\xff" || m.Stats().Memory != 4*pageSize {
		t.Errorf("memory.grow at the cap gave %x with %d bytes of memory", last, m.Stats().Memory)
	}
}
