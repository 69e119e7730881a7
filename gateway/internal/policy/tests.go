package policy

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"
)

// testLimit bounds one Rego test.
const testLimit = 5 * time.Second

// TestOptions tune Test.
type TestOptions struct {
	// Verbose includes the tests that passed, and what they printed.
	Verbose bool
	// Coverage measures which rows of the policy the tests cover.
	Coverage bool
}

// Report is the result of a policy's tests.
type Report struct {
	Passed, Failed, Skipped int
	// Coverage is in percent of the policy's rows, test files excluded; negative when it
	// was not measured. Uncovered are the rows that no test covers, such as
	// "policies/team.rego:12-14".
	Coverage  float64
	Uncovered []string
}

// Test runs the policy's *_test.rego and writes a readable report to out. Failed tests are
// counted in the report and are no error.
func Test(ctx context.Context, src Source, out io.Writer, o TestOptions) (Report, error) {
	var coverage *cover.Cover
	if o.Coverage {
		coverage = cover.New()
	}
	var b *bundle
	src.whole = true
	results, err := inTime(ctx, Options{Source: src}.withDefaults(), func(ctx context.Context) (_ []*tester.Result, err error) {
		if b, err = load(src); err != nil {
			return nil, err
		}
		return b.test(ctx, coverage)
	})
	if err != nil {
		return Report{}, fmt.Errorf("test policy: %w", err)
	}
	r := Report{Coverage: -1}
	for _, result := range results {
		r.count(result)
		if _, err := io.WriteString(out, describe(result, o.Verbose)); err != nil {
			return r, fmt.Errorf("write test report: %w", err)
		}
	}
	if coverage != nil {
		r.cover(b, coverage)
	}
	_, err = io.WriteString(out, r.summary())
	return r, err
}

// passTests runs the policy's tests before it is published; every failure is a fault.
func (b *bundle) passTests(ctx context.Context) (passed int, err error) {
	results, err := b.test(ctx, nil)
	if err != nil {
		return 0, err
	}
	var faults Faults
	for _, r := range results {
		switch {
		case r.Error != nil:
			faults = append(faults, faultAt(r, "test "+r.Name+" stopped: "+r.Error.Error()))
		case r.Fail:
			faults = append(faults, faultAt(r, "test "+r.Name+" fails"))
		case !r.Skip:
			passed++
		}
	}
	if len(faults) > 0 {
		return passed, faults
	}
	return passed, ctx.Err()
}

func faultAt(r *tester.Result, message string) Fault {
	return Fault{File: r.Location.File, Row: r.Location.Row, Col: r.Location.Col, Message: message,
		Hint: "run `penstock policy test`; the policy in force stays until its tests pass"}
}

// test compiles the policy with its tests, separately from the program that will decide,
// so that nothing of it is kept. Results are sorted by position.
func (b *bundle) test(ctx context.Context, coverage *cover.Cover) ([]*tester.Result, error) {
	if len(b.tests) == 0 {
		return nil, nil
	}
	compiler, err := b.compiler(nil, true)
	if err != nil {
		return nil, err
	}
	store := b.store()
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return nil, fmt.Errorf("open policy data: %w", err)
	}
	defer store.Abort(ctx, txn)
	runner := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(b.allModules()).
		SetTimeout(testLimit).RaiseBuiltinErrors(true).CapturePrintOutput(true)
	if coverage != nil {
		runner.SetCoverageQueryTracer(coverage)
	}
	running, err := runner.RunTests(ctx, txn)
	if err != nil {
		return nil, faultsOf(err)
	}
	var results []*tester.Result
	for r := range running {
		results = append(results, r)
	}
	slices.SortFunc(results, func(a, b *tester.Result) int {
		return cmp.Or(a.Location.Compare(b.Location), strings.Compare(a.Name, b.Name))
	})
	return results, ctx.Err()
}

func (r *Report) count(result *tester.Result) {
	switch {
	case result.Skip:
		r.Skipped++
	case result.Pass():
		r.Passed++
	default:
		r.Failed++
	}
}

func describe(r *tester.Result, verbose bool) string {
	outcome := "ok  "
	switch {
	case r.Skip:
		outcome = "skip"
	case !r.Pass():
		outcome = "FAIL"
	case !verbose:
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s:%d %s\n", outcome, r.Location.File, r.Location.Row, r.Name)
	if r.Error != nil {
		fmt.Fprintf(&b, "     %v\n", r.Error)
	}
	for _, name := range slices.Sorted(maps.Keys(r.SubResults)) {
		if r.SubResults[name].Fail {
			fmt.Fprintf(&b, "     case %s fails\n", name)
		}
	}
	for line := range strings.Lines(string(r.Output)) {
		b.WriteString("     | " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

func (r *Report) cover(b *bundle, coverage *cover.Cover) {
	found := coverage.Report(b.modules)
	var covered, rows int
	for _, file := range slices.Sorted(maps.Keys(found.Files)) {
		f := found.Files[file]
		covered += f.CoveredLines
		rows += f.CoveredLines + f.NotCoveredLines
		for _, gap := range f.NotCovered {
			r.Uncovered = append(r.Uncovered, rowRange(file, gap.Start.Row, gap.End.Row))
		}
	}
	r.Coverage = 100
	if rows > 0 {
		r.Coverage = 100 * float64(covered) / float64(rows)
	}
}

func rowRange(file string, from, to int) string {
	if from == to {
		return fmt.Sprintf("%s:%d", file, from)
	}
	return fmt.Sprintf("%s:%d-%d", file, from, to)
}

func (r *Report) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d passed, %d failed, %d skipped\n", r.Passed, r.Failed, r.Skipped)
	if r.Coverage >= 0 {
		fmt.Fprintf(&b, "coverage %.1f %%\n", r.Coverage)
	}
	for _, rows := range r.Uncovered {
		b.WriteString("     not covered: " + rows + "\n")
	}
	return b.String()
}
