package policy

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

func checkSize(t *ast.Term, most int) error {
	if sizeOf(t) > most+1 { // the value itself counts one
		return fmt.Errorf("operand is too large: at most %d bytes are allowed", most)
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
			return fmt.Errorf("can shift by at most %d", maxShift)
		}
	}
	return nil
}

var errResult = fmt.Errorf("would return more than %d KiB of text", maxResultBytes>>10)

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
		return fmt.Errorf("can return at most %d numbers", maxOperandValues)
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
		return nil // the function itself refuses it
	}
	searched, longest := 0, 0
	patterns.Foreach(func(k, v *ast.Term) {
		searched += len(textOf(k))
		longest = max(longest, len(textOf(v)))
	})
	if searched > maxReplaced {
		return fmt.Errorf("can search for at most %d bytes of text in all", maxReplaced)
	}
	return checkResult((len(textOf(o[1])) + 1) * (longest + 1))
}

// checkSprintf bounds the output of the verbs: each writes its operand or its width.
func checkSprintf(o []*ast.Term) error {
	format := textOf(o[0])
	var longest int
	if args, ok := o[1].Value.(*ast.Array); ok {
		args.Foreach(func(a *ast.Term) { longest = max(longest, sizeOf(a)) })
	}
	if strings.Contains(format, "*") && strings.Contains(format, "%") {
		return errors.New("does not allow * as a width: write the width into the format")
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

// leadingInt parses the digits at the start of s. It saturates at 1<<30.
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
		return fmt.Errorf("pattern is too long: at most %d bytes are allowed", maxPatternBytes)
	}
	size := 2 * len(source)
	if strings.Contains(source, "{") { // nothing else multiplies
		parsed, err := syntax.Parse(source, syntax.Perl)
		if err != nil {
			return nil // the function itself reports it
		}
		size = programSize(parsed)
	}
	if size > maxPatternSize {
		return errors.New("pattern is too large: its counted repetitions multiply")
	}
	if size*(len(textOf(text))+1) > maxSteps {
		return errors.New("would take too long: shorten the pattern or the text")
	}
	return nil
}

// programSize estimates the instructions of the program that a pattern compiles to.
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

// checkRegexReplace also bounds the replacement, which may repeat what a group matched.
func checkRegexReplace(o []*ast.Term) error {
	text, fresh := textOf(o[0]), textOf(o[2])
	if err := checkRegex(o[1], o[0]); err != nil {
		return err
	}
	return checkResult(len(text) + (len(text)+1)*(len(fresh)+strings.Count(fresh, "$")))
}
