package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/sdk"
)

func (a *app) pluginNewCommand() *cobra.Command {
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
			if err := pluginName(name); err != nil {
				return &usageError{err}
			}
			project, err := sdk.Project(name, lang, kind)
			if err != nil {
				return err
			}
			if err := writeProject(name, project); err != nil {
				return err
			}
			return a.showProject(output, name, lang, kind, project)
		},
	}
	cmd.Flags().Var(&form{&lang, sdk.Languages()}, "lang", "language: "+strings.Join(sdk.Languages(), ", "))
	cmd.Flags().Var(&form{&kind, sdk.Kinds()}, "kind", "kind: "+strings.Join(sdk.Kinds(), ", "))
	lang, kind = "go", "router"
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// maxPluginName is the length of a plugin's name, in bytes, as the configuration
// bounds it.
const maxPluginName = 64

// pluginName checks a name by the configuration's rules, and that it makes a folder.
func pluginName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	if name == "" || len(name) > maxPluginName || strings.Trim(name, letters+"._-") != "" || !strings.Contains(letters, name[:1]) {
		return hint(fmt.Errorf("%q cannot be the name of a plugin", name),
			"use at most %d small letters, digits, dots, dashes and underscores, a letter or digit first", maxPluginName)
	}
	return nil
}

// writeProject writes a project into a folder that must not exist yet.
func writeProject(dir string, project map[string][]byte) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return hint(fmt.Errorf("%s already exists and is not overwritten", dir), "give another name, or remove it first")
	}
	if err != nil {
		return fmt.Errorf("start project: %w", err)
	}
	for name, text := range project {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("start project: %w", err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fmt.Errorf("start project: %w", err)
		}
	}
	return nil
}

func (a *app) showProject(output, name, lang, kind string, project map[string][]byte) error {
	names := slices.Sorted(maps.Keys(project))
	if output == "json" {
		return a.printJSON(map[string]any{"name": name, "lang": lang, "kind": kind, "files": names})
	}
	fmt.Fprintf(a.stdout, "wrote %s: a %s in %s, with its SDK and tests (%d files)\n", name, kind, lang, len(names))
	fmt.Fprintf(a.stdout, "  next: penstock plugin build %s && penstock plugin test %s\n", name, name)
	return nil
}
