package wasm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// instance is one instance of a module with its own memory. One goroutine uses it at
// a time.
type instance struct {
	owner  *Module
	mod    api.Module
	memory api.Memory
	fuel   api.MutableGlobal
	alloc  api.Function
	init   api.Function // nil when not exported
	hooks  [hook.Count]api.Function
	// ctx is how host functions find the instance that called them. Making it once
	// saves every call an allocation; it carries no deadline.
	ctx   context.Context
	stack [2]uint64
	// warm is the size of memory after start-up, in bytes; calls counts since then.
	warm  uint32
	calls int64
	// spent is the fuel of all calls that have ended.
	spent int64
	now   turn
}

// turn is what host functions know and leave behind during one call.
type turn struct {
	seed   uint64
	budget int64
	// random is made by the first use.
	random *rand.Rand
	// clock is the frozen time in Unix nanoseconds; 0 until first asked for.
	clock    int64
	rejected *hook.Rejection
	// hook names the call for errors and logs.
	hook string
	// lines counts log lines; line is a begun line of fd_write.
	lines int
	line  []byte
	// value is room for what kv_get reads. Read and wrote are for the recorder.
	value []byte
	read  map[string][]byte
	wrote map[string]bool
}

type instanceKey struct{}

// caller returns the instance that a host function was called from.
func caller(ctx context.Context) *instance { return ctx.Value(instanceKey{}).(*instance) }

// call runs one hook. The result is a view of the guest's memory, valid until the
// instance is used again.
func (g *instance) call(h hook.Hook, seed uint64, in []byte, budget int64) ([]byte, error) {
	g.begin(h.String(), seed, budget)
	view, err := g.exchange(g.hooks[h], in, h.MaxOutput())
	g.end()
	return view, err
}

// begin prepares for a call with this much fuel.
func (g *instance) begin(hook string, seed uint64, budget int64) {
	g.calls++
	g.spent += g.used(g.now.budget)
	g.now = turn{seed: seed, budget: budget, hook: hook, line: g.now.line[:0], value: g.now.value}
	g.fuel.Set(uint64(budget))
}

// end logs what the guest wrote without a line's end.
func (g *instance) end() {
	if len(g.now.line) > 0 {
		g.flushLine()
	}
}

// used is how much of the budget is gone.
func (g *instance) used(budget int64) int64 {
	return budget - max(int64(g.fuel.Get()), 0)
}

// spend takes fuel for the work of a host function.
func (g *instance) spend(n int64) {
	left := int64(g.fuel.Get()) - n
	g.fuel.Set(uint64(left))
	if left < 0 {
		panic(errOutOfFuel)
	}
}

// exchange hands over the input, runs fn and checks what it returns, of which at most
// limit bytes are accepted.
func (g *instance) exchange(fn api.Function, in []byte, limit uint32) ([]byte, error) {
	ptr, err := g.place(in)
	if err != nil {
		return nil, err
	}
	g.stack[0], g.stack[1] = uint64(ptr), uint64(len(in))
	if err := fn.CallWithStack(g.ctx, g.stack[:]); err != nil {
		return nil, g.fault(err)
	}
	if r := g.now.rejected; r != nil {
		return nil, g.rejection(r)
	}
	return g.result(g.stack[0], limit)
}

// rejection is a module's no. A hook that gives it a status which is none of an error's,
// or the one for callers who are gone, still says no: the status is 400 then, and a fault
// is counted.
func (g *instance) rejection(r *hook.Rejection) error {
	if g.now.hook == hook.ExportInit || r.Code >= 400 && r.Code <= 599 && r.Code != hook.StatusClientGone {
		return r
	}
	f := g.wrong(hook.BadResult, "it rejected the call with the status %d, which is none of an error: %s", r.Code, r.Message)
	r.Code, f.Err = http.StatusBadRequest, r
	g.owner.pool.blame()
	return f
}

// place asks the guest for room and copies the input there.
func (g *instance) place(in []byte) (uint32, error) {
	g.stack[0] = uint64(len(in))
	if err := g.alloc.CallWithStack(g.ctx, g.stack[:1]); err != nil {
		return 0, g.fault(err)
	}
	ptr := uint32(g.stack[0])
	if len(in) == 0 { // there is nothing to write
		return ptr, nil
	}
	if ptr == 0 {
		return 0, g.wrong(hook.NoRoom, "%s(%d) returned 0: no room for the input", hook.ExportAlloc, len(in))
	}
	if !g.memory.Write(ptr, in) {
		return 0, g.wrong(hook.NoRoom, "%s(%d) returned %d, outside the memory of %d bytes",
			hook.ExportAlloc, len(in), ptr, g.memory.Size())
	}
	return ptr, nil
}

