package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) catalogCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog",
		Short: "Update what the gateway knows about models: prices, sizes, capabilities",
		Args:  exactly(0, "update"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.catalogUpdateCommand())
	return cmd
}

func (e *environment) catalogUpdateCommand() *cobra.Command {
	var to string
	var dry bool
	cmd := &cobra.Command{
		Use:   "update FILE",
		Short: "Read models and prices from a file of models.dev or LiteLLM",
		Long: "FILE is the api.json of https://models.dev, or LiteLLM's model_prices_and_context_window.json; which of them is seen from\n" +
			"its content. The models in it are written to the file that catalog: in the configuration names, in place of what that\n" +
			"had. They replace what the gateway knows by itself about the same models; it keeps what it knows about others. A price\n" +
			"that is negative or only half there refuses the whole file. A running gateway loads the new file by itself.",
		Example: "  curl -sO https://models.dev/api.json && penstock catalog update api.json\n" +
			"  penstock catalog update model_prices_and_context_window.json --dry-run",
		Args: exactly(1, "the file to read"),
		RunE: func(cmd *cobra.Command, args []string) error {
			update, err := e.options.UpdateCatalog(cmd.Context(), args[0], to, dry)
			if err != nil {
				return err
			}
			e.printCatalogUpdate(update, dry)
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "write this file instead of the one that the configuration names")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would change, and write nothing")
	return cmd
}

// maxNamed is how many models of one kind of change are named.
const maxNamed = 20

func (e *environment) printCatalogUpdate(u *server.CatalogUpdate, dry bool) {
	list := func(title string, names []string) {
		if len(names) == 0 {
			return
		}
		fmt.Fprintf(e.stdout, "%d %s\n", len(names), title)
		for i, name := range names {
			if i == maxNamed {
				fmt.Fprintf(e.stdout, "  and %d more\n", len(names)-i)
				break
			}
			fmt.Fprintln(e.stdout, " ", oneLine(name))
		}
	}
	list("new", u.Changes.New)
	list("with another price (US dollars per million tokens)", u.Changes.Prices)
	list("with other sizes or capabilities", u.Changes.Other)
	list("removed: no longer in the file, and not known otherwise", u.Changes.Removed)
	list("in the file without a price that can be computed from usage, so their price is unknown", u.Unpriced)
	verb := "wrote"
	if dry {
		verb = "would write"
	}
	fmt.Fprintf(e.stdout, "%d unchanged; %d entries of %s for other providers or purposes were skipped\n", u.Changes.Same, u.Skipped, u.From)
	fmt.Fprintf(e.stdout, "%s %s\n", verb, u.File)
}
