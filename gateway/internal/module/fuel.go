package module

import (
	"bytes"
	"fmt"
	"math"
)

// The fuel pass rewrites a module so that it counts its own work down and stops
// itself. It adds one mutable global, which the host fills before a call, and in
// front of every stretch of straight-line code a charge: subtract the stretch's
// cost, trap when the rest is negative. So whatever runs has been paid for, and the
// cost of a call is a pure function of its input. RATIONALE.md says why this is not
// left to the machine's own interruption.
//
// What the pass adds leaves the operand stack as it was and uses a global, locals and
// an export name of its own, which it refuses to find used already. Everything else
// about the module's validity is for the machine to judge after the rewriting.

const (
	// slack is how many instructions a charge may gather before the next fork or
	// join of control starts a new one. Merging short stretches halves the price of
	// metering; a call may be charged for up to slack instructions more than it runs
	// at every fork.
	slack = 24
	// perInstruction in place of slack charges every instruction by itself: slow, but
	// plainly right, so tests hold the pass against it.
	perInstruction = -1

	maxLocals = 50_000 // of one function, as in wazero
)

// metered returns the module with fuel counting built in.
func metered(o *outline, slack int) ([]byte, error) {
	out := append([]byte(nil), "\x00asm\x01\x00\x00\x00"...)
	global := false
	for _, s := range o.sections {
		if !global && after(s.id, secGlobal) {
			out = appendSection(out, secGlobal, o.globalSection(nil))
			global = true
		}
		body, keep, err := o.rewrite(s, slack)
		if err != nil {
			return nil, fmt.Errorf("section %d: %w", s.id, err)
		}
		if keep {
			out = appendSection(out, s.id, body)
		}
		global = global || s.id == secGlobal
	}
	return out, nil
}

// after reports whether a section stands behind the place of another.
func after(id, place byte) bool { return id != secCustom && id > place }

// rewrite returns a section's new contents, and whether it stays at all.
func (o *outline) rewrite(s section, slack int) ([]byte, bool, error) {
	switch s.id {
	case secCustom: // names make stack traces readable; the rest is weight
		return s.body, isNames(s.body), nil
	case secTable:
		return o.tableSection(), true, nil
	case secGlobal:
		return o.globalSection(s.body), true, nil
	case secExport:
		return o.exportSection(s.body), true, nil
	case secCode:
		body, err := o.codeSection(s.body, slack)
		return body, true, err
	}
	return s.body, true, nil
}

func isNames(body []byte) bool {
	return bytes.HasPrefix(body, []byte("\x04name"))
}

// tableSection gives every table an upper bound, since tables grow outside the
// linear memory and its cap.
func (o *outline) tableSection() []byte {
	out := appendU32(nil, uint32(len(o.tables)))
	for _, t := range o.tables {
		most := uint32(maxElements)
		if t.hasMax {
			most = min(most, t.max)
		}
		out = append(out, t.elem, 1)
		out = appendU32(out, t.min)
		out = appendU32(out, max(most, t.min))
	}
	return out
}

// globalSection appends the fuel: a mutable i64, empty until the host fills it.
func (o *outline) globalSection(body []byte) []byte {
	r := &reader{b: body}
	if body != nil {
		r.u32()
	}
	out := appendU32(nil, uint32(o.globals)+1)
	out = append(out, body[r.at:]...)
	return append(out, i64, 1, opI64Const, 0, opEnd)
}

func (o *outline) exportSection(body []byte) []byte {
	r := &reader{b: body}
	n := r.u32()
	out := appendU32(nil, n+1)
	out = append(out, body[r.at:]...)
	out = appendU32(out, uint32(len(exportFuel)))
	out = append(out, exportFuel...)
	out = append(out, kindGlobal)
	return appendU32(out, uint32(o.globals))
}

func (o *outline) codeSection(body []byte, slack int) ([]byte, error) {
	r := &reader{b: body}
	n := r.count()
	imported := len(o.funcs) - n
	if imported != o.importedFuncs() {
		return nil, fmt.Errorf("it has %d function bodies for %d functions", n, len(o.funcs)-o.importedFuncs())
	}
	out := make([]byte, 0, len(body)+len(body)/2)
	out = appendU32(out, uint32(n))
	var m meter
	for i := range n {
		code := r.bytes(r.u32())
		if r.err != nil {
			return nil, r.err
		}
		f, err := m.function(code, o.meteredFunc(imported+i), slack)
		if err != nil {
			return nil, fmt.Errorf("function %d: %w", imported+i, err)
		}
		out = appendU32(out, uint32(len(f)))
		out = append(out, f...)
	}
	if !r.done() {
		return nil, fmt.Errorf("it has bytes left over")
	}
	return out, nil
}

