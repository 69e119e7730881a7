package cli

import (
	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/policy"
)

func (e *environment) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [teams|limits|models]",
		Short: "Print the JSON Schema of the configuration or of a policy's settings, for editors",
		Long: "Without a name it is the schema of the configuration, with one that of the file in the policies folder:\n" +
			"teams.yaml, limits.yaml or models.yaml.",
		Example: "  penstock schema > penstock.schema.json\n" +
			"  # then, as the first line of penstock.yaml:\n" +
			"  # yaml-language-server: $schema=penstock.schema.json\n" +
			"  penstock schema teams > policies/.teams.schema.json",
		Args: atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			schema, err := schemaOf(args)
			if err != nil {
				return err
			}
			_, err = e.stdout.Write(schema)
			return err
		},
	}
}

func schemaOf(args []string) ([]byte, error) {
	if len(args) == 1 {
		return policy.SettingsSchema(args[0])
	}
	return config.Schema()
}
