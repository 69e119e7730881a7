package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check [FILE]",
		Short:   "Read the configuration, its policies and plugins, and say everything that is wrong",
		Example: "  penstock check penstock.yaml",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.config = args[0]
			}
			c, err := a.load(cmd.Context())
			if err != nil {
				return err
			}
			for _, warning := range c.Warnings() {
				fmt.Fprintln(a.stderr, "warning:", warning)
			}
			g, err := a.rehearse(cmd.Context(), c)
			if err != nil {
				return err
			}
			if err := g.close(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s ok: %d providers, %d models\n", describe(a.configPath()), len(c.Providers), len(c.Models))
			return nil
		},
	}
}
