package fuel

// This file holds what the meter writes into a function beside the function's own code.

// open begins a charge; its cost is filled in by settle.
func (m *rewriter) open() {
	m.level()
	m.out = append(m.out, opI64Const)
	m.patch = len(m.out)
	m.out = append(m.out, 0x80, 0x80, 0x80, 0x80, 0x80, 0) // room for 41 bits
	m.spend()
	m.charge++
	m.cost, m.due = 0, false
}

// settle writes the current charge's cost into its place.
func (m *rewriter) settle() {
	v := m.cost
	for i := range 5 {
		m.out[m.patch+i] = byte(v)&0x7f | 0x80
		v >>= 7
	}
	m.out[m.patch+5] = byte(v)
}

// spend subtracts the i64 on the stack from the fuel below it and traps when the
// rest is negative.
func (m *rewriter) spend() {
	m.shape.branches++
	m.out = append(m.out, opI64Sub, opLocalTee)
	m.out = appendU32(m.out, m.scratch)
	if !m.held {
		m.out = append(m.out, opGlobalSet)
		m.out = appendU32(m.out, m.in.globals)
		m.out = append(m.out, opLocalGet)
		m.out = appendU32(m.out, m.scratch)
	}
	m.out = append(m.out, opI64Const, 0, opI64LtS)
	if len(m.in.results) > 1 {
		m.out = append(m.out, opIf, blockEmpty, opUnreachable, opEnd)
		return
	}
	m.out = append(m.out, opBrIf)
	m.out = appendU32(m.out, uint32(len(m.labels)))
}

// weigh charges for the length on top of the stack, which is put back.
func (m *rewriter) weigh(b bulk) {
	m.out = append(m.out, opLocalTee)
	m.out = appendU32(m.out, m.scratch+1)
	m.level()
	m.out = append(m.out, opLocalGet)
	m.out = appendU32(m.out, m.scratch+1)
	m.out = append(m.out, opI64ExtendI32U)
	switch b {
	case byBytes: // eight bytes cost one
		m.out = append(m.out, opI64Const, 3, opI64ShrU)
	case byPages: // clearing a page, and moving the rest now and then
		m.out = append(m.out, opI64Const, 14, opI64Shl)
	}
	m.spend()
}

// fetch takes the fuel into the local, giveBack puts it back into the global. Both leave
// the operand stack as it is.
func (m *rewriter) fetch() {
	m.out = appendU32(append(m.out, opGlobalGet), m.in.globals)
	m.out = appendU32(append(m.out, opLocalSet), m.scratch)
}

func (m *rewriter) giveBack() {
	if m.held {
		m.out = appendU32(append(m.out, opLocalGet), m.scratch)
		m.out = appendU32(append(m.out, opGlobalSet), m.in.globals)
	}
}

// level puts what is left of the fuel on the operand stack.
func (m *rewriter) level() {
	if m.held {
		m.out = appendU32(append(m.out, opLocalGet), m.scratch)
		return
	}
	m.out = appendU32(append(m.out, opGlobalGet), m.in.globals)
}

// wrap puts the body into two blocks: the inner one stands for the function, so that
// branches to its end stay right, and the outer one is where a charge jumps when the
// fuel is gone, behind everything else. That costs a path one branch not taken, half
// of what a trap in its place costs. Only a function with several results, for which a
// block would need a type of its own, keeps its traps in place.
func (m *rewriter) wrap() {
	switch len(m.in.results) {
	case 0:
		m.out = append(m.out, opBlock, blockEmpty, opBlock, blockEmpty)
	case 1:
		m.out = append(m.out, opBlock, blockEmpty, opBlock, m.in.results[0])
	}
}

func (m *rewriter) unwrap() {
	if len(m.in.results) > 1 {
		return
	}
	m.giveBack()
	m.out = append(m.out, opReturn, opEnd)
	m.giveBack()
	m.out = append(m.out, opUnreachable, opEnd)
}