func (o *outline) importedFuncs() int {
	n := 0
	for _, i := range o.imports {
		if i.kind == kindFunc {
			n++
		}
	}
	return n
}

// meteredFunc is what the meter has to know of a function's surroundings.
func (o *outline) meteredFunc(index int) surroundings {
	return surroundings{
		params:  uint32(len(o.types[o.funcs[index]].params)),
		globals: uint32(o.globals),
	}
}

type surroundings struct{ params, globals uint32 }

// meter rewrites function bodies one after the other.
//
// It goes through the instructions once. A charge covers everything up to the next
// charge, so a new one is needed wherever control can arrive without having passed
// the current one: at a loop's head, since control comes back there, and where a
// branch from before the current charge lands behind it.
type meter struct {
	r     reader
	out   []byte
	in    surroundings
	slack int
	// scratch is the index of the added i64 local; an i32 follows it.
	scratch uint32
	labels  []label
	// charge numbers the charges in order; patch is where the cost of the current
	// one goes in out, cost what has been gathered for it.
	charge int
	patch  int
	cost   uint64
	// due asks for a new charge before the next instruction that costs something.
	due bool
}

// label is an open block, loop, if or else.
type label struct {
	op byte
	// born is the charge that was current at an if.
	born int
	// from is the earliest charge from which control jumps to the label's end.
	from int
}

const never = math.MaxInt

// function returns the metered form of one body: its locals and its code. The result
// is valid until the next call.
func (m *meter) function(code []byte, in surroundings, slack int) ([]byte, error) {
	m.r, m.in, m.slack = reader{b: code}, in, slack
	m.out, m.labels = m.out[:0], append(m.labels[:0], label{op: opBlock, from: never})
	m.charge, m.cost, m.due = 0, 0, false
	if err := m.locals(); err != nil {
		return nil, err
	}
	m.open()
	m.cost = 1 + uint64(m.scratch)/4 // a frame's room and its clearing
	for len(m.labels) > 0 && m.r.err == nil {
		if m.r.done() {
			return nil, errShort
		}
		m.step()
	}
	if m.r.err != nil {
		return nil, m.r.err
	}
	if !m.r.done() {
		return nil, fmt.Errorf("it has code behind its end")
	}
	m.settle()
	return m.out, nil
}

// locals copies the declarations and adds the meter's own two.
func (m *meter) locals() error {
	groups := m.r.count()
	start := m.r.at
	total := uint64(m.in.params)
	for range groups {
		total += uint64(m.r.u32())
		m.r.byte()
	}
	if m.r.err != nil {
		return m.r.err
	}
	if total > maxLocals-2 {
		return fmt.Errorf("it has %d locals; at most %d are accepted", total, maxLocals-2)
	}
	m.scratch = uint32(total)
	m.out = appendU32(m.out, uint32(groups)+2)
	m.out = append(m.out, m.r.b[start:m.r.at]...)
	m.out = append(m.out, 1, i64, 1, i32)
	return nil
}

// step handles one instruction.
func (m *meter) step() {
	start := m.r.at
	op := m.r.byte()
	in := decode(&m.r, op)
	if m.r.err != nil {
		return
	}
	m.refuse(in)
	switch {
	case m.slack == perInstruction && op != opEnd && op != opElse:
		m.due = true
	case op == opElse || op == opEnd:
		m.leave(op)
	}
	m.pay(in)
	m.out = append(m.out, m.r.b[start:m.r.at]...)
	m.follow(op, in)
}

// refuse stops modules that reach for what the pass adds.
func (m *meter) refuse(in instruction) {
	switch {
	case in.global && in.index >= m.in.globals:
		m.r.fail("it uses global %d, of which there are %d", in.index, m.in.globals)
	case in.local && in.index >= m.scratch:
		m.r.fail("it uses local %d, of which there are %d", in.index, m.scratch)
	}
}

// pay accounts for an instruction that is about to be copied.
func (m *meter) pay(in instruction) {
	if in.cost > 0 && m.due {
		m.settle()
		m.open()
	}
	m.cost += uint64(in.cost)
	if in.bulk != noBulk {
		m.weigh(in.bulk)
	}
}

