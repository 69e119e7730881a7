package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/classifier"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/plugins/strategies/classify"
)

func (e *environment) classifierCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "classifier",
		Short: "Train the router classifier on your own prompts, and see what it is worth",
		Args:  exactly(0, "train, calibrate or eval"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.classifierTrainCommand(), e.classifierCalibrateCommand(), e.classifierEvalCommand())
	return cmd
}

// classifierFlags are what train and eval share.
type classifierFlags struct {
	format, exclude, output string
	options                 classifier.Options
}

// rowsHelp says what files of rows look like.
const rowsHelp = "FILE has one prompt a line, with how well a weak and a strong model answered it, from 0 to 1:\n" +
	`  {"prompt": "…", "weak": 0, "strong": 1, "group": "billing"}` + "\n" +
	"A .csv is one of RouteLLM's: the prompt, then whether the weak and the strong model were right. Prompts of one group\n" +
	"belong together; a row without one belongs to its file.\n"

func (f *classifierFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	formats := []string{"auto", string(classifier.JSONL), string(classifier.RouteLLM)}
	flags.Var(&form{&f.format, formats}, "format", "form of the files: "+strings.Join(formats, ", "))
	f.format = formats[0]
	flags.StringVar(&f.exclude, "exclude", "", "leave out the prompts of this file, lines of JSON with eval_prompt or prompt")
	flags.Uint64Var(&f.options.Seed, "seed", 1, "of the folds, the order of rows and the intervals; equal seeds give equal results")
	flags.Float64SliceVar(&f.options.Report.Shares, "strong-share", []float64{.1, .2, .3, .5, .8}, "shares of strong calls to report, each between 0 and 1")
	flags.Float64Var(&f.options.Report.CheapCost, "cheap-cost", 0, "what a request costs at the weak model, in US dollars")
	flags.Float64Var(&f.options.Report.StrongCost, "strong-cost", 0, "what a request costs at the strong model, in US dollars")
}

// rows checks the flags and reads the files.
func (f *classifierFlags) rows(paths []string) ([]classifier.Row, error) {
	for _, share := range f.options.Report.Shares {
		if !(share >= 0 && share <= 1) {
			return nil, &usageError{fmt.Errorf("--strong-share is %v; it must be between 0 and 1", share)}
		}
	}
	if !(f.options.Report.CheapCost >= 0 && f.options.Report.StrongCost >= 0) {
		return nil, &usageError{errors.New("--cheap-cost and --strong-cost must not be negative")}
	}
	var except map[string]bool
	var err error
	if f.exclude != "" {
		if except, err = classifier.ReadPrompts(f.exclude); err != nil {
			return nil, err
		}
	}
	format := classifier.Format(f.format)
	if f.format == "auto" {
		format = ""
	}
	return classifier.ReadFiles(paths, format, except)
}

// someFiles is a cobra argument check whose error is a usage error.
func someFiles(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	return &usageError{hint.Add(fmt.Errorf("%s needs at least one file of prompts", cmd.CommandPath()), "%s --help shows an example", cmd.CommandPath())}
}

func (e *environment) classifierTrainCommand() *cobra.Command {
	var f classifierFlags
	var to string
	cmd := &cobra.Command{
		Use:   "train FILE... -o weights.bin",
		Short: "Train weights and report what they are worth on prompts that they were not trained on",
		Long: rowsHelp +
			"The report is of a cross-validation: each part of the prompts is scored by weights trained on the others. The gateway\n" +
			"uses the weights if the configuration names them, as classifier: {weights: weights.bin}; a running one loads a new file by itself.",
		Example: "  penstock classifier train outcomes.jsonl -o weights.bin\n" +
			"  penstock classifier train mmlu/*.csv --exclude mmlu/contaminated_prompts.jsonl -o weights.bin",
		Args: someFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			if to == "" {
				return &usageError{hint.Add(errors.New("train needs a file for the weights"), "give it with -o weights.bin; -o - only prints the report")}
			}
			rows, err := f.rows(args)
			if err != nil {
				return err
			}
			weights, report, err := classifier.Train(rows, f.options)
			if err == nil && to != "-" {
				err = os.WriteFile(to, weights, 0o644)
			}
			if err != nil {
				return err
			}
			return e.printReport(f.output, report)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&to, "output", "o", "", "the file of weights to write, - for none")
	cmd.Flags().Var(&form{&f.output, []string{"table", "json"}}, "report", "form of the report: table, json")
	f.output = "table"
	cmd.Flags().IntVar(&f.options.Folds, "folds", 5, "how many parts the cross-validation has")
	return cmd
}

