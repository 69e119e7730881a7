package wasm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
	"unicode/utf16"

	"github.com/tetratelabs/wazero/api"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// The modules that a guest may import functions from.
const (
	fromPenstock = "penstock"
	fromWASI     = "wasi_snapshot_preview1"
	fromEnv      = "env" // AssemblyScript's runtime
)

// The fuel that host functions cost, and the bounds of what they take.
const (
	costLog      = 2000 // logging a line takes a few microseconds
	costHost     = 100
	maxLogLines  = 16   // per call
	maxLogBytes  = 1024 // per line
	maxRejection = 1024 // bytes
)

var errOutOfFuel = errors.New("out of fuel")

// guestExit is proc_exit: the guest may not end the process, so it ends the call.
type guestExit uint32

func (e guestExit) Error() string { return fmt.Sprintf("it called proc_exit(%d)", uint32(e)) }

// guestAbort is AssemblyScript's abort.
type guestAbort string

func (e guestAbort) Error() string { return "it aborted: " + string(e) }

var errBadPointer = errors.New("it passed a pointer outside its memory to the host")

// hostFunc is a function that guests may import.
type hostFunc struct {
	params, results []api.ValueType
	// grant is the grant that it needs; empty for none.
	grant string
	call  func(g *instance, stack []uint64)
}

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
	f64 = api.ValueTypeF64
)

// penstockFuncs is the contract's module "penstock".
func penstockFuncs() map[string]hostFunc {
	return map[string]hostFunc{
		"log":        {params: []api.ValueType{i32, i32, i32}, call: hostLog},
		"error":      {params: []api.ValueType{i32, i32, i32}, call: hostError},
		"now_ms":     {results: []api.ValueType{i64}, grant: hook.GrantClock, call: hostNow},
		"random_u64": {results: []api.ValueType{i64}, grant: hook.GrantRandom, call: hostRandom},
		"metric_add": {params: []api.ValueType{i32, i32, f64}, grant: hook.GrantMetrics, call: hostMetric},
		"kv_get": {params: []api.ValueType{i32, i32, i32, i32}, results: []api.ValueType{i32}, grant: hook.GrantKV,
			call: hostGet},
		"kv_set": {params: []api.ValueType{i32, i32, i32, i32, i32}, results: []api.ValueType{i32}, grant: hook.GrantKV,
			call: hostSet},
	}
}

// envFuncs is the module "env" as far as AssemblyScript needs it.
func envFuncs() map[string]hostFunc {
	return map[string]hostFunc{"abort": {params: []api.ValueType{i32, i32, i32, i32}, call: hostAbort}}
}

// hostLog is log(level, ptr, len): level 0 debug, 1 info, 2 warn, 3 error.
func hostLog(g *instance, stack []uint64) {
	level, ptr, n := uint32(stack[0]), uint32(stack[1]), uint32(stack[2])
	g.chargeFuel(costLog)
	text, ok := g.readText(ptr, n, maxLogBytes)
	if !ok {
		panic(errBadPointer)
	}
	levels := [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	g.log(levels[min(int(level), len(levels)-1)], text)
}

// log logs one line of the guest's, up to maxLogLines per call.
func (g *instance) log(level slog.Level, text string) {
	g.state.lines++
	switch {
	case g.state.lines < maxLogLines:
		g.module.pool.log.Log(g.ctx, level, hook.Printable(text), "hook", g.state.hook)
	case g.state.lines == maxLogLines:
		g.module.pool.log.Log(g.ctx, slog.LevelWarn, "the module logs too much; the rest of this call is dropped",
			"hook", g.state.hook)
	}
}

// hostError is error(code, ptr, len): it rejects the call with this message.
func hostError(g *instance, stack []uint64) {
	g.chargeFuel(costHost)
	text, ok := g.readText(uint32(stack[1]), uint32(stack[2]), maxRejection)
	if !ok {
		panic(errBadPointer)
	}
	g.state.rejected = &hook.Rejection{Module: g.module.name, Hook: g.state.hook, Code: int(int32(stack[0])), Message: hook.Printable(text)}
}

// hostNow is now_ms(): the time in Unix milliseconds, the same for the whole call.
func hostNow(g *instance, stack []uint64) {
	g.chargeFuel(costHost)
	stack[0] = uint64(g.clock() / int64(time.Millisecond))
}

// hostRandom is random_u64(): a function of the request and the module.
func hostRandom(g *instance, stack []uint64) {
	g.chargeFuel(costHost)
	stack[0] = g.randomness().Uint64()
}

// hostAbort is AssemblyScript's abort(message, file, line, column).
func hostAbort(g *instance, stack []uint64) {
	panic(guestAbort(fmt.Sprintf("%q in %s:%d:%d", g.utf16(uint32(stack[0])), g.utf16(uint32(stack[1])),
		uint32(stack[2]), uint32(stack[3]))))
}

// utf16 reads an AssemblyScript string, whose length in bytes comes before it.
func (g *instance) utf16(ptr uint32) string {
	n, ok := g.readU32(ptr - 4)
	if ptr < 4 || !ok {
		return ""
	}
	b, ok := g.memory.Read(ptr, min(n, maxLogBytes)&^1)
	if !ok {
		return ""
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}
	return string(utf16.Decode(units))
}

// clock returns the call's time in Unix nanoseconds, the same for the whole call and in whole
// milliseconds, so that a recorded call can be repeated. Without the grant it is always one
// second after the epoch: runtimes refuse to start at zero.
func (g *instance) clock() int64 {
	if !g.module.grants.Has(hook.GrantClock) {
		return int64(time.Second)
	}
	if g.state.clock == 0 {
		g.state.clock = g.module.now().UnixMilli() * int64(time.Millisecond)
	}
	return g.state.clock
}

// randomness returns the call's generator, seeded by the request and the module's digest.
func (g *instance) randomness() *rand.Rand {
	if g.state.random == nil {
		g.state.random = rand.New(rand.NewPCG(g.state.seed, g.module.salt))
	}
	return g.state.random
}

// goFunc adapts a host function to wazero.
func (f hostFunc) goFunc() api.GoModuleFunction {
	return api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		f.call(caller(ctx), stack)
	})
}
