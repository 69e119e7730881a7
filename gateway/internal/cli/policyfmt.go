package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/policy"
)

// formatting is what policy fmt does with files that are not formatted.
type formatting struct {
	// check lists them, diff shows the difference. Either leaves them as they are.
	check, diff bool
}

func (e *environment) policyFmtCommand() *cobra.Command {
	var how formatting
	cmd := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Format .rego files as OPA does, in place",
		Long: "Formats files, and the .rego files in folders, in place, and prints the names of those that it has changed. Without a path,\n" +
			"the folder is formatted that the configuration names. The path - formats standard input to standard output.\n" +
			"A file that does not parse as Rego v1 is left as it is, and is an error with its line; the others are formatted all the same.\n\n" +
			"The exit code of --check and --diff is 1 if a file is not formatted.",
		Example: "  penstock policy fmt ./policies\n" +
			"  penstock policy fmt --check ./policies\n" +
			"  penstock policy fmt --diff ./policies/budgets.rego\n" +
			"  penstock policy fmt - < rules.rego",
		RunE: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(args, "-") {
				return e.formatInput(cmd, args, how)
			}
			paths, err := e.formatPaths(cmd, args)
			if err != nil {
				return err
			}
			return e.formatFiles(paths, how)
		},
	}
	cmd.Flags().BoolVarP(&how.check, "check", "l", false, "only list the files that are not formatted")
	cmd.Flags().BoolVarP(&how.diff, "diff", "d", false, "only show what would change")
	return cmd
}

// formatPaths returns the files to format.
func (e *environment) formatPaths(cmd *cobra.Command, args []string) ([]string, error) {
	if len(args) == 0 {
		source, err := e.policySource(cmd, nil)
		if err != nil {
			return nil, err
		}
		if source.Dir == "" {
			return nil, &usageError{hint.Add(errors.New("policy fmt needs a path: the configuration names no folder of policies"), "penstock policy fmt --help shows an example")}
		}
		args = []string{source.Dir}
	}
	return policy.RegoFiles(cmd.Context(), args)
}

// formatFiles formats every file that can be, and returns the errors of the others.
func (e *environment) formatFiles(paths []string, how formatting) error {
	var errs []error
	unformatted := 0
	for _, path := range paths {
		before, after, err := policy.FormatFile(path, !how.check && !how.diff)
		if err != nil {
			errs = append(errs, err)
		} else if !bytes.Equal(before, after) {
			unformatted++
			how.show(e.stdout, path, before, after)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return hint.Add(err, "files with an error were left as they are")
	}
	return how.found(unformatted)
}

// formatInput formats standard input to standard output.
func (e *environment) formatInput(cmd *cobra.Command, args []string, how formatting) error {
	if len(args) > 1 {
		return &usageError{errors.New("policy fmt: - stands alone")}
	}
	const name = "<stdin>"
	before, err := io.ReadAll(cmd.InOrStdin())
	if err != nil {
		return err
	}
	after, err := policy.Format(name, before)
	if err != nil {
		return err
	}
	if !how.check && !how.diff {
		_, err := e.stdout.Write(after)
		return err
	}
	if bytes.Equal(before, after) {
		return nil
	}
	how.show(e.stdout, name, before, after)
	return how.found(1)
}

// show prints the name of a file that is not formatted, or what would change.
func (f formatting) show(out io.Writer, name string, before, after []byte) {
	if f.diff {
		_, _ = out.Write(diff.Diff(name, before, name+" (formatted)", after))
		return
	}
	fmt.Fprintln(out, name)
}

// found returns the error for files that are not formatted and stay so.
func (f formatting) found(unformatted int) error {
	if unformatted == 0 || !f.check && !f.diff {
		return nil
	}
	return hint.Add(fmt.Errorf("%d of the files are not formatted", unformatted), "penstock policy fmt without --check and --diff formats them")
}
