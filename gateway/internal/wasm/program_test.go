package wasm

import "pgregory.net/rapid"

// program writes a random function that always ends: it works on three i32 locals and
// memory, with branches, loops that count down, calls, and tables of targets.
type program struct {
	t *rapid.T
	// left bounds the size; depth is the number of labels around.
	left, depth int
	// barred lists the labels, by depth, that no random branch may go to: loops, whose
	// only way back is their own countdown, and ifs that want a value.
	barred map[int]bool
}

func (p *program) pick(n int) int { return rapid.IntRange(0, n-1).Draw(p.t, "pick") }

func (p *program) expr() []byte {
	if p.left--; p.left < 0 {
		return i32c(int32(p.pick(100)))
	}
	switch p.pick(6) {
	case 0:
		return i32c(int32(p.pick(1 << 20)))
	case 1:
		return get(uint32(p.pick(3)))
	case 2:
		return cat(p.expr(), p.expr(), op([]byte{0x6a, 0x6b, 0x6c, 0x71, 0x73, 0x49}[p.pick(6)]))
	case 3: // a load from the first page
		return cat(p.expr(), i32c(0xfff8), op(0x71), mem(0x28, 0))
	case 4: // if with a value
		cond := p.expr()
		return cat(cond, p.nest(func() []byte {
			p.barred[p.depth] = true
			defer delete(p.barred, p.depth)
			return cat(op(0x04, 0x7f), p.block(), p.expr(), op(0x05), p.block(), p.expr(), op(opEnd))
		}))
	}
	return cat(p.expr(), call(3))
}

func (p *program) block() []byte {
	var code []byte
	for range p.pick(4) {
		code = append(code, p.statement()...)
	}
	return code
}

// forward picks a label to leave to, or the function when there is none.
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
		return cat(p.expr(), set(uint32(p.pick(3))))
	case 1:
		return cat(p.expr(), i32c(0xfff8), op(0x71), p.expr(), mem(0x36, 0))
	case 2:
		return p.nest(func() []byte { return block(p.block()) })
	case 3:
		return cat(p.expr(), p.nest(func() []byte { return cat(op(0x04, 0x40), p.block(), op(opEnd)) }))
	case 4:
		return cat(p.expr(), p.nest(func() []byte {
			return cat(op(0x04, 0x40), p.block(), op(0x05), p.block(), op(opEnd))
		}))
	case 5: // loop with a countdown of its own in a fresh global
		return p.nest(func() []byte {
			p.barred[p.depth] = true
			defer delete(p.barred, p.depth)
			n := uint32(p.depth)
			return cat(i32c(int32(1+p.pick(4))), set(3+n%8),
				loop(p.block(), get(3+n%8), i32c(1), op(0x6b), tee(3+n%8), i32c(0), op(0x4a), brIf(0)))
		})
	case 6:
		return p.nest(func() []byte { return block(p.block(), p.branch(), p.block()) })
	case 7: // br_table over forward labels
		return p.nest(func() []byte {
			return block(p.nest(func() []byte {
				return block(p.nest(func() []byte {
					return block(p.block(), p.expr(), op(0x0e, 2, 0, 1, 2))
				}), p.block())
			}), p.block())
		})
	}
	return cat(p.expr(), i32c(0), i32c(1), op(0x71), op(0x6a), set(uint32(p.pick(3))))
}

// branch leaves forwards, if there is a label to leave to.
func (p *program) branch() []byte {
	d := p.forward()
	if int(d) == p.depth {
		return nil
	}
	if p.pick(2) == 0 {
		return br(d)
	}
	return cat(p.expr(), brIf(d))
}

// drawProgram returns a module whose function "run" is random. The loops' counters
// are locals 3 to 10; two loops may share one, so that a turn count can be lowered,
// never raised without bound: fuel bounds the rest.
func drawProgram(t *rapid.T) []byte {
	p := &program{t: t, left: 60, barred: map[int]bool{}}
	body := cat(p.block(), p.block(), p.expr(), get(0), op(0x6a))
	a := guest(Route, get(0), call(4), op(0xac))
	a.funcs = append(a.funcs,
		asmFunc{params: "i", results: "i", code: cat(get(0), i32c(7), op(0x6c), get(0), op(0x45, 0x04, 0x40), get(0), op(0x0f, opEnd), i32c(3), op(0x6a))},
		asmFunc{params: "i", results: "i", locals: "iiiiiiiiii", code: body},
		asmFunc{export: "run", params: "i", results: "i", code: cat(get(0), call(4))},
		asmFunc{export: "pair", params: "i", results: "ii", code: cat(get(0), call(4), get(0), call(3))})
	return a.bytes()
}
