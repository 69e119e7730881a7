package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func (e *environment) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  penstock version",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(e.stdout, "penstock %s %s %s/%s\n", e.options.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
