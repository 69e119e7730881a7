package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/plugintool"
)

func (e *environment) pluginNewCommand() *cobra.Command {
	var lang, kind, output string
	cmd := &cobra.Command{
		Use:   "new NAME --lang LANGUAGE --kind KIND",
		Short: "Start a plugin's project, with its SDK and tests, in a new folder",
		Long: "The project holds a plugin that works, its tests and the SDK's sources, so that building it takes a\n" +
			"compiler and nothing else. NAME is the folder and the plugin's name.",
		Example: "  penstock plugin new first-router --lang rust --kind router\n" +
			"  penstock plugin new house-style --lang go --kind transform",
		Args: exactly(1, "the name of the plugin"),
		RunE: func(_ *cobra.Command, args []string) error {
			name := args[0]
			if err := plugintool.CheckName(name); err != nil {
				return &usageError{err}
			}
			files, err := plugintool.Create(name, lang, kind)
			if err != nil {
				return err
			}
			return e.printProject(output, name, lang, kind, files)
		},
	}
	cmd.Flags().Var(&form{&lang, plugintool.Languages()}, "lang", "language: "+strings.Join(plugintool.Languages(), ", "))
	cmd.Flags().Var(&form{&kind, plugintool.Kinds()}, "kind", "kind: "+strings.Join(plugintool.Kinds(), ", "))
	lang, kind = "go", "router"
	addOutput(cmd, &output, "text", "json")
	return cmd
}

func (e *environment) printProject(output, name, lang, kind string, files []string) error {
	if output == "json" {
		return e.printJSON(map[string]any{"name": name, "lang": lang, "kind": kind, "files": files})
	}
	fmt.Fprintf(e.stdout, "wrote %s: a %s in %s, with its SDK and tests (%d files)\n", name, kind, lang, len(files))
	fmt.Fprintf(e.stdout, "  next: penstock plugin build %s && penstock plugin test %s\n", name, name)
	return nil
}
