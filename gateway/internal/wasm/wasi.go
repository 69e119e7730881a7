package wasm

import (
	"encoding/binary"
	"log/slog"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
)

// The error numbers of WASI preview 1 that the stub returns.
const (
	wasiOK    = 0
	wasiBadF  = 8
	wasiFault = 21
	wasiNoSys = 52
)

// wasiFuncs is WASI preview 1 for guests that can't start without it, such as Go's: there are
// no arguments, no environment, no files and no sockets, the time is the same during a call,
// and what is written to the standard streams is logged.
func wasiFuncs() map[string]hostFunc {
	sizes := hostFunc{params: []api.ValueType{i32, i32}, results: []api.ValueType{i32}, call: wasiSizes}
	none := hostFunc{params: []api.ValueType{i32, i32}, results: []api.ValueType{i32}, call: wasiAnswer(wasiOK)}
	return map[string]hostFunc{
		"args_sizes_get":    sizes,
		"environ_sizes_get": sizes,
		"args_get":          none,
		"environ_get":       none,
		"sched_yield":       {results: []api.ValueType{i32}, call: wasiAnswer(wasiOK)},
		"clock_time_get":    {params: []api.ValueType{i32, i64, i32}, results: []api.ValueType{i32}, call: wasiClock},
		"clock_res_get":     {params: []api.ValueType{i32, i32}, results: []api.ValueType{i32}, call: wasiResolution},
		"random_get":        {params: []api.ValueType{i32, i32}, results: []api.ValueType{i32}, call: wasiRandom},
		"fd_write":          {params: []api.ValueType{i32, i32, i32, i32}, results: []api.ValueType{i32}, call: wasiWrite},
		"proc_exit":         {params: []api.ValueType{i32}, call: wasiExit},
	}
}

// wasiDenied stands in for every other function: those on file descriptors return that none
// is open, the rest that they are not implemented.
func wasiDenied(name string, s fuel.Signature) hostFunc {
	code := uint64(wasiNoSys)
	if strings.HasPrefix(name, "fd_") || strings.HasPrefix(name, "path_") || strings.HasPrefix(name, "sock_") {
		code = wasiBadF
	}
	return hostFunc{params: s.Params, results: s.Results, call: wasiAnswer(code)}
}

func wasiAnswer(code uint64) func(*instance, []uint64) {
	return func(g *instance, stack []uint64) {
		g.chargeFuel(costHost)
		stack[0] = code
	}
}

// wasiSizes is args_sizes_get and environ_sizes_get: no entries, no bytes.
func wasiSizes(g *instance, stack []uint64) {
	g.chargeFuel(costHost)
	ok := g.memory.WriteUint32Le(uint32(stack[0]), 0) && g.memory.WriteUint32Le(uint32(stack[1]), 0)
	stack[0] = wasiStatus(ok)
}

// wasiClock is clock_time_get(id, precision, result). The time of day is the same during a
// call, but the other clocks advance by a nanosecond for every unit of fuel: Go's garbage
// collector never finishes with a clock that stands still.
func wasiClock(g *instance, stack []uint64) {
	const timeOfDay = 0
	g.chargeFuel(costHost)
	t := g.clock()
	if stack[0] != timeOfDay {
		t = int64(time.Second) + g.fuelBefore + g.fuelUsed(g.state.budget)
	}
	stack[0] = wasiStatus(g.memory.WriteUint64Le(uint32(stack[2]), uint64(t)))
}

func wasiResolution(g *instance, stack []uint64) {
	g.chargeFuel(costHost)
	stack[0] = wasiStatus(g.memory.WriteUint64Le(uint32(stack[1]), 1e6))
}

func wasiRandom(g *instance, stack []uint64) {
	ptr, n := uint32(stack[0]), uint32(stack[1])
	g.chargeFuel(costHost + int64(n))
	b, ok := g.memory.Read(ptr, n)
	if !ok {
		stack[0] = wasiFault
		return
	}
	var word [8]byte
	for len(b) > 0 {
		binary.LittleEndian.PutUint64(word[:], g.randomness().Uint64())
		b = b[copy(b, word[:]):]
	}
	stack[0] = wasiOK
}

// wasiWrite is fd_write(fd, vectors, count, written). Lines written to 1 and 2 are logged.
func wasiWrite(g *instance, stack []uint64) {
	fd, vec, count, written := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3])
	g.chargeFuel(costHost + int64(count))
	if fd != 1 && fd != 2 {
		stack[0] = wasiBadF
		return
	}
	var total uint32
	for i := range count {
		ptr, ok1 := g.readU32(vec + 8*i)
		n, ok2 := g.readU32(vec + 8*i + 4)
		b, ok3 := g.memory.Read(ptr, n)
		if !ok1 || !ok2 || !ok3 {
			stack[0] = wasiFault
			return
		}
		g.chargeFuel(int64(n))
		g.write(b)
		total += n
	}
	stack[0] = wasiStatus(g.memory.WriteUint32Le(written, total))
}

// write collects lines and logs each when it ends.
func (g *instance) write(b []byte) {
	for _, c := range b {
		if c == '\n' {
			g.flushLine()
		} else if len(g.state.line) < maxLogBytes {
			g.state.line = append(g.state.line, c)
		}
	}
}

func (g *instance) flushLine() {
	text := strings.ToValidUTF8(string(g.state.line), "\uFFFD")
	g.state.line = g.state.line[:0]
	g.log(slog.LevelInfo, text)
}

func wasiExit(_ *instance, stack []uint64) { panic(guestExit(stack[0])) }

func wasiStatus(ok bool) uint64 {
	if ok {
		return wasiOK
	}
	return wasiFault
}
