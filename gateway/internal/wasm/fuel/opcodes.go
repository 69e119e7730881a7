package fuel

// The instructions that the pass has to know by name.
const (
	opUnreachable   = 0x00
	opBlock         = 0x02
	opLoop          = 0x03
	opIf            = 0x04
	opElse          = 0x05
	opEnd           = 0x0b
	opBr            = 0x0c
	opBrIf          = 0x0d
	opBrTable       = 0x0e
	opReturn        = 0x0f
	opCall          = 0x10
	opCallIndirect  = 0x11
	opLocalGet      = 0x20
	opLocalSet      = 0x21
	opLocalTee      = 0x22
	opGlobalGet     = 0x23
	opGlobalSet     = 0x24
	opMemoryGrow    = 0x40
	opI64Const      = 0x42
	opI64LtS        = 0x53
	opI64Sub        = 0x7d
	opI64Shl        = 0x86
	opI64ShrU       = 0x88
	opI64ExtendI32U = 0xad
	opMisc          = 0xfc
	opVector        = 0xfd

	blockEmpty = 0x40
)

// Costs in fuel. Other instructions cost 1, and those that only structure the code nothing.
const (
	costCall   = 32  // bounds how deep a guest can recurse
	costDivide = 8   // 20 to 40 cycles
	costVector = 2   // several of them take more than one machine instruction
	costBulk   = 16  // plus the length
	costGrow   = 128 // leaves compiled code; plus the length
)

// bulk says what the number on top of the stack counts, where that decides how much an
// instruction does.
type bulk uint8

const (
	noBulk bulk = iota
	byBytes
	byPages
	byElements
)

// instruction is what the pass needs to know of one instruction.
type instruction struct {
	cost uint32
	bulk bulk
	// index is the immediate of branches, of local and global accesses, the function of a
	// call and the type of an indirect one.
	index         uint32
	local, global bool
	// table holds the targets of br_table, the default last.
	table []uint32
	// typed says that index is the type of a block; one of no or one value has none.
	typed bool
}

// decode reads the immediates of op, which has just been read. What is not in
// WebAssembly 2.0 is refused, since its work could not be charged for.
func decode(r *reader, op byte) instruction {
	in := instruction{cost: 1}
	switch {
	case op == 0x01 || op == opElse || op == opEnd: // nop
		in.cost = 0
	case op == opBlock || op == opLoop:
		in.index, in.typed = blockType(r)
		in.cost = 0
	case op == opIf:
		in.index, in.typed = blockType(r)
	case op == opBr || op == opBrIf:
		in.index = r.u32()
	case op == opBrTable:
		in.table = targets(r)
	case op == opCall:
		in.index, in.cost = r.u32(), costCall
	case op == opCallIndirect:
		in.index, in.cost = r.u32(), costCall
		r.u32()
	case op == 0x1c: // select with types
		r.bytes(r.u32())
	case op >= opLocalGet && op <= opLocalTee:
		in.local, in.index = true, r.u32()
	case op == opGlobalGet || op == opGlobalSet:
		in.global, in.index = true, r.u32()
	case op == 0x25 || op == 0x26 || op == 0x3f || op == 0xd0: // table.get and set, memory.size, ref.null
		r.u32()
	case op == 0xd2: // ref.func leaves compiled code
		r.u32()
		in.cost = costGrow
	case op == opMemoryGrow:
		r.u32()
		in.cost, in.bulk = costGrow, byPages
	case op >= 0x28 && op <= 0x3e: // loads and stores
		r.u32()
		r.u32()
	case op == opMisc:
		return decodeMisc(r)
	case op == opVector:
		decodeVector(r)
		in.cost = costVector
	default:
		in.cost = plain(r, op)
	}
	return in
}

// plain handles constants and what has no immediates.
func plain(r *reader, op byte) uint32 {
	switch {
	case op == 0x41:
		r.skipLEB(5)
	case op == opI64Const:
		r.skipLEB(10)
	case op == 0x43:
		r.bytes(4)
	case op == 0x44:
		r.bytes(8)
	case op >= 0x6d && op <= 0x70, op >= 0x7f && op <= 0x82: // integer division
		return costDivide
	case op == 0x91, op == 0x95, op == 0x9f, op == 0xa3: // sqrt and division of floats
		return costDivide
	case op == opUnreachable, op == opReturn, op == 0x1a, op == 0x1b, op == 0xd1,
		op >= 0x45 && op <= 0xc4:
	default:
		r.fail("it has the unknown instruction %#x", op)
	}
	return 1
}

func decodeMisc(r *reader) instruction {
	in := instruction{cost: costBulk}
	sub := r.u32()
	switch {
	case sub <= 7: // saturating truncation
		in.cost = 2
	case sub == 8 || sub == 10: // memory.init, memory.copy
		r.u32()
		r.u32()
		in.bulk = byBytes
	case sub == 11: // memory.fill
		r.u32()
		in.bulk = byBytes
	case sub == 9 || sub == 13 || sub == 16: // data.drop, elem.drop, table.size
		r.u32()
	case sub == 12 || sub == 14: // table.init, table.copy
		r.u32()
		r.u32()
		in.bulk = byElements
	case sub == 17: // table.fill
		r.u32()
		in.bulk = byElements
	case sub == 15: // table.grow
		r.u32()
		in.cost, in.bulk = costGrow, byElements
	default:
		r.fail("it has the unknown instruction 0xfc %d", sub)
	}
	return in
}

func decodeVector(r *reader) {
	sub := r.u32()
	switch {
	case sub <= 11 || sub == 92 || sub == 93: // loads and stores
		r.u32()
		r.u32()
	case sub == 12 || sub == 13: // v128.const, i8x16.shuffle
		r.bytes(16)
	case sub >= 21 && sub <= 34: // lanes
		r.byte()
	case sub >= 84 && sub <= 91: // lanes from and to memory
		r.u32()
		r.u32()
		r.byte()
	case sub > 0xff:
		r.fail("it has the unknown instruction 0xfd %d", sub)
	}
}

// blockType reads nothing, one type or the index of a function type, and says whether it
// is an index.
func blockType(r *reader) (index uint32, typed bool) {
	start := *r
	r.skipLEB(5)
	if r.err != nil || start.b[start.at]&0xc0 == 0x40 { // negative in one byte
		return 0, false
	}
	return start.u32(), true
}

func targets(r *reader) []uint32 {
	n := r.count()
	table := make([]uint32, 0, n+1)
	for range n + 1 {
		table = append(table, r.u32())
	}
	return table
}
