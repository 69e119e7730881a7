package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Start the gateway",
		Long: "Without a configuration file, serve looks for provider keys in the environment and for a local Ollama,\n" +
			"and a demo model answers in any case. It stops on SIGTERM or Ctrl-C when running requests have ended, and\n" +
			"reloads its configuration on SIGHUP or when the file changes.",
		Example: "  penstock serve\n  penstock serve -c penstock.yaml",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			started := time.Now()
			return server.Run(cmd.Context(), e.options, func(s *server.Server) { e.greet(s, time.Since(started)) })
		},
	}
}
