package cli

import (
	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/compiler"
)

// compileCommand is what the gateway starts to compile a plugin in another process.
func (e *environment) compileCommand() *cobra.Command {
	return &cobra.Command{
		Use:    compiler.Verb + " FOLDER",
		Short:  "Compile a plugin that comes by standard input; the gateway starts this itself",
		Hidden: true,
		Args:   exactly(1, "the folder of the compile cache"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return compiler.Compile(cmd.Context(), args[0], cmd.InOrStdin())
		},
	}
}
