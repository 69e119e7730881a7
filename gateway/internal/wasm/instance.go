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
	module *Module
	mod    api.Module
	memory api.Memory
	fuel   api.MutableGlobal
	alloc  api.Function
	init   api.Function // nil when not exported
	hooks  [hook.Count]api.Function
	// ctx carries the instance to host functions. Making it once saves every call an
	// allocation; it has no deadline.
	ctx   context.Context
	stack [2]uint64
	// baseline is the size of memory after start-up, in bytes; calls counts since then.
	baseline uint32
	calls    int64
	// fuelBefore is the fuel of all calls that have ended.
	fuelBefore int64
	state      callState
}

// callState is what host functions read and write during one call.
type callState struct {
	seed   uint64
	budget int64
	// random is nil until first used.
	random *rand.Rand
	// clock is the call's time in Unix nanoseconds; 0 until first read.
	clock    int64
	rejected *hook.Rejection
	// hook names the call for errors and logs.
	hook string
	// lines counts log lines; line is an unfinished line of fd_write.
	lines int
	line  []byte
	// value is a buffer for kv_get. read and wrote are for the recorder.
	value []byte
	read  map[string][]byte
	wrote map[string]bool
}

type instanceKey struct{}

// caller returns the instance that called a host function.
func caller(ctx context.Context) *instance { return ctx.Value(instanceKey{}).(*instance) }

// call runs one hook. The result is a view of the guest's memory, valid until the
// instance is used again.
func (g *instance) call(h hook.Hook, seed uint64, in []byte, budget int64) ([]byte, error) {
	g.beginCall(h.String(), seed, budget)
	view, err := g.invoke(g.hooks[h], in, h.MaxOutput())
	g.endCall()
	return view, err
}

// beginCall resets the call's state and sets its fuel.
func (g *instance) beginCall(hook string, seed uint64, budget int64) {
	g.calls++
	g.fuelBefore += g.fuelUsed(g.state.budget)
	g.state = callState{seed: seed, budget: budget, hook: hook, line: g.state.line[:0], value: g.state.value}
	g.fuel.Set(uint64(budget))
}

// endCall logs an unfinished line.
func (g *instance) endCall() {
	if len(g.state.line) > 0 {
		g.flushLine()
	}
}

// fuelUsed returns how much of the budget has been used.
func (g *instance) fuelUsed(budget int64) int64 {
	return budget - max(int64(g.fuel.Get()), 0)
}

// chargeFuel charges for the work of a host function.
func (g *instance) chargeFuel(n int64) {
	left := int64(g.fuel.Get()) - n
	g.fuel.Set(uint64(left))
	if left < 0 {
		panic(errOutOfFuel)
	}
}

// invoke writes the input, runs fn and reads its result of at most limit bytes.
func (g *instance) invoke(fn api.Function, in []byte, limit uint32) ([]byte, error) {
	ptr, err := g.writeInput(in)
	if err != nil {
		return nil, err
	}
	g.stack[0], g.stack[1] = uint64(ptr), uint64(len(in))
	if err := fn.CallWithStack(g.ctx, g.stack[:]); err != nil {
		return nil, g.fault(err)
	}
	if r := g.state.rejected; r != nil {
		return nil, g.rejection(r)
	}
	return g.readResult(g.stack[0], limit)
}

// rejection returns the error of a rejected call. A hook's status that is not one of an
// error, or is the one for callers who hung up, still rejects: with 400, and as a fault.
func (g *instance) rejection(r *hook.Rejection) error {
	if g.state.hook == hook.ExportInit || r.Code >= 400 && r.Code <= 599 && r.Code != hook.StatusClientGone {
		return r
	}
	f := g.faultf(hook.BadResult, "it rejected the call with %d, which is not an error status: %s", r.Code, r.Message)
	r.Code, f.Err = http.StatusBadRequest, r
	g.module.pool.countFault()
	return f
}

