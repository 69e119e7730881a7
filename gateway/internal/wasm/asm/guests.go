package asm

import (
	"encoding/binary"
	"math"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Echo is a module whose hook penstock_route returns its input.
func Echo() Module {
	return Guest(hook.Route, Get(0), Op(0xad), I64(32), Op(0x86), Get(1), Op(0xad, 0x84)) // ptr<<32 | len
}

// Answering is a module whose hook always returns the same result.
func Answering(h hook.Hook, answer []byte) Module {
	a := Guest(h, Result(4096, int64(len(answer))))
	a.Memories = [][]byte{{0, 4}}
	a.Data = [][]byte{Data(4096, answer)}
	return a
}

// Entry encodes one entry of a flat result.
func Entry(i, flags uint32, score float64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, i)
	b = binary.LittleEndian.AppendUint32(b, flags)
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(score))
}

// Misbehaving is an echo that runs the code instead when its input begins with "!".
func Misbehaving(code ...[]byte) Module {
	a := Echo()
	good := a.Funcs[2].Code
	a.Funcs[2].Code = Cat(Get(0), Mem(0x2d, 0), I32('!'), Op(0x46, 0x04, 0x7e), Cat(code...), Op(0x05), good, Op(End))
	return a
}

// Endless repeats code for ever. Its type is that of a hook's result.
func Endless(code ...[]byte) []byte { return Cat(Loop(Cat(code...), Br(0)), Result(0, 0)) }

// Importing is a module with imports whose hook penstock_route runs the code.
func Importing(imports []Import, code ...[]byte) Module {
	a := Guest(hook.Route, code...)
	a.Imports = imports
	return a
}

// Keeping is a module that stores its input under the key "k" for ttl seconds and returns
// what was there before: the length and 16 bytes.
func Keeping(ttl int32) Module {
	a := Importing([]Import{{Module: "penstock", Name: "kv_get", Params: "iiii", Results: "i"}, {Module: "penstock", Name: "kv_set", Params: "iiiii", Results: "i"}},
		I32(2048), I32(512), I32(1), I32(2052), I32(16), Call(0), Mem(0x36, 0),
		I32(512), I32(1), Get(0), Get(1), I32(ttl), Call(1), Op(0x1a), Result(2048, 20))
	a.Data = [][]byte{Data(512, []byte("k"))}
	return a
}

// Describing is an echo with a manifest in penstock_describe.
func Describing(manifest string) []byte {
	a := Echo()
	a.Memories = [][]byte{{0, 4}}
	a.Funcs = append(a.Funcs, Func{Export: "penstock_describe", Results: "I", Code: Result(4096, int64(len(manifest)))})
	a.Data = [][]byte{Data(4096, []byte(manifest))}
	return a.Bytes()
}