// result decodes (ptr<<32)|len; a length of 0 means nothing.
func (g *instance) result(packed uint64, limit uint32) ([]byte, error) {
	ptr, n := uint32(packed>>32), uint32(packed)
	if n == 0 {
		return nil, nil
	}
	if n > limit {
		return nil, g.wrong(hook.BadResult, "the result has %d bytes; at most %d are accepted", n, limit)
	}
	view, ok := g.memory.Read(ptr, n)
	if !ok {
		return nil, g.wrong(hook.BadResult, "the result (%d bytes at %d) lies outside the memory of %d bytes",
			n, ptr, g.memory.Size())
	}
	return view, nil
}

func (g *instance) wrong(kind hook.FaultKind, format string, args ...any) *hook.Fault {
	return &hook.Fault{Module: g.owner.name, Hook: g.now.hook, Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// fault classifies the machine's error.
func (g *instance) fault(err error) *hook.Fault {
	f := &hook.Fault{Module: g.owner.name, Hook: g.now.hook, Kind: hook.Trapped, Detail: firstLine(err), Err: err}
	var exit guestExit
	var abort guestAbort
	switch {
	case int64(g.fuel.Get()) < 0:
		f.Kind, f.Detail = hook.OutOfFuel, "it used up its fuel and was stopped"
	case errors.As(err, &exit):
		f.Kind, f.Detail = hook.Exited, exit.Error()
	case errors.As(err, &abort):
		f.Detail = abort.Error()
	}
	return f
}

// start runs the guest's start-up: _initialize and the version. Penstock_init goes on
// with the fuel that is left of it.
func (g *instance) start() error {
	g.begin(hook.ExportInitialize, 0, initFuel)
	defer g.end()
	if fn := g.mod.ExportedFunction(hook.ExportInitialize); fn != nil {
		if err := fn.CallWithStack(g.ctx, nil); err != nil {
			return g.fault(err)
		}
	}
	return g.checkVersion()
}

func (g *instance) checkVersion() error {
	g.now.hook = hook.ExportVersion
	fn := g.mod.ExportedFunction(hook.ExportVersion)
	if err := fn.CallWithStack(g.ctx, g.stack[:1]); err != nil {
		return g.fault(err)
	}
	if v := uint32(g.stack[0]); v>>16 != hook.ABIMajor {
		return fmt.Errorf("it speaks version %d.%d of the contract; this gateway speaks %d.x",
			v>>16, v&0xffff, hook.ABIMajor)
	}
	return nil
}

// configure calls penstock_init, which is also the check of the operator's settings.
func (g *instance) configure(config []byte) error {
	if g.init == nil {
		return nil
	}
	g.now.hook = hook.ExportInit
	defer g.end()
	_, err := g.exchange(g.init, config, hook.MaxRanking)
	return err
}

// seal notes how large the guest is when warm.
func (g *instance) seal() {
	g.warm = g.memory.Size()
	g.calls = 0
}

// close frees the instance. Closing twice is harmless.
func (g *instance) close() {
	_ = g.mod.Close(g.ctx) // wazero reports an error only from a guest's open files
}

// closeIfThere closes an instance that may never have come to be.
func (g *instance) closeIfThere() {
	if g != nil {
		g.close()
	}
}

// text reads a string of the guest's, at most limit bytes of it, as valid UTF-8.
func (g *instance) text(ptr, n, limit uint32) (string, bool) {
	b, ok := g.memory.Read(ptr, n)
	if !ok {
		return "", false
	}
	return strings.ToValidUTF8(string(b[:min(n, limit)]), "\uFFFD"), true
}

// word reads a little-endian u32 of the guest's memory.
func (g *instance) word(ptr uint32) (uint32, bool) {
	b, ok := g.memory.Read(ptr, 4)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b), true
}

// firstLine is what of a machine's error belongs into a one-line message.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(line, "wasm error: ")
}