func (e *environment) classifierEvalCommand() *cobra.Command {
	var f classifierFlags
	var from string
	cmd := &cobra.Command{
		Use:   "eval FILE...",
		Short: "Report what weights are worth on prompts",
		Long: rowsHelp +
			"The figures are honest only for prompts that the weights were not trained on. Without --weights those that come with\n" +
			"the gateway are evaluated.",
		Example: "  penstock classifier eval outcomes.jsonl --strong-share 0.3 --cheap-cost 0.0004 --strong-cost 0.01",
		Args:    someFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := readWeights(from)
			if err != nil {
				return err
			}
			model, err := classify.Parse(text)
			if err != nil {
				return badWeights(from, err)
			}
			rows, err := f.rows(args)
			if err != nil {
				return err
			}
			report, err := classifier.Evaluate(rows, model, f.options)
			if err != nil {
				return err
			}
			return e.printReport(f.output, report)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&from, "weights", "", "file of weights; left out, those that come with the gateway")
	addOutput(cmd, &f.output, "table", "json")
	return cmd
}

func (e *environment) classifierCalibrateCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "calibrate FILE -o weights.bin",
		Short: "Fit the thresholds of weights to your own prompts, without outcomes",
		Long: "FILE has a prompt on each line: {\"prompt\": \"…\"}. The weights stay, so prompts keep their order by difficulty; what changes\n" +
			"is from which difficulty on a strong_share of them is hard. The built-in thresholds are those of multiple choice.",
		Example: "  penstock classifier calibrate prompts.jsonl -o weights.bin",
		Args:    exactly(1, "a file of prompts"),
		RunE: func(_ *cobra.Command, args []string) error {
			if to == "" {
				return &usageError{hint.Add(errors.New("calibrate needs a file for the weights"), "give it with -o weights.bin")}
			}
			text, err := readWeights(from)
			if err != nil {
				return err
			}
			if _, err := classify.Parse(text); err != nil {
				return badWeights(from, err)
			}
			prompts, err := classifier.ReadPrompts(args[0])
			if err != nil {
				return err
			}
			out, err := classifier.Calibrate(text, prompts)
			if err == nil {
				err = os.WriteFile(to, out, 0o644)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(e.stdout, "calibrated on %d prompts: wrote %s\n", len(prompts), to)
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "weights", "", "file of weights; left out, those that come with the gateway")
	cmd.Flags().StringVarP(&to, "output", "o", "", "the file of weights to write")
	return cmd
}

// readWeights reads a file of weights, the built-in ones without a path.
func readWeights(path string) (string, error) {
	if path == "" {
		return classify.Shipped(), nil
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

func badWeights(path string, err error) error {
	return hint.Add(fmt.Errorf("%s: %w", path, err), "penstock classifier train writes such a file")
}

func (e *environment) printReport(output string, r *classifier.Report) error {
	if output == "json" {
		return e.printJSON(r)
	}
	how := "by given weights"
	if r.Folds > 0 {
		how = fmt.Sprintf("in %d folds, each scored by weights trained on the others", r.Folds)
	}
	fmt.Fprintf(e.stdout, "%d prompts %s\n", r.Rows, how)
	e.printFigures(&r.Figures)
	if r.WholeGroups == nil {
		return nil
	}
	fmt.Fprint(e.stdout, "\nThe same with whole groups held out, so on something new:\n")
	e.printFigures(r.WholeGroups)
	return nil
}

func (e *environment) printFigures(f *classifier.Figures) {
	fmt.Fprintf(e.stdout, "mean score: weak model %.3f, strong model %.3f\n\n", f.Weak, f.Strong)
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ROUTER\tAPGR\t95 %")
	for _, r := range f.Routers {
		fmt.Fprintf(w, "%s\t%.3f\t%.3f to %.3f\n", r.Name, r.APGR.Value, r.APGR.Low, r.APGR.High)
	}
	fmt.Fprintf(w, "lead over length\t%+.3f\t%+.3f to %+.3f\n", f.Lead.Value, f.Lead.Low, f.Lead.High)
	_ = w.Flush() // to a terminal or a buffer
	e.printShares(f)
	fmt.Fprintf(e.stdout, "\nwords not seen in training: %.1f %% on average, above %.1f %% in one prompt of 20\n", 100*f.Unknown.Mean, 100*f.Unknown.P95)
}

func (e *environment) printShares(f *classifier.Figures) {
	if len(f.Shares) == 0 {
		return
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	costs := f.Shares[0].Cost != nil
	fmt.Fprint(w, "\nSTRONG WANTED\tACTUAL\tSCORE\tGAP RECOVERED")
	if costs {
		fmt.Fprint(w, "\tUSD/1000")
	}
	fmt.Fprintln(w)
	for _, s := range f.Shares {
		fmt.Fprintf(w, "%.1f %%\t%.1f %%\t%.3f\t%.1f %%", 100*s.Wanted, 100*s.Actual, s.Score, 100*s.Recovered)
		if costs {
			fmt.Fprintf(w, "\t%.2f", 1000**s.Cost)
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}
