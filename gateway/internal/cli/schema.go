package cli

import (
	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
)

func (e *environment) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, for editors",
		Example: "  penstock schema > penstock.schema.json\n" +
			"  # then, as the first line of penstock.yaml:\n" +
			"  # yaml-language-server: $schema=penstock.schema.json",
		Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			schema, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = e.stdout.Write(schema)
			return err
		},
	}
}
