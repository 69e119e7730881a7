package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/policy"
)

func (e *environment) schemaCommand() *cobra.Command {
	var markdown bool
	cmd := &cobra.Command{
		Use:   "schema [teams|limits|models]",
		Short: "Print the JSON Schema of the configuration or of a policy's settings, for editors; or the configuration's reference",
		Long: "Without a name it is the schema of the configuration, with one that of the file in the policies folder:\n" +
			"teams.yaml, limits.yaml or models.yaml.",
		Example: "  penstock schema > penstock.schema.json\n" +
			"  # then, as the first line of penstock.yaml:\n" +
			"  # yaml-language-server: $schema=penstock.schema.json\n" +
			"  penstock schema teams > policies/.teams.schema.json",
		Args: atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := schemaOf(args, markdown)
			if err != nil {
				return err
			}
			_, err = e.stdout.Write(text)
			return err
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print every setting with its values, default and description, as Markdown")
	return cmd
}

func schemaOf(args []string, markdown bool) ([]byte, error) {
	switch {
	case markdown && len(args) == 1:
		return nil, &usageError{errors.New("--markdown is for the configuration, which takes no name")}
	case markdown:
		return config.Reference()
	case len(args) == 1:
		return policy.SettingsSchema(args[0])
	}
	return config.Schema()
}