// follow keeps track of control after an instruction was copied.
func (m *meter) follow(op byte, in instruction) {
	switch op {
	case opBlock:
		m.labels = append(m.labels, label{op: op, from: never})
	case opIf:
		m.labels = append(m.labels, label{op: op, born: m.charge, from: never})
		m.fork()
	case opLoop:
		m.labels = append(m.labels, label{op: op, from: never})
		m.due = true
	case opBr, opBrIf:
		m.jump(in.index)
		m.fork()
	case opBrTable:
		for _, depth := range in.table {
			m.jump(depth)
		}
		m.fork()
	case opReturn, opUnreachable:
		m.fork()
	}
}

// jump notes that control may go from the current charge to the end of a label. A
// loop's label is its head, which is charged in any case.
func (m *meter) jump(depth uint32) {
	if int64(depth) >= int64(len(m.labels)) {
		m.r.fail("it branches to label %d, of which there are %d", depth, len(m.labels))
		return
	}
	l := &m.labels[len(m.labels)-1-int(depth)]
	l.from = min(l.from, m.charge)
}

// leave handles the end of an arm or block. Control arrives behind it from the code
// just before, and from every jump to the label.
func (m *meter) leave(op byte) {
	l := &m.labels[len(m.labels)-1]
	if op == opElse {
		m.enterElse(l)
		return
	}
	from := l.from
	if l.op == opIf { // without an else, the if itself jumps here
		from = min(from, l.born)
	}
	loop := l.op == opLoop
	m.labels = m.labels[:len(m.labels)-1]
	if from < m.charge || loop {
		m.due = true
	}
	if from != never {
		m.fork()
	}
}

// enterElse ends the first arm of an if, whose end jumps over the second.
func (m *meter) enterElse(l *label) {
	if l.op != opIf {
		m.r.fail("it has an else without an if")
		return
	}
	l.from = min(l.from, m.charge)
	if m.due { // some of what arrives at the arm's end has not paid the current charge
		l.from = -1
	}
	m.due = l.born < m.charge
	l.op = opElse
	m.fork()
}

// fork marks a place where paths part or meet: a good one to start a new charge if
// the current one is large already.
func (m *meter) fork() {
	if m.slack >= 0 && m.cost > uint64(m.slack) {
		m.due = true
	}
}

// open begins a charge; its cost is filled in by settle.
func (m *meter) open() {
	m.out = append(m.out, opGlobalGet)
	m.out = appendU32(m.out, m.in.globals)
	m.out = append(m.out, opI64Const)
	m.patch = len(m.out)
	m.out = append(m.out, 0x80, 0x80, 0x80, 0x80, 0x80, 0) // room for 41 bits
	m.spend()
	m.charge++
	m.cost, m.due = 0, false
}

// settle writes the current charge's cost into its place.
func (m *meter) settle() {
	v := m.cost
	for i := range 5 {
		m.out[m.patch+i] = byte(v)&0x7f | 0x80
		v >>= 7
	}
	m.out[m.patch+5] = byte(v)
}

// spend subtracts the i64 on the stack from the fuel below it and traps when the
// rest is negative.
func (m *meter) spend() {
	m.out = append(m.out, opI64Sub, opLocalTee)
	m.out = appendU32(m.out, m.scratch)
	m.out = append(m.out, opGlobalSet)
	m.out = appendU32(m.out, m.in.globals)
	m.out = append(m.out, opLocalGet)
	m.out = appendU32(m.out, m.scratch)
	m.out = append(m.out, opI64Const, 0, opI64LtS, opIf, blockEmpty, opUnreachable, opEnd)
}

// weigh charges for the length on top of the stack, which is put back.
func (m *meter) weigh(b bulk) {
	m.out = append(m.out, opLocalTee)
	m.out = appendU32(m.out, m.scratch+1)
	m.out = append(m.out, opGlobalGet)
	m.out = appendU32(m.out, m.in.globals)
	m.out = append(m.out, opLocalGet)
	m.out = appendU32(m.out, m.scratch+1)
	m.out = append(m.out, opI64ExtendI32U)
	switch b {
	case byBytes: // eight bytes cost one
		m.out = append(m.out, opI64Const, 3, opI64ShrU)
	case byPages: // as many as clearing a page costs
		m.out = append(m.out, opI64Const, 13, opI64Shl)
	}
	m.spend()
}
