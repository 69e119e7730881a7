package fuel

import (
	"fmt"
	"math"
)

// slack is how many instructions a charge may cover before the next fork or join of the
// control flow begins a new one. At every fork a path may be charged for up to slack
// instructions that it does not run; in return metering costs a fifth of a guest's time
// instead of a third, since each charge waits for the one before. Much larger values charge
// Go's large functions for many times what they run.
const slack = 16

// rewriter rewrites function bodies one after the other.
//
// It reads the instructions once. A charge covers everything up to the next charge, so a
// new one must begin wherever control can arrive without having passed the current one: at
// a loop's head, since control comes back there, and where a branch from before the current
// charge lands behind it. Elsewhere a new one may begin, and does at forks and joins of the
// control flow when the current one is large already.
//
// A function with a loop keeps the fuel in a local while it runs and stores it in the
// global where others read it: before a call, before it returns, and when the fuel is gone.
// An iteration then touches no memory for it. Only a trap of another kind leaves the global
// as it was at the last call, a little too high.
type rewriter struct {
	// perInstruction charges every instruction by itself.
	perInstruction bool
	r              reader
	out            []byte
	in             funcContext
	// scratch is the index of the added i64 local; an i32 follows it.
	scratch uint32
	// inLocal says that the fuel is kept in the i64 local.
	inLocal bool
	labels  []label
	// charge numbers the charges in order; patch is where the cost of the current one is
	// written in out, cost the sum so far.
	charge int
	patch  int
	cost   uint64
	// due asks for a new charge before the next instruction that costs something.
	due bool
	// complexity is the function's, once it has been read.
	complexity complexity
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
func (w *rewriter) function(code []byte, in funcContext) ([]byte, error) {
	if len(code) > maxBody {
		return nil, fmt.Errorf("it has %d bytes; at most %d are accepted: split it", len(code), maxBody)
	}
	w.r, w.in, w.complexity = reader{b: code}, in, complexity{arity: len(in.results)}
	w.out, w.labels = w.out[:0], append(w.labels[:0], label{op: opBlock, from: never})
	w.charge, w.cost, w.due = 0, 0, false
	if err := w.locals(); err != nil {
		return nil, err
	}
	w.inLocal = len(in.results) <= 1 && w.loops()
	w.openBlocks()
	if w.inLocal {
		w.loadFuel()
	}
	w.beginCharge()
	w.cost = 1 + uint64(w.scratch)/4 // a frame's room and its clearing
	for len(w.labels) > 0 && w.r.err == nil {
		if w.r.done() {
			return nil, errShort
		}
		w.step()
	}
	if w.r.err != nil {
		return nil, w.r.err
	}
	if !w.r.done() {
		return nil, fmt.Errorf("it has code behind its end")
	}
	w.finishCharge()
	w.closeBlocks()
	return w.out, nil
}

// loops reports whether there is a loop in the code that follows. Code that can't be read is
// refused later.
func (w *rewriter) loops() bool {
	r := w.r
	for r.err == nil && !r.done() {
		op := r.byte()
		if op == opLoop {
			return true
		}
		decode(&r, op)
	}
	return false
}

// locals copies the declarations and adds the pass's own two.
func (w *rewriter) locals() error {
	groups := w.r.count()
	start := w.r.at
	total := uint64(w.in.params)
	for range groups {
		total += uint64(w.r.u32())
		w.r.byte()
	}
	if w.r.err != nil {
		return w.r.err
	}
	if total > maxLocals-2 {
		return fmt.Errorf("it has %d locals; at most %d are accepted", total, maxLocals-2)
	}
	w.scratch, w.complexity.locals = uint32(total), total
	w.out = appendU32(w.out, uint32(groups)+2)
	w.out = append(w.out, w.r.b[start:w.r.at]...)
	w.out = append(w.out, 1, typeI64, 1, typeI32)
	return nil
}

// step handles one instruction.
func (w *rewriter) step() {
	start := w.r.at
	op := w.r.byte()
	in := decode(&w.r, op)
	if w.r.err != nil {
		return
	}
	w.check(op, in)
	switch {
	case op == opElse || op == opEnd:
		w.leave(op)
	case w.perInstruction:
		w.due = true
	}
	w.addCost(in)
	call := op == opCall || op == opCallIndirect
	if call || op == opReturn {
		w.storeFuel()
	}
	w.out = append(w.out, w.r.b[start:w.r.at]...)
	if call && w.inLocal {
		w.loadFuel()
	}
	w.follow(op, in)
}

// check refuses functions that use what the pass adds, or exceed a bound.
func (w *rewriter) check(op byte, in instruction) {
	if err := w.complexity.count(op, in, w.in); err != nil {
		w.r.fail("%w", err)
	}
	switch {
	case len(w.labels) > maxNesting:
		w.r.fail("it nests blocks deeper than %d", maxNesting)
	case in.global && in.index >= w.in.globals:
		w.r.fail("it uses global %d, of which there are %d", in.index, w.in.globals)
	case in.local && in.index >= w.scratch:
		w.r.fail("it uses local %d, of which there are %d", in.index, w.scratch)
	}
}

// addCost counts an instruction that is about to be copied.
func (w *rewriter) addCost(in instruction) {
	if in.cost > 0 && w.due {
		w.finishCharge()
		w.beginCharge()
	}
	w.cost += uint64(in.cost)
	if in.bulk != noBulk {
		w.chargeLength(in.bulk)
	}
}

// follow keeps track of control after an instruction was copied.
func (w *rewriter) follow(op byte, in instruction) {
	switch op {
	case opBlock:
		w.labels = append(w.labels, label{op: op, from: never})
	case opIf:
		w.labels = append(w.labels, label{op: op, born: w.charge, from: never})
		w.fork()
	case opLoop:
		w.labels = append(w.labels, label{op: op, from: never})
		w.due = true
	case opBr, opBrIf:
		w.jump(in.index)
		w.fork()
	case opBrTable:
		for _, depth := range in.table {
			w.jump(depth)
		}
		w.fork()
	case opReturn, opUnreachable:
		w.fork()
	}
}

// fork marks a fork or join of the control flow, where a new charge may begin.
func (w *rewriter) fork() {
	if w.cost > slack {
		w.due = true
	}
}

// jump notes that control may go from the current charge to a label's end; a loop's
// label is its head, which is charged in any case. It also keeps branches from
// reaching the block that the pass put around the function.
func (w *rewriter) jump(depth uint32) {
	if int64(depth) >= int64(len(w.labels)) {
		w.r.fail("it branches to label %d, of which there are %d", depth, len(w.labels))
		return
	}
	l := &w.labels[len(w.labels)-1-int(depth)]
	l.from = min(l.from, w.charge)
}

// leave handles the end of an arm or of a block. Control arrives behind it from the
// code just before, and from every jump to the label.
func (w *rewriter) leave(op byte) {
	l := &w.labels[len(w.labels)-1]
	if op == opElse {
		w.enterElse(l)
		return
	}
	from := l.from
	if l.op == opIf { // without an else, the if itself jumps here
		from = min(from, l.born)
	}
	// What follows a loop must not be charged with every iteration.
	if from < w.charge || l.op == opLoop {
		w.due = true
	}
	if from != never {
		w.fork()
	}
	if l.op == opLoop {
		w.complexity.loops--
	}
	w.labels = w.labels[:len(w.labels)-1]
}

// enterElse ends the first arm of an if, whose end jumps over the second. If control
// can arrive at that end without having passed the current charge, then a charge was
// begun since the if: so the second arm begins with one too, and the jump comes from
// before it.
func (w *rewriter) enterElse(l *label) {
	if l.op != opIf {
		w.r.fail("it has an else without an if")
		return
	}
	l.from = min(l.from, w.charge)
	l.op = opElse
	w.due = l.born < w.charge
	w.fork()
}
