package policy

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// The time limit of an evaluation is looked at between expressions, never within a
// function. So what one call of a function may be given is bounded, such that it takes
// a few milliseconds and some megabytes at most. Whatever a policy does with an input of
// at most maxInput bytes is far below.
const (
	// maxOperandBytes and maxOperandValues bound the text and the values in all operands
	// of one call, nested ones and what a list repeats included.
	maxOperandBytes  = 256 << 10
	maxOperandValues = 64 << 10
	// maxDigits bounds a number as it is written, maxExponent what follows its e.
	maxDigits   = 512
	maxExponent = 400
	// maxShift bounds bits.lsh.
	maxShift = 1024
	// maxResultBytes bounds the text that a call may make of its operands.
	maxResultBytes = 1 << 20
	// maxSteps bounds calls that look at each part of one operand for each of another.
	maxSteps = 4 << 20
	// maxPatternBytes bounds a regular expression or glob, maxPatternSize its program.
	maxPatternBytes = 1 << 10
	maxPatternSize  = 4 << 10
	// maxReplaced bounds all that strings.replace_n looks for, in bytes.
	maxReplaced = 4 << 10
)

// operandCheck says why a call must not be made.
type operandCheck func(operands []*ast.Term) error

// unmeasured functions take the same time whatever they are given, or stop at the first
// difference: tables of any size may be looked up and counted.
var unmeasured = []string{"count", "equal", "eq", "gt", "gte", "internal.member_2", "internal.member_3",
	"is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string", "lt", "lte", "neq", "object.get",
	"object.keys", "rego.metadata.chain", "rego.metadata.rule", "type_name", "array.slice"}

// furtherChecks are for functions whose work or result is not proportional to what they
// are given.
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

// boundBuiltins puts the bounds around the functions that policies may call. OPA knows
// one implementation of each function for the whole process, and this package is all of
// the process that evaluates Rego.
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
			return err // OPA names the function
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
				return fmt.Errorf("is given too much: a call may be given %d KiB of text and %d values in all", maxOperandBytes>>10, maxOperandValues)
			}
		}
	}
	if further == nil {
		return nil
	}
	return further(operands)
}

// checkNumber bounds what arithmetic works on.
func checkNumber(n ast.Number) error {
	digits, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	exponent = strings.TrimLeft(strings.TrimLeft(exponent, "+-"), "0")
	if len(digits) > maxDigits || len(exponent) > 3 || len(exponent) == 3 && exponent > fmt.Sprint(maxExponent) {
		return fmt.Errorf("is given a number that is too long: %d digits and the exponent %d are allowed", maxDigits, maxExponent)
	}
	return nil
}

// measure adds up text and values, and stops where either is too much: what a list holds
// twice counts twice, so that the whole may be far larger than the memory that it takes.
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

// sizeOf is the text and the values of an operand that has been found to fit.
func sizeOf(t *ast.Term) int {
	var m measure
	m.add(t)
	return m.bytes + m.values
}

func checkSize(t *ast.Term, most int) error {
	if sizeOf(t) > most+1 { // the value itself counts one
		return fmt.Errorf("is given too much: %d bytes are allowed here", most)
	}
	return nil
}

// checkSteps bounds the product of the first two operands.
func checkSteps(o []*ast.Term) error {
	if sizeOf(o[0])*sizeOf(o[1]) > maxSteps {
		return errors.New("would take too long: make one of the two operands smaller")
	}
	return nil
}

func checkShift(o []*ast.Term) error {
	if n, ok := o[1].Value.(ast.Number); ok {
		if by, ok := n.Int(); !ok || by > maxShift {
			return fmt.Errorf("may shift by %d at most", maxShift)
		}
	}
	return nil
}

var errResult = fmt.Errorf("would make more than %d KiB of text", maxResultBytes>>10)

func checkResult(bytes int) error {
	if bytes > maxResultBytes {
		return errResult
	}
	return nil
}

func checkConcat(o []*ast.Term) error {
	var values measure
	values.add(o[1])
	return checkResult(values.bytes + values.values*sizeOf(o[0]))
}

