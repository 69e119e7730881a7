package fuel

import (
	"errors"
	"fmt"
)

// Compiling takes time and memory that grow with the square of some of a function's
// figures, and recurses once for every block, so that a small file could block the
// gateway for minutes or crash it. These bounds are checked while fuel
// counting is built in, before anything is compiled. What real modules have is in
// parentheses: the largest of the built-in module, of the SDKs' examples and of a Go
// program of 13 MB with an HTTP client, a template engine and XML.
const (
	maxTypes       = 1000    // function types (28)
	maxValues      = 1000    // parameters of one function, and its results (12)
	maxImports     = 1000    // (18)
	maxFuncs       = 100_000 // (7,447)
	maxExports     = 10_000
	maxGlobals     = 10_000
	maxVariables   = 256       // mutable globals, which compiled code carries like locals (24)
	maxSegments    = 100_000   // of data, and of elements
	maxLocals      = 4096      // of a function, parameters included (60)
	maxBody        = 512 << 10 // bytes of a function (50,636)
	maxNesting     = 4096      // blocks around an instruction (573)
	maxLoopNesting = 100       // loops around an instruction
	maxBranches    = 16_384    // of a function (4,589)
	maxCarried     = 4_000_000 // variables times branches and calls of a function (170,000)
	// The same of the whole module.
	maxAllLocals   = 2_000_000     // (55,294)
	maxAllBranches = 3_000_000     // (929,156)
	maxAllSquares  = 1_000_000_000 // the squares of the branches, summed (430 million)
	maxAllCarried  = 64_000_000    // (32 million)
	maxPairs       = 8_000_000     // types times functions (134,000)
)

// complexity holds the figures of a function that decide how long compiling it takes.
type complexity struct {
	locals uint64
	// branches counts forks and joins of the control flow: a block once, a loop twice, an if
	// three times, a branch and a charge once, a table once for every target.
	branches int
	calls    int
	loops    int // open ones
	// arity is the most values that the function, or one call or block in it, takes and gives.
	arity int
}

// count counts an instruction and reports a bound that the function exceeds.
func (s *complexity) count(op byte, in instruction, around funcContext) error {
	s.branches += branchesOf(op, in)
	switch op {
	case opLoop:
		s.loops++
	case opCall, opCallIndirect:
		s.calls++
	}
	if t, ok := around.signature(op, in); ok {
		s.arity = max(s.arity, len(t.Params)+len(t.Results))
	}
	switch {
	case s.branches > maxBranches:
		return fmt.Errorf("it has more than %d branches: split it", maxBranches)
	case s.loops > maxLoopNesting:
		return fmt.Errorf("it nests loops deeper than %d", maxLoopNesting)
	}
	return nil
}

// signature is the type of a call or a block, if it names one that exists; if not, the
// compiler refuses the module.
func (a funcContext) signature(op byte, in instruction) (Signature, bool) {
	index := in.index
	switch {
	case op == opCall && int64(index) < int64(len(a.funcs)):
		index = a.funcs[index]
	case op != opCallIndirect && !in.typed:
		return Signature{}, false
	}
	if int64(index) >= int64(len(a.types)) {
		return Signature{}, false
	}
	return a.types[index], true
}

// branchesOf is how many branches an instruction counts for. Bulk instructions, indirect
// calls and divisions check their operands.
func branchesOf(op byte, in instruction) int {
	switch op {
	case opBlock, opBr, opBrIf, opReturn, opUnreachable:
		return 1
	case opLoop, opCallIndirect, 0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82: // division of integers
		return 2
	case opIf:
		return 3
	case opBrTable:
		return len(in.table)
	}
	if in.bulk != noBulk {
		return 3
	}
	return 0
}

// carried is how many values the compiler keeps alive across branches and calls, at worst:
// every variable across each.
func (s *complexity) carried(variables int) int64 {
	return (int64(s.locals) + int64(variables) + int64(s.arity)) * int64(s.branches+s.calls)
}

// moduleTotals adds up the complexity of a module's functions.
type moduleTotals struct {
	locals                     uint64
	branches, squares, carried int64
}

// add adds a function and reports a bound that it, or the module with it, exceeds.
func (w *moduleTotals) add(s complexity, variables int) error {
	carried := s.carried(variables)
	w.locals += s.locals
	w.branches += int64(s.branches)
	w.squares += int64(s.branches) * int64(s.branches)
	w.carried += carried
	switch {
	case carried > maxCarried:
		return fmt.Errorf("its variables times its branches and calls are %d; at most %d are accepted",
			carried, maxCarried)
	case w.locals > maxAllLocals:
		return fmt.Errorf("the functions up to here have %d locals together; at most %d are accepted", w.locals, maxAllLocals)
	case w.branches > maxAllBranches:
		return fmt.Errorf("the functions up to here have %d branches together; at most %d are accepted", w.branches, maxAllBranches)
	case w.squares > maxAllSquares:
		return fmt.Errorf("the squares of the branches of the functions up to here add up to %d; at most %d are accepted",
			w.squares, maxAllSquares)
	case w.carried > maxAllCarried:
		return fmt.Errorf("the variables times branches and calls of the functions up to here add up to %d; at most %d are accepted",
			w.carried, maxAllCarried)
	}
	return nil
}

// CheckBounds reports tables that are too large and too many of anything.
func (m *Module) CheckBounds() error { return errors.Join(m.checkTables(), m.checkCounts()) }

func (m *Module) checkTables() error {
	if len(m.tables) > maxTables {
		return fmt.Errorf("it has %d tables; at most %d are allowed", len(m.tables), maxTables)
	}
	for _, t := range m.tables {
		if t.Wide64 || t.Shared || t.Min > maxElements {
			return fmt.Errorf("it has a table that is 64-bit, shared or larger than %d elements", maxElements)
		}
	}
	return nil
}

// checkCounts compares how many of everything the module has with the bounds.
func (m *Module) checkCounts() error {
	for _, c := range []struct {
		what       string
		have, most int
	}{
		{"imports", len(m.Imports), maxImports},
		{"function types", len(m.Types), maxTypes},
		{"functions", len(m.Funcs), maxFuncs},
		{"exports", len(m.Exports), maxExports},
		{"globals", m.Globals, maxGlobals},
		{"mutable globals", m.variables, maxVariables},
		{"element and data segments", m.segments, maxSegments},
		{"pairs of a function type and a function", len(m.Types) * len(m.Funcs), maxPairs},
	} {
		if c.have > c.most {
			return fmt.Errorf("it has %d %s; at most %d are accepted", c.have, c.what, c.most)
		}
	}
	return nil
}
