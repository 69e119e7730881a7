package policy

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// The evaluator checks its time limit between expressions, never within a function. So the
// operands of one call are bounded, such that it takes a few milliseconds and some
// megabytes at most. What a policy does with an input of at most maxInput bytes is far
// below these bounds.
const (
	// maxOperandBytes and maxOperandValues bound the text and the values in all operands
	// of one call, nested and repeated ones included.
	maxOperandBytes  = 256 << 10
	maxOperandValues = 64 << 10
	// maxDigits bounds a number as it is written, maxExponent its exponent.
	maxDigits   = 512
	maxExponent = 400
	// maxShift bounds bits.lsh.
	maxShift = 1024
	// maxResultBytes bounds the text that a call may return.
	maxResultBytes = 1 << 20
	// maxSteps bounds calls that compare each part of one operand with each of another.
	maxSteps = 4 << 20
	// maxPatternBytes bounds a regular expression or glob, maxPatternSize its program.
	maxPatternBytes = 1 << 10
	maxPatternSize  = 4 << 10
	// maxReplaced bounds the texts that strings.replace_n searches for, in bytes.
	maxReplaced = 4 << 10
)

// operandCheck returns an error for a call that must not be made.
type operandCheck func(operands []*ast.Term) error

// unmeasured functions take the same time for operands of any size, or stop at the first
// difference: tables of any size may be looked up and counted.
var unmeasured = []string{"count", "equal", "eq", "gt", "gte", "internal.member_2", "internal.member_3",
	"is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string", "lt", "lte", "neq", "object.get",
	"object.keys", "rego.metadata.chain", "rego.metadata.rule", "type_name", "array.slice"}

// furtherChecks are for functions whose work or result is not proportional to the size of
// their operands.
var furtherChecks = map[string]operandCheck{
	"bits.lsh":                         checkShift,
	"concat":                           checkConcat,
	"glob.match":                       func(o []*ast.Term) error { return checkSize(o[0], maxPatternBytes) },
	"indexof":                          checkSteps,
	"indexof_n":                        checkSteps,
	"json.filter":                      checkSteps,
	"json.remove":                      checkSteps,
	"numbers.range":                    checkRange,
	"numbers.range_step":               checkRange,
	"object.subset":                    checkSteps,
	"product":                          func(o []*ast.Term) error { return checkSize(o[0], 2*maxDigits) },
	"regex.find_all_string_submatch_n": func(o []*ast.Term) error { return checkRegex(o[0], o[1]) },
	"regex.find_n":                     func(o []*ast.Term) error { return checkRegex(o[0], o[1]) },
	"regex.is_valid":                   func(o []*ast.Term) error { return checkRegex(o[0], o[0]) },
	"regex.match":                      func(o []*ast.Term) error { return checkRegex(o[0], o[1]) },
	"regex.replace":                    checkRegexReplace,
	"regex.split":                      func(o []*ast.Term) error { return checkRegex(o[0], o[1]) },
	"replace":                          checkReplace,
	"sprintf":                          checkSprintf,
	"strings.any_prefix_match":         checkSteps,
	"strings.any_suffix_match":         checkSteps,
	"strings.replace_n":                checkReplaceN,
	"trim":                             checkSteps,
	"trim_left":                        checkSteps,
	"trim_right":                       checkSteps,
}

// boundBuiltins replaces the functions that policies may call by bounded ones. OPA has one
// implementation of each function for the whole process; nothing but this package
// evaluates Rego in it.
var boundBuiltins = sync.OnceFunc(func() {
	for _, name := range allowedBuiltins {
		if call := topdown.GetBuiltin(name); call != nil {
			topdown.RegisterBuiltinFunc(name, bounded(name, call))
		}
	}
})

func bounded(name string, call topdown.BuiltinFunc) topdown.BuiltinFunc {
	further, measured := furtherChecks[name], !slices.Contains(unmeasured, name)
	return func(ctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		if err := checkOperands(operands, measured, further); err != nil {
			return err // OPA adds the function's name
		}
		return call(ctx, operands, iter)
	}
}

func checkOperands(operands []*ast.Term, measured bool, further operandCheck) error {
	var m measure
	for _, o := range operands {
		switch v := o.Value.(type) {
		case ast.Number:
			if err := checkNumber(v); err != nil {
				return err
			}
		default:
			if measured && !m.add(o) {
				return fmt.Errorf("operands are too large: a call may have %d KiB of text and %d values in all", maxOperandBytes>>10, maxOperandValues)
			}
		}
	}
	if further == nil {
		return nil
	}
	return further(operands)
}

// checkNumber bounds the length of a number.
func checkNumber(n ast.Number) error {
	digits, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	exponent = strings.TrimLeft(strings.TrimLeft(exponent, "+-"), "0")
	if len(digits) > maxDigits || len(exponent) > 3 || len(exponent) == 3 && exponent > fmt.Sprint(maxExponent) {
		return fmt.Errorf("number is too long: at most %d digits and an exponent of %d are allowed", maxDigits, maxExponent)
	}
	return nil
}

// measure sums text and values, and stops when either is too large. A value that a list
// has twice counts twice, so the sum may be far larger than the memory that it takes.
type measure struct{ bytes, values int }

func (m *measure) add(t *ast.Term) bool {
	m.values++
	switch v := t.Value.(type) {
	case ast.String:
		m.bytes += len(v)
	case ast.Number:
		m.bytes += len(v)
	case *ast.Array:
		return !v.Until(func(e *ast.Term) bool { return !m.add(e) }) && m.fits()
	case ast.Set:
		return !v.Until(func(e *ast.Term) bool { return !m.add(e) }) && m.fits()
	case ast.Object:
		return !v.Until(func(k, e *ast.Term) bool { return !m.add(k) || !m.add(e) }) && m.fits()
	}
	return m.fits()
}

func (m *measure) fits() bool { return m.bytes <= maxOperandBytes && m.values <= maxOperandValues }

// sizeOf returns the size of an operand that fits, in bytes of text and values.
func sizeOf(t *ast.Term) int {
	var m measure
	m.add(t)
	return m.bytes + m.values
}
