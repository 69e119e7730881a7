package fuel

// This file holds the code that the pass adds to a function.

// beginCharge writes a charge, whose cost finishCharge fills in.
func (w *rewriter) beginCharge() {
	w.pushFuel()
	w.out = append(w.out, opI64Const)
	w.patch = len(w.out)
	w.out = append(w.out, 0x80, 0x80, 0x80, 0x80, 0x80, 0) // room for 41 bits
	w.subtract()
	w.charge++
	w.cost, w.due = 0, false
}

// finishCharge writes the cost of the current charge into its instruction.
func (w *rewriter) finishCharge() {
	v := w.cost
	for i := range 5 {
		w.out[w.patch+i] = byte(v)&0x7f | 0x80
		v >>= 7
	}
	w.out[w.patch+5] = byte(v)
}

// subtract takes the i64 on the stack off the fuel below it and traps when the rest is
// negative.
func (w *rewriter) subtract() {
	w.complexity.branches++
	w.out = append(w.out, opI64Sub, opLocalTee)
	w.out = appendU32(w.out, w.scratch)
	if !w.inLocal {
		w.out = append(w.out, opGlobalSet)
		w.out = appendU32(w.out, w.in.globals)
		w.out = append(w.out, opLocalGet)
		w.out = appendU32(w.out, w.scratch)
	}
	w.out = append(w.out, opI64Const, 0, opI64LtS)
	if len(w.in.results) > 1 {
		w.out = append(w.out, opIf, blockEmpty, opUnreachable, opEnd)
		return
	}
	w.out = append(w.out, opBrIf)
	w.out = appendU32(w.out, uint32(len(w.labels)))
}

// chargeLength charges for the length on top of the stack, which stays there.
func (w *rewriter) chargeLength(b bulk) {
	w.out = append(w.out, opLocalTee)
	w.out = appendU32(w.out, w.scratch+1)
	w.pushFuel()
	w.out = append(w.out, opLocalGet)
	w.out = appendU32(w.out, w.scratch+1)
	w.out = append(w.out, opI64ExtendI32U)
	switch b {
	case byBytes: // eight bytes cost one
		w.out = append(w.out, opI64Const, 3, opI64ShrU)
	case byPages: // clearing a page, and moving the rest now and then
		w.out = append(w.out, opI64Const, 14, opI64Shl)
	}
	w.subtract()
}

// loadFuel copies the fuel from the global to the local, storeFuel back if it is kept there.
// Both leave the operand stack as it is.
func (w *rewriter) loadFuel() {
	w.out = appendU32(append(w.out, opGlobalGet), w.in.globals)
	w.out = appendU32(append(w.out, opLocalSet), w.scratch)
}

func (w *rewriter) storeFuel() {
	if w.inLocal {
		w.out = appendU32(append(w.out, opLocalGet), w.scratch)
		w.out = appendU32(append(w.out, opGlobalSet), w.in.globals)
	}
}

// pushFuel pushes what is left of the fuel.
func (w *rewriter) pushFuel() {
	if w.inLocal {
		w.out = appendU32(append(w.out, opLocalGet), w.scratch)
		return
	}
	w.out = appendU32(append(w.out, opGlobalGet), w.in.globals)
}

// openBlocks puts the body into two blocks: the inner one stands for the function, so that
// branches to its end stay right, and the outer one is where a charge jumps when the
// fuel is gone, behind everything else. That costs a path one branch not taken, half
// of what an inline trap costs. Only a function with several results, for which a
// block would need a type of its own, has its traps inline.
func (w *rewriter) openBlocks() {
	switch len(w.in.results) {
	case 0:
		w.out = append(w.out, opBlock, blockEmpty, opBlock, blockEmpty)
	case 1:
		w.out = append(w.out, opBlock, blockEmpty, opBlock, w.in.results[0])
	}
}

func (w *rewriter) closeBlocks() {
	if len(w.in.results) > 1 {
		return
	}
	w.storeFuel()
	w.out = append(w.out, opReturn, opEnd)
	w.storeFuel()
	w.out = append(w.out, opUnreachable, opEnd)
}
