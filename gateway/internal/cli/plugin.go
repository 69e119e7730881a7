package cli

import (
	"github.com/spf13/cobra"
)

func (e *environment) pluginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Write, build, test and sign plugins",
		Long: "A plugin is a WebAssembly module that the gateway calls: a router, a transform or a dialect.\n" +
			"These commands lead from an empty folder to a signed module. None needs a network or a running gateway.",
		Example: "  penstock plugin new first-router --lang go --kind router && cd first-router\n" +
			"  penstock plugin build && penstock plugin test",
		Args: exactly(0, "one of new, build, inspect, test, bench, replay, keygen, sign, verify"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.pluginNewCommand(), e.pluginBuildCommand(), e.pluginInspectCommand(), e.pluginTestCommand(), e.pluginBenchCommand(), e.pluginReplayCommand(),
		e.pluginKeygenCommand(), e.pluginSignCommand(), e.pluginVerifyCommand())
	return cmd
}
