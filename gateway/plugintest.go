package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/wasm"
)

func (a *app) pluginTestCommand() *cobra.Command {
	var file, output string
	var verbose bool
	var fuzz time.Duration
	var seed uint64
	cmd := &cobra.Command{
		Use:   "test [FOLDER | FILE…]",
		Short: "Run a plugin's cases in the gateway's own host",
		Long: "Every case runs twice on one instance and twice on fresh ones, with fuel and memory bounded as in the\n" +
			"gateway. A folder is a project, whose tests/*.json are run, or holds cases itself. With --fuzz, inputs\n" +
			"that are almost like the cases' follow: they may be rejected, but must not make the plugin fail.",
		Example: "  penstock plugin test first-router\n" +
			"  penstock plugin test first-router --fuzz=1m\n" +
			"  penstock plugin test cases/price.json --module first-router.wasm -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := findTests(args, file)
			if err != nil {
				return err
			}
			talk := io.Discard
			if verbose {
				talk = a.stderr
			}
			host, err := a.pluginHost(talk)
			if err != nil {
				return err
			}
			defer host.Close(cmd.Context())
			if err := a.runTests(cmd.Context(), host, t, output); err != nil || fuzz == 0 {
				return err
			}
			return a.fuzzPlugin(cmd.Context(), host, t, fuzz, cmp.Or(seed, rand.Uint64()))
		},
	}
	cmd.Flags().StringVar(&file, "module", "", "the module to test (default: the project's)")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show what the plugin logs, once for each of a case's runs")
	cmd.Flags().DurationVar(&fuzz, "fuzz", 0, "try inputs like the cases' for this long")
	cmd.Flags().Lookup("fuzz").NoOptDefVal = "10s"
	cmd.Flags().Uint64Var(&seed, "seed", 0, "make the inputs of an earlier --fuzz again")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// pluginTests are a module and the cases that it must pass.
type pluginTests struct {
	spec wasm.Spec
	// cases and files belong together.
	cases []wasm.Case
	files []string
	// dir is where a new case belongs.
	dir string
}

// findTests reads the cases and the module that a command line means.
func findTests(args []string, file string) (*pluginTests, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	t := &pluginTests{dir: filepath.Dir(args[0])}
	files := args
	if info, err := os.Stat(args[0]); err != nil {
		return nil, err
	} else if info.IsDir() {
		if len(args) > 1 {
			return nil, &usageError{errors.New("plugin test takes one folder, or files")}
		}
		t.dir = args[0]
		if p, err := openProject(args[0]); err == nil {
			t.dir = filepath.Join(p.dir, "tests")
			t.spec.Name, t.spec.Grants = p.Name, p.Grants
			file = cmp.Or(file, p.file())
		} else if file == "" {
			return nil, err
		}
		if files, err = filepath.Glob(filepath.Join(t.dir, "*.json")); err != nil {
			return nil, err
		}
	}
	if file == "" {
		return nil, &usageError{hint(errors.New("which module should pass these cases?"), "name it: --module FILE")}
	}
	t.spec.Name = cmp.Or(t.spec.Name, moduleName(file))
	var err error
	if t.spec.Wasm, err = readModule(file); err != nil {
		return nil, err
	}
	return t, t.read(files)
}

// read adds the cases of files.
func (t *pluginTests) read(files []string) error {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		cases, err := wasm.ParseCases(file, text)
		if err != nil {
			return hint(err, "sdk/conformance/README.md says what a case looks like")
		}
		for _, c := range cases {
			t.cases, t.files = append(t.cases, c), append(t.files, file)
		}
	}
	if len(t.cases) == 0 {
		return hint(fmt.Errorf("there are no cases in %s", t.dir), "write one as tests/first.json; sdk/conformance/README.md says how")
	}
	return nil
}

// repeats is how often a case is run to find how long it takes.
const repeats = 5

// shownTrial is a case's outcome as machines read it.
type shownTrial struct {
	File   string        `json:"file"`
	Name   string        `json:"name"`
	OK     bool          `json:"ok"`
	Error  string        `json:"error,omitempty"`
	Fuel   int64         `json:"fuel"`
	Memory int64         `json:"memory_bytes"`
	P50    time.Duration `json:"p50_ns"`
}

// runTests runs the cases and shows what came of them. The error counts the failures.
func (a *app) runTests(ctx context.Context, host *wasm.Host, t *pluginTests, output string) error {
	var many []wasm.Case
	for _, c := range t.cases {
		many = append(many, slices.Repeat([]wasm.Case{c}, repeats)...)
	}
	trials, err := host.Try(ctx, t.spec, many)
	if err != nil {
		return hint(err, "penstock plugin inspect says what is in a module")
	}
	var rows []shownTrial
	failed := 0
	for i, file := range t.files {
		row := summary(file, trials[i*repeats:(i+1)*repeats])
		if !row.OK {
			failed++
		}
		rows = append(rows, row)
	}
	if err := a.showTrials(output, t.spec.Name, rows, failed); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d cases failed", failed, len(rows))
	}
	return nil
}

// summary makes one row of a case's trials: it failed when one of them did.
func summary(file string, trials []wasm.Trial) shownTrial {
	t := trials[0]
	row := shownTrial{File: file, Name: t.Name, OK: true, Fuel: t.Fuel, Memory: t.Memory}
	var took []time.Duration
	for _, t := range trials {
		took = append(took, t.Duration)
		if t.Err != nil && row.OK {
			row.OK, row.Error = false, t.Err.Error()
		}
	}
	row.P50 = percentile(took, 50)
	return row
}

// percentile is the p-th of some durations, which it sorts.
func percentile(took []time.Duration, p int) time.Duration {
	slices.Sort(took)
	return took[(len(took)-1)*p/100]
}

func (a *app) showTrials(output, name string, rows []shownTrial, failed int) error {
	if output == "json" {
		return a.printJSON(map[string]any{"module": name, "cases": rows, "passed": len(rows) - failed, "failed": failed})
	}
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\tCASE\tFUEL\tMEMORY\tP50")
	for _, r := range rows {
		mark := "ok"
		if !r.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", mark, r.Name, r.Fuel, kib(r.Memory), brief(r.P50))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if !r.OK {
			fmt.Fprintf(a.stdout, "\nFAIL %s (%s)\n  %s\n", r.Name, r.File, strings.ReplaceAll(r.Error, "\n", "\n  "))
		}
	}
	fmt.Fprintf(a.stdout, "\n%s: %d cases ok, %d failed\n", name, len(rows)-failed, failed)
	return nil
}

// kib is a number of bytes for people.
func kib(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// brief is a duration with three digits.
func brief(d time.Duration) string {
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
}