// checkRange bounds how many numbers there are between two.
func checkRange(o []*ast.Term) error {
	from, ok := intOf(o[0])
	to, ok2 := intOf(o[1])
	step := 1
	if len(o) > 2 {
		if n, ok := intOf(o[2]); ok && n > 0 {
			step = n
		}
	}
	if from > to {
		from, to = to, from
	}
	if !ok || !ok2 || uint64(to)-uint64(from) > uint64(maxOperandValues)*uint64(step) {
		return fmt.Errorf("may give %d numbers at most", maxOperandValues)
	}
	return nil
}

func intOf(t *ast.Term) (int, bool) {
	n, ok := t.Value.(ast.Number)
	if !ok {
		return 0, false
	}
	return n.Int()
}

func textOf(t *ast.Term) string {
	s, _ := t.Value.(ast.String)
	return string(s)
}

func checkReplace(o []*ast.Term) error {
	text, old, fresh := textOf(o[0]), textOf(o[1]), textOf(o[2])
	return checkResult(len(text) + strings.Count(text, old)*len(fresh))
}

func checkReplaceN(o []*ast.Term) error {
	patterns, ok := o[0].Value.(ast.Object)
	if !ok {
		return nil // which the function itself refuses
	}
	looked, longest := 0, 0
	patterns.Foreach(func(k, v *ast.Term) {
		looked += len(textOf(k))
		longest = max(longest, len(textOf(v)))
	})
	if looked > maxReplaced {
		return fmt.Errorf("may look for %d bytes of text in all", maxReplaced)
	}
	return checkResult((len(textOf(o[1])) + 1) * (longest + 1))
}

// checkSprintf bounds what the verbs may write: each its operand or its width.
func checkSprintf(o []*ast.Term) error {
	format := textOf(o[0])
	var longest int
	if args, ok := o[1].Value.(*ast.Array); ok {
		args.Foreach(func(a *ast.Term) { longest = max(longest, sizeOf(a)) })
	}
	if strings.Contains(format, "*") && strings.Contains(format, "%") {
		return errors.New("takes no * as a width: write the width into the format")
	}
	total := len(format)
	for _, verb := range strings.Split(format, "%")[1:] {
		width, rest := leadingInt(strings.TrimLeft(verb, "+-# 0"))
		precision := 0
		if rest, ok := strings.CutPrefix(rest, "."); ok {
			precision, _ = leadingInt(rest)
		}
		total += max(longest, width, precision)
	}
	return checkResult(total)
}

// leadingInt reads the digits that s starts with; very many are a very large number.
func leadingInt(s string) (n int, rest string) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return n, s[i:]
		}
		n = min(n*10+int(s[i]-'0'), 1<<30)
	}
	return n, ""
}

// checkRegex bounds the size of a regular expression's program, which counted
// repetitions multiply, and the work of running it over a text.
func checkRegex(pattern, text *ast.Term) error {
	source := textOf(pattern)
	if len(source) > maxPatternBytes {
		return fmt.Errorf("takes patterns of %d bytes at most", maxPatternBytes)
	}
	size := 2 * len(source)
	if strings.Contains(source, "{") { // nothing else multiplies
		parsed, err := syntax.Parse(source, syntax.Perl)
		if err != nil {
			return nil // which the function itself tells
		}
		size = programSize(parsed)
	}
	if size > maxPatternSize {
		return errors.New("is given a pattern that is too large: its counted repetitions multiply")
	}
	if size*(len(textOf(text))+1) > maxSteps {
		return errors.New("would take too long: shorten the pattern or the text")
	}
	return nil
}

// programSize counts about the instructions of the program that a pattern compiles to.
func programSize(r *syntax.Regexp) int {
	size := 1
	if r.Op == syntax.OpLiteral {
		size = len(r.Rune)
	}
	for _, sub := range r.Sub {
		size += programSize(sub)
	}
	if r.Op == syntax.OpRepeat {
		size *= max(r.Min, r.Max, 1)
	}
	return min(size, maxPatternSize+1)
}

// checkRegexReplace also bounds what is put in: it may repeat what a group has matched.
func checkRegexReplace(o []*ast.Term) error {
	text, fresh := textOf(o[0]), textOf(o[2])
	if err := checkRegex(o[1], o[0]); err != nil {
		return err
	}
	return checkResult(len(text) + (len(text)+1)*(len(fresh)+strings.Count(fresh, "$")))
}
