package fuel

import (
	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// program writes a random function that always ends: it works on three i32 locals and
// memory, with branches, loops that count down, calls, and tables of targets.
type program struct {
	t *rapid.T
	// left bounds the size; depth is the number of labels around.
	left, depth int
	// barred lists the labels, by depth, that no random branch may go to: loops, which
	// end by their own countdown, and ifs with a value.
	barred map[int]bool
}

func (p *program) pick(n int) int { return rapid.IntRange(0, n-1).Draw(p.t, "pick") }

func (p *program) expr() []byte {
	if p.left--; p.left < 0 {
		return asm.I32(int32(p.pick(100)))
	}
	switch p.pick(6) {
	case 0:
		return asm.I32(int32(p.pick(1 << 20)))
	case 1:
		return asm.Get(uint32(p.pick(3)))
	case 2:
		return asm.Cat(p.expr(), p.expr(), asm.Op([]byte{0x6a, 0x6b, 0x6c, 0x71, 0x73, 0x49}[p.pick(6)]))
	case 3: // a load from the first page
		return asm.Cat(p.expr(), asm.I32(0xfff8), asm.Op(0x71), asm.Mem(0x28, 0))
	case 4: // if with a value
		cond := p.expr()
		return asm.Cat(cond, p.nest(func() []byte {
			p.barred[p.depth] = true
			defer delete(p.barred, p.depth)
			return asm.Cat(asm.Op(0x04, 0x7f), p.block(), p.expr(), asm.Op(0x05), p.block(), p.expr(), asm.Op(opEnd))
		}))
	}
	return asm.Cat(p.expr(), asm.Call(3))
}

func (p *program) block() []byte {
	var code []byte
	for range p.pick(4) {
		code = append(code, p.statement()...)
	}
	return code
}

// forward picks a label to branch to, or the function if there is none.
func (p *program) forward() uint32 {
	for range 10 {
		d := p.pick(p.depth + 1)
		if !p.barred[p.depth-d] && d < p.depth {
			return uint32(d)
		}
	}
	return uint32(p.depth)
}

func (p *program) nest(f func() []byte) []byte {
	p.depth++
	defer func() { p.depth-- }()
	return f()
}

func (p *program) statement() []byte {
	if p.left--; p.left < 0 {
		return nil
	}
	switch p.pick(9) {
	case 0:
		return asm.Cat(p.expr(), asm.Set(uint32(p.pick(3))))
	case 1:
		return asm.Cat(p.expr(), asm.I32(0xfff8), asm.Op(0x71), p.expr(), asm.Mem(0x36, 0))
	case 2:
		return p.nest(func() []byte { return asm.Block(p.block()) })
	case 3:
		return asm.Cat(p.expr(), p.nest(func() []byte { return asm.Cat(asm.Op(0x04, 0x40), p.block(), asm.Op(opEnd)) }))
	case 4:
		return asm.Cat(p.expr(), p.nest(func() []byte {
			return asm.Cat(asm.Op(0x04, 0x40), p.block(), asm.Op(0x05), p.block(), asm.Op(opEnd))
		}))
	case 5: // loop with a countdown of its own in a fresh global
		return p.nest(func() []byte {
			p.barred[p.depth] = true
			defer delete(p.barred, p.depth)
			n := uint32(p.depth)
			return asm.Cat(asm.I32(int32(1+p.pick(4))), asm.Set(3+n%8),
				asm.Loop(p.block(), asm.Get(3+n%8), asm.I32(1), asm.Op(0x6b), asm.Tee(3+n%8), asm.I32(0), asm.Op(0x4a), asm.BrIf(0)))
		})
	case 6:
		return p.nest(func() []byte { return asm.Block(p.block(), p.branch(), p.block()) })
	case 7: // br_table over forward labels
		return p.nest(func() []byte {
			return asm.Block(p.nest(func() []byte {
				return asm.Block(p.nest(func() []byte {
					return asm.Block(p.block(), p.expr(), asm.Op(0x0e, 2, 0, 1, 2))
				}), p.block())
			}), p.block())
		})
	}
	return asm.Cat(p.expr(), asm.I32(0), asm.I32(1), asm.Op(0x71), asm.Op(0x6a), asm.Set(uint32(p.pick(3))))
}

// branch branches forwards, if there is a label to branch to.
func (p *program) branch() []byte {
	d := p.forward()
	if int(d) == p.depth {
		return nil
	}
	if p.pick(2) == 0 {
		return asm.Br(d)
	}
	return asm.Cat(p.expr(), asm.BrIf(d))
}

// drawProgram returns a module whose function "run" is random. The loops' counters
// are locals 3 to 10; two loops may share one, so that a count can be lowered,
// never raised without bound: fuel bounds the rest.
func drawProgram(t *rapid.T) []byte {
	p := &program{t: t, left: 60, barred: map[int]bool{}}
	body := asm.Cat(p.block(), p.block(), p.expr(), asm.Get(0), asm.Op(0x6a))
	a := asm.Guest(hook.Route, asm.Get(0), asm.Call(4), asm.Op(0xac))
	a.Funcs = append(a.Funcs,
		asm.Func{Params: "i", Results: "i", Code: asm.Cat(asm.Get(0), asm.I32(7), asm.Op(0x6c), asm.Get(0), asm.Op(0x45, 0x04, 0x40), asm.Get(0), asm.Op(0x0f, opEnd), asm.I32(3), asm.Op(0x6a))},
		asm.Func{Params: "i", Results: "i", Locals: "iiiiiiiiii", Code: body},
		asm.Func{Export: "run", Params: "i", Results: "i", Code: asm.Cat(asm.Get(0), asm.Call(4))},
		asm.Func{Export: "pair", Params: "i", Results: "ii", Code: asm.Cat(asm.Get(0), asm.Call(4), asm.Get(0), asm.Call(3))})
	return a.Bytes()
}
