package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check [FILE]",
		Short:   "Check the configuration, its policies and plugins, and list every fault",
		Example: "  penstock check penstock.yaml",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				e.options.Config = args[0]
			}
			c, err := e.options.Load(cmd.Context())
			if err != nil {
				return err
			}
			e.printWarnings(c.Warnings())
			s, err := server.OpenDry(cmd.Context(), e.options, c)
			if err != nil {
				return err
			}
			e.printWarnings(s.Warnings())
			if err := s.Close(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintf(e.stdout, "%s ok: %d providers, %d models\n", describe(e.options.ConfigPath()), len(c.Providers), len(c.Models))
			return nil
		},
	}
}

func (e *environment) printWarnings(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(e.stderr, "warning:", w)
	}
}

// describe names the source of a configuration.
func describe(path string) string {
	if path == "" {
		return "no configuration file"
	}
	return "configuration " + path
}
