package fuel

import (
	"fmt"
	"math"
)

// slack is how many instructions a charge may gather before a fork or a join of paths
// starts a new one. A path may be charged for up to slack instructions at every fork
// that it does not run; in return metering costs a fifth of a guest's time instead of a
// third, since charges wait for each other. Much larger values charge Go's large
// functions for many times what they run.
const slack = 16

// rewriter rewrites function bodies one after the other.
//
// It goes through the instructions once. A charge covers everything up to the next
// charge, so a new one must begin wherever control can arrive without having passed
// the current one: at a loop's head, since control comes back there, and where a
// branch from before the current charge lands behind it. Elsewhere a new one may
// begin, and does where paths part or meet and the current one is large already.
//
// A function with a loop holds the fuel in a local while it runs and puts it back into
// the global where others look at it: before a call, before it returns, and when the
// fuel is gone. A turn of the loop then touches no memory for it. Only a trap of
// another kind leaves the global as it was at the last call, a little too full.
type rewriter struct {
	// each charges every instruction by itself.
	each bool
	r    reader
	out  []byte
	in   surroundings
	// scratch is the index of the added i64 local; an i32 follows it.
	scratch uint32
	// held says that the i64 local holds the fuel.
	held   bool
	labels []label
	// charge numbers the charges in order; patch is where the cost of the current
	// one goes in out, cost what has been gathered for it.
	charge int
	patch  int
	cost   uint64
	// due asks for a new charge before the next instruction that costs something.
	due bool
	// shape are the function's figures, once it has been gone through.
	shape shape
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
func (m *rewriter) function(code []byte, in surroundings) ([]byte, error) {
	if len(code) > maxBody {
		return nil, fmt.Errorf("it has %d bytes; at most %d are accepted: split it", len(code), maxBody)
	}
	m.r, m.in, m.shape = reader{b: code}, in, shape{arity: len(in.results)}
	m.out, m.labels = m.out[:0], append(m.labels[:0], label{op: opBlock, from: never})
	m.charge, m.cost, m.due = 0, 0, false
	if err := m.locals(); err != nil {
		return nil, err
	}
	m.held = len(in.results) <= 1 && m.loops()
	m.wrap()
	if m.held {
		m.fetch()
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
	m.unwrap()
	return m.out, nil
}

// loops reports whether there is a loop in the code that follows. What can't be read is
// refused when its turn comes.
func (m *rewriter) loops() bool {
	r := m.r
	for r.err == nil && !r.done() {
		op := r.byte()
		if op == opLoop {
			return true
		}
		decode(&r, op)
	}
	return false
}

// locals copies the declarations and adds the meter's own two.
func (m *rewriter) locals() error {
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
	m.scratch, m.shape.locals = uint32(total), total
	m.out = appendU32(m.out, uint32(groups)+2)
	m.out = append(m.out, m.r.b[start:m.r.at]...)
	m.out = append(m.out, 1, typeI64, 1, typeI32)
	return nil
}

// step handles one instruction.
func (m *rewriter) step() {
	start := m.r.at
	op := m.r.byte()
	in := decode(&m.r, op)
	if m.r.err != nil {
		return
	}
	m.refuse(op, in)
	switch {
	case op == opElse || op == opEnd:
		m.leave(op)
	case m.each:
		m.due = true
	}
	m.pay(in)
	call := op == opCall || op == opCallIndirect
	if call || op == opReturn {
		m.giveBack()
	}
	m.out = append(m.out, m.r.b[start:m.r.at]...)
	if call && m.held {
		m.fetch()
	}
	m.follow(op, in)
}

// refuse stops modules that reach for what the pass adds, or cross a bound.
func (m *rewriter) refuse(op byte, in instruction) {
	if err := m.shape.note(op, in, m.in); err != nil {
		m.r.fail("%w", err)
	}
	switch {
	case len(m.labels) > maxNesting:
		m.r.fail("it nests blocks deeper than %d", maxNesting)
	case in.global && in.index >= m.in.globals:
		m.r.fail("it uses global %d, of which there are %d", in.index, m.in.globals)
	case in.local && in.index >= m.scratch:
		m.r.fail("it uses local %d, of which there are %d", in.index, m.scratch)
	}
}

// pay accounts for an instruction that is about to be copied.
func (m *rewriter) pay(in instruction) {
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
func (m *rewriter) follow(op byte, in instruction) {
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

// fork marks a place where paths part or meet: a good one for a new charge.
func (m *rewriter) fork() {
	if m.cost > slack {
		m.due = true
	}
}

// jump notes that control may go from the current charge to a label's end; a loop's
// label is its head, which is charged in any case. It also keeps branches from
// reaching the block that the pass put around the function.
func (m *rewriter) jump(depth uint32) {
	if int64(depth) >= int64(len(m.labels)) {
		m.r.fail("it branches to label %d, of which there are %d", depth, len(m.labels))
		return
	}
	l := &m.labels[len(m.labels)-1-int(depth)]
	l.from = min(l.from, m.charge)
}

// leave handles the end of an arm or of a block. Control arrives behind it from the
// code just before, and from every jump to the label.
func (m *rewriter) leave(op byte) {
	l := &m.labels[len(m.labels)-1]
	if op == opElse {
		m.enterElse(l)
		return
	}
	from := l.from
	if l.op == opIf { // without an else, the if itself jumps here
		from = min(from, l.born)
	}
	// What follows a loop must not be charged with every turn.
	if from < m.charge || l.op == opLoop {
		m.due = true
	}
	if from != never {
		m.fork()
	}
	if l.op == opLoop {
		m.shape.loops--
	}
	m.labels = m.labels[:len(m.labels)-1]
}

// enterElse ends the first arm of an if, whose end jumps over the second. If control
// can arrive at that end without having passed the current charge, then a charge was
// begun since the if: so the second arm begins with one too, and the jump comes from
// before it.
func (m *rewriter) enterElse(l *label) {
	if l.op != opIf {
		m.r.fail("it has an else without an if")
		return
	}
	l.from = min(l.from, m.charge)
	l.op = opElse
	m.due = l.born < m.charge
	m.fork()
}
