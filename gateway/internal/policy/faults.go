package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Fault is one thing wrong with a policy folder.
type Fault struct {
	// File is the path as the operator wrote it; Row and Col count from 1, 0 when the
	// fault has no position.
	File     string
	Row, Col int
	Message  string
	// Hint is what to do about it; it may be empty.
	Hint string
}

// String returns "file:row:col: message".
func (f Fault) String() string {
	switch {
	case f.Row == 0 && f.File == "":
		return f.Message
	case f.Row == 0:
		return f.File + ": " + f.Message
	case f.Col == 0:
		return fmt.Sprintf("%s:%d: %s", f.File, f.Row, f.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Row, f.Col, f.Message)
}

// Faults are all faults of a policy folder, sorted by position. errors.As finds them in
// the errors of New, Check, Test and Eval that are the policy's.
type Faults []Fault

// Error has one line for every fault and one, indented, for every hint.
func (fs Faults) Error() string {
	var b strings.Builder
	for i, f := range fs {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.String())
		if f.Hint != "" {
			b.WriteString("\n  " + f.Hint)
		}
	}
	return b.String()
}

func (fs Faults) sort() {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Message, b.Message))
	})
}

// faultsOf converts the errors of the parser or the compiler to faults.
func faultsOf(err error) Faults {
	var all ast.Errors
	var one *ast.Error
	switch {
	case errors.As(err, &all):
	case errors.As(err, &one):
		all = ast.Errors{one}
	default:
		return Faults{{Message: err.Error()}}
	}
	var faults Faults
	for _, e := range all {
		faults = append(faults, faultOf(e))
	}
	faults.sort()
	return slices.Compact(faults)
}

func faultOf(e *ast.Error) Fault {
	f := Fault{Message: e.Message, Hint: hint(e)}
	if e.Location != nil {
		f.File, f.Row, f.Col = e.Location.File, e.Location.Row, e.Location.Col
	}
	return f
}

func hint(e *ast.Error) string {
	if d, ok := e.Details.(*ast.RefErrInvalidDetail); ok {
		return hintForRef(d)
	}
	if name, ok := strings.CutPrefix(e.Message, "undefined function "); ok {
		return hintForFunction(name)
	}
	switch {
	case e.Code == ast.RecursionErr:
		return "a rule must not depend on itself, also not through others"
	case e.Code == ast.UnsafeVarErr:
		return "give it a value in this rule, such as `x := input.request.model` or `some x in …`; or was a string without quotes, or another name, meant?"
	case strings.HasPrefix(e.Message, "conflicting rules "):
		return "rules of one name have one form: `deny contains … if { … }`, `limits contains …`, `warnings contains …`, `obligations.NAME := …`"
	case e.Code == ast.TypeErr && e.Details != nil:
		return "the types do not fit: " + strings.Join(trimmed(e.Details.Lines()), "; ")
	}
	if e.Code == ast.ParseErr && strings.Contains(e.Message, "keyword is required") {
		return "policies are Rego v1: write `deny contains reason if { … }` and `allow := true if { … }`"
	}
	if e.Details != nil && e.Code == ast.ParseErr {
		return strings.Join(e.Details.Lines(), "\n  ")
	}
	return ""
}

// trimmed returns lines with single blanks.
func trimmed(lines []string) (out []string) {
	for _, line := range lines {
		if text := strings.Join(strings.Fields(line), " "); text != "" {
			out = append(out, text)
		}
	}
	return out
}

func hintForRef(d *ast.RefErrInvalidDetail) string {
	var members []string
	for _, v := range d.OneOf {
		if s, ok := v.(ast.String); ok {
			members = append(members, string(s))
		}
	}
	if len(members) == 0 || d.Pos >= len(d.Ref) {
		return ""
	}
	parent, list := d.Ref[:d.Pos].String(), strings.Join(members, ", ")
	if have, ok := d.Ref[d.Pos].Value.(ast.String); ok {
		if near := nearest(string(have), members); near != "" {
			return fmt.Sprintf("did you mean %s.%s? %s has %s", parent, near, parent, list)
		}
	}
	return parent + " has " + list
}

func hintForFunction(name string) string {
	if slices.Contains(unbounded, name) {
		return name + " is not available to policies: its time and memory have no bound"
	}
	for _, b := range ast.Builtins {
		if b.Name == name {
			return name + " is not available to policies: a decision must depend on its input alone, without network, clock, randomness or environment"
		}
	}
	if near := nearest(name, allowedBuiltins); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// nearest returns the closest candidate within an edit distance of about a third of the
// length; empty when there is none.
func nearest(have string, candidates []string) string {
	best, distance := "", len(have)/3+1
	for _, c := range candidates {
		if d := editDistance(have, c); d < distance || d == distance && best == "" {
			best, distance = c, d
		}
	}
	return best
}

// editDistance counts the bytes to insert, delete, replace or swap with a neighbor.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
