package cli

import (
	"context"
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

// classifierFlags are what train and eval share. outcomes names what train reads of the ledger.
type classifierFlags struct {
	format, exclude, output string
	options                 classifier.Options
	outcomes                outcomes
}

// rowsHelp says what files of rows look like.
const rowsHelp = "FILE has one prompt a line, with how well a weak and a strong model answered it, from 0 to 1:\n" +
	`  {"prompt": "…", "weak": 0, "strong": 1, "group": "billing"}` + "\n" +
	"One of weak and strong may be left out where it is not known.\n" +
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

// rows checks the flags and reads the files, and the ledger where targets are named.
func (e *environment) rows(ctx context.Context, f *classifierFlags, paths []string) ([]classifier.Row, error) {
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
	rows, err := classifier.ReadFiles(paths, format, except)
	if err != nil || !f.outcomes.wanted() {
		return rows, err
	}
	own, err := e.ledgerRows(ctx, &f.outcomes, except)
	return append(rows, own...), err
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
		Use:   "train [FILE...] [--weak TARGET --strong TARGET] -o weights.bin",
		Short: "Train weights and report what they are worth on prompts that they were not trained on",
		Long: rowsHelp +
			"With --weak and --strong, feedback on answers of these targets is read from the ledger, where the policy keeps the texts\n" +
			"of requests. A prompt counts for the model that answered it; for both where a mirrored copy has feedback, too.\n" +
			"The report is of a cross-validation: each part of the prompts is scored by weights trained on the others. The gateway\n" +
			"uses the weights if the configuration names them, as classifier: {weights: weights.bin}; a running one loads a new file by itself.",
		Example: "  penstock classifier train outcomes.jsonl -o weights.bin\n" +
			"  penstock classifier train --since 30d --weak openai/gpt-5-mini --strong openai/gpt-5,anthropic/claude-opus-4-5 -o weights.bin\n" +
			"  penstock classifier train mmlu/*.csv --exclude mmlu/contaminated_prompts.jsonl -o weights.bin",
		Args: func(cmd *cobra.Command, args []string) error {
			if f.outcomes.wanted() {
				return f.outcomes.check()
			}
			return someFiles(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return &usageError{hint.Add(errors.New("train needs a file for the weights"), "give it with -o weights.bin; -o - only prints the report")}
			}
			rows, err := e.rows(cmd.Context(), &f, args)
			if err != nil {
				return messageOnly(err)
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
	f.outcomes.add(cmd)
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
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readWeights(from)
			if err != nil {
				return err
			}
			model, err := classify.Parse(text)
			if err != nil {
				return badWeights(from, err)
			}
			rows, err := e.rows(cmd.Context(), &f, args)
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
	e.printWorth(&r.Worth, r.Both)
	if r.Figures == nil {
		fmt.Fprintf(e.stdout, "\nThe gain by routing can't be measured: both models have answered %d of the prompts, and at least %d are needed.\n", r.Both, classifier.MinRows)
		fmt.Fprintln(e.stdout, "A mirror of the route (mirror: {target: …}) has both answer the same prompts; send feedback on the copies, too.")
	}
	if r.WholeGroups == nil {
		return nil
	}
	fmt.Fprint(e.stdout, "\nThe same with whole groups held out, so on something new:\n")
	e.printWorth(r.WholeGroups, r.Both)
	return nil
}

// printWorth prints what was measured; both is how many prompts both models have answered.
func (e *environment) printWorth(w *classifier.Worth, both int) {
	if len(w.Heads) > 0 {
		e.printHeads(w.Heads)
	}
	if w.Figures == nil {
		return
	}
	if len(w.Heads) > 0 {
		fmt.Fprintf(e.stdout, "\nThe %d prompts that both models have answered:\n", both)
	}
	e.printFigures(w.Figures)
}

func (e *environment) printHeads(heads []classifier.Head) {
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\nMODEL\tPROMPTS\tMEAN SCORE\tLOG LOSS\tOF A CONSTANT\tLEAD\t95 %")
	for _, h := range heads {
		fmt.Fprintf(w, "%s\t%d\t%.3f\t%.3f\t%.3f\t%+.3f\t%+.3f to %+.3f\n", h.Name, h.Rows, h.Mean, h.LogLoss, h.Constant, h.Lead.Value, h.Lead.Low, h.Lead.High)
	}
	_ = w.Flush()
	fmt.Fprintln(e.stdout, "The means are of different prompts, so their difference is not what the strong model adds.")
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
