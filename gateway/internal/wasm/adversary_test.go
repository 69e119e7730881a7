package wasm

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// importOf is an echo with an import that is not a function.
func importOf(kind byte, what ...byte) []byte {
	wasm := asm.Echo().Bytes()
	entry := asm.Cat(asm.Sized([]byte("env")), asm.Sized([]byte("x")), []byte{kind}, what)
	section := asm.Section(2, asm.Vec(entry))
	types := 8 + 2 + int(wasm[9]) // the header, and the section of types with its head
	return asm.Cat(wasm[:types], section, wasm[types:])
}

func TestLoadRefusesImportsThatAreNotFunctions(t *testing.T) {
	for want, wasm := range map[string][]byte{
		"imports the memory env.x": importOf(2, 0, 1),
		"imports the table env.x":  importOf(1, 0x70, 0, 1),
		"imports the global env.x": importOf(3, 0x7e, 1),
	} {
		if got := refusal(t, Spec{Wasm: wasm}); !strings.Contains(got, want) {
			t.Errorf("Load: %s, want %q in it", got, want)
		}
	}
}

func TestLoadRefusesInstructionsOfLaterVersions(t *testing.T) {
	for name, code := range map[string][]byte{
		"relaxed SIMD":   {0xfd, 0x80, 0x02},
		"try":            {0x06, 0x40},
		"throw":          {0x08, 0},
		"try_table":      {0x1f, 0x40, 0},
		"call_ref":       {0x14, 0},
		"garbage":        {0xfb, 0},
		"wide":           {0xfc, 19},
		"return_call":    {0x12, 0},
		"tail, indirect": {0x13, 0, 0},
	} {
		a := asm.Echo()
		a.Funcs[0].Code = code
		if got := refusal(t, Spec{Wasm: a.Bytes()}); !strings.Contains(got, "unknown instruction") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestAResultMayOverlapTheInput(t *testing.T) {
	// The result overlaps the end of the input.
	a := asm.Guest(hook.Route, asm.Get(0), asm.I32(2), asm.Op(0x6a, 0xad), asm.I64(32), asm.Op(0x86), asm.Get(1), asm.Op(0xad, 0x84))
	m := load(t, a.Bytes())
	for _, in := range []string{"abcd", "efgh"} {
		out, err := ask(m, in)
		if err != nil || string(out) != in[2:]+"\x00\x00" {
			t.Errorf("Call(%q) = %q, %v", in, out, err)
		}
	}
}

func TestAResultIsCopiedBeforeTheNextCall(t *testing.T) {
	m := load(t, asm.Echo().Bytes(), func(s *Spec) { s.MaxInstances = 1 })
	first, err1 := ask(m, "first")
	second, err2 := ask(m, "other")
	if string(first) != "first" || string(second) != "other" || err1 != nil || err2 != nil {
		t.Errorf("%q, then %q (%v, %v)", first, second, err1, err2)
	}
}

func TestAGuestThatKeepsGrowingIsRecycled(t *testing.T) {
	a := asm.Guest(hook.Route, asm.I32(1), asm.Op(0x40, 0, 0x1a), asm.Result(0, 0))
	m := load(t, a.Bytes(), func(s *Spec) { s.MaxInstances = 1; s.Recycle = 1 << 40 })
	for range 200 {
		if _, err := ask(m, ""); err != nil {
			t.Fatal(err)
		}
		if s := m.Stats(); s.Recycled > 0 {
			return
		}
	}
	t.Errorf("%+v: it was never replaced", m.Stats())
}

func TestALineOfAStreamThatIsNotUTF8IsAFault(t *testing.T) {
	_, err := dialect(t, hook.NormalizeEvent, frame("", "{\"a\":\"\xff\"}")).Events(context.Background(), hook.ProviderStream{Target: someTarget})
	if err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("Events = %v", err)
	}
}

// TestTenThousandStreamsShareAFewInstances: the host keeps the state of streams, so that open
// streams need no instances.
func TestTenThousandStreamsShareAFewInstances(t *testing.T) {
	streams := 10_000
	if testing.Short() {
		streams = 500
	}
	// The state is the input's state and the data of the opening, which is not empty.
	a := asm.Echo()
	a.Funcs[2].Export = hook.NormalizeEvent.String()
	m := load(t, a.Bytes(), func(s *Spec) { s.MaxInstances = 4 })
	open := make([]*streamState, streams)
	for i := range open {
		open[i] = &streamState{module: m, hook: hook.NormalizeEvent, state: fmt.Appendf(nil, "stream %d", i)}
	}
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < streams; i += 16 {
				for _, data := range []string{"one", "two"} {
					got, err := open[i].next(context.Background(), "e", []byte(data))
					if err != nil || string(got) != "e\n"+data || !bytes.Equal(open[i].state, fmt.Appendf(nil, "stream %d", i)) {
						t.Errorf("stream %d: %q, %v, state %q", i, got, err, open[i].state)
					}
				}
			}
		})
	}
	wg.Wait()
	if s := m.Stats(); s.Instances > 5 || s.Calls != int64(2*streams) {
		t.Errorf("%+v, want at most 4 instances and a spare", s)
	}
}

// TestARankingNamesEachCandidateOnce: whatever a flat router returns, the order names each
// candidate at most once.
func TestARankingNamesEachCandidateOnce(t *testing.T) {
	for name, answer := range map[string][]byte{
		"the same one four times": asm.Cat(asm.Entry(1, 0, 1), asm.Entry(1, 0, 2), asm.Entry(1, 0, 3), asm.Entry(1, 0, 4)),
		"dropped and ranked":      asm.Cat(asm.Entry(0, 1, 0), asm.Entry(0, 0, 5), asm.Entry(2, 0, 1)),
		"all flags":               asm.Cat(asm.Entry(3, 0xffffffff, 1), asm.Entry(2, 0xfffffffe, 1)),
	} {
		got := ranker(t, asm.Answering(hook.RouteFlat, answer).Bytes(), at(3000)).Rank(context.Background(), &llm.Request{}, four())
		seen := map[int]bool{}
		for _, i := range got.Order {
			if i < 0 || i > 3 || seen[i] {
				t.Errorf("%s: order %v", name, got.Order)
			}
			seen[i] = true
		}
		if len(got.Order) == 0 || got.Fault != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(asm.Echo().Bytes())
	f.Add(saying(f, `{"name":"x","tests":[{"hook":"init"}]}`))
	f.Add(custom(asm.Echo().Bytes(), "producers", "\x01\x08language\x01\x02Go\x00"))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		s, err := Inspect(wasm, anyTests)
		if err != nil || len(s.Faults) > 0 {
			return
		}
		o, err := fuel.Parse(wasm)
		if err != nil {
			t.Fatalf("Parse: %v after an inspection without faults", err)
		}
		if _, err := o.Instrument(fuel.PerStretch); err != nil {
			t.Fatalf("Instrument: %v after an inspection without faults", err)
		}
	})
}