// writeInput has the guest allocate memory and copies the input there.
func (g *instance) writeInput(in []byte) (uint32, error) {
	g.stack[0] = uint64(len(in))
	if err := g.alloc.CallWithStack(g.ctx, g.stack[:1]); err != nil {
		return 0, g.fault(err)
	}
	ptr := uint32(g.stack[0])
	if len(in) == 0 { // there is nothing to write
		return ptr, nil
	}
	if ptr == 0 {
		return 0, g.faultf(hook.NoRoom, "%s(%d) returned 0: no room for the input", hook.ExportAlloc, len(in))
	}
	if !g.memory.Write(ptr, in) {
		return 0, g.faultf(hook.NoRoom, "%s(%d) returned %d, outside the memory of %d bytes",
			hook.ExportAlloc, len(in), ptr, g.memory.Size())
	}
	return ptr, nil
}

// readResult decodes (ptr<<32)|len; a length of 0 is an empty result.
func (g *instance) readResult(packed uint64, limit uint32) ([]byte, error) {
	ptr, n := uint32(packed>>32), uint32(packed)
	if n == 0 {
		return nil, nil
	}
	if n > limit {
		return nil, g.faultf(hook.BadResult, "the result has %d bytes; at most %d are accepted", n, limit)
	}
	view, ok := g.memory.Read(ptr, n)
	if !ok {
		return nil, g.faultf(hook.BadResult, "the result (%d bytes at %d) lies outside the memory of %d bytes",
			n, ptr, g.memory.Size())
	}
	return view, nil
}

// faultf returns a fault of the current call.
func (g *instance) faultf(kind hook.FaultKind, format string, args ...any) *hook.Fault {
	return &hook.Fault{Module: g.module.name, Hook: g.state.hook, Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// fault classifies an error of wazero's.
func (g *instance) fault(err error) *hook.Fault {
	f := &hook.Fault{Module: g.module.name, Hook: g.state.hook, Kind: hook.Trapped, Detail: firstLine(err), Err: err}
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

// start runs the guest's start-up: _initialize and the version. penstock_init uses the fuel
// that is left of it.
func (g *instance) start() error {
	g.beginCall(hook.ExportInitialize, 0, initFuel)
	defer g.endCall()
	if fn := g.mod.ExportedFunction(hook.ExportInitialize); fn != nil {
		if err := fn.CallWithStack(g.ctx, nil); err != nil {
			return g.fault(err)
		}
	}
	return g.checkVersion()
}

func (g *instance) checkVersion() error {
	g.state.hook = hook.ExportVersion
	fn := g.mod.ExportedFunction(hook.ExportVersion)
	if err := fn.CallWithStack(g.ctx, g.stack[:1]); err != nil {
		return g.fault(err)
	}
	if v := uint32(g.stack[0]); v>>16 != hook.ABIMajor {
		return fmt.Errorf("it implements version %d.%d of the contract; this gateway implements %d.x",
			v>>16, v&0xffff, hook.ABIMajor)
	}
	return nil
}

// configure calls penstock_init, which also checks the operator's settings.
func (g *instance) configure(config []byte) error {
	if g.init == nil {
		return nil
	}
	g.state.hook = hook.ExportInit
	defer g.endCall()
	_, err := g.invoke(g.init, config, hook.MaxRanking)
	return err
}

// recordBaseline records the size of the memory after start-up.
func (g *instance) recordBaseline() {
	g.baseline = g.memory.Size()
	g.calls = 0
}

// close frees the instance. Closing twice is harmless.
func (g *instance) close() {
	_ = g.mod.Close(g.ctx) // wazero reports an error only from a guest's open files
}

// closeIfAny closes an instance that may be nil.
func (g *instance) closeIfAny() {
	if g != nil {
		g.close()
	}
}

// readText reads at most limit bytes of a guest's string, as valid UTF-8.
func (g *instance) readText(ptr, n, limit uint32) (string, bool) {
	b, ok := g.memory.Read(ptr, n)
	if !ok {
		return "", false
	}
	return strings.ToValidUTF8(string(b[:min(n, limit)]), "\uFFFD"), true
}

// readU32 reads a little-endian u32 from the guest's memory.
func (g *instance) readU32(ptr uint32) (uint32, bool) {
	b, ok := g.memory.Read(ptr, 4)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b), true
}

// firstLine is the first line of an error of wazero's, which the stack of guest functions
// follows.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(line, "wasm error: ")
}
