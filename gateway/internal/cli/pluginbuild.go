package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/plugintool"
)

func (e *environment) pluginBuildCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "build [FOLDER]",
		Short: "Compile a plugin's project and put its manifest into the module",
		Long: "It runs make in the project, writes penstock.json into the module and prints the lines for the\n" +
			"gateway's configuration. The path in them is relative to the configuration, or to this folder without one.",
		Example: "  penstock plugin build first-router",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := plugintool.Open(folder(args))
			if err != nil {
				return err
			}
			binary, err := p.Build(cmd.Context(), e.stderr)
			if err != nil {
				return err
			}
			return e.printBuilt(output, p, binary)
		},
	}
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// folder returns the folder that a command line names, else the current one.
func folder(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// builtPlugin describes a built module as JSON.
type builtPlugin struct {
	Name   string   `json:"name"`
	File   string   `json:"file"`
	Size   int      `json:"size"`
	SHA256 string   `json:"sha256"`
	Grants []string `json:"grants"`
}

func (e *environment) printBuilt(output string, p *plugintool.Project, binary []byte) error {
	sum := sha256.Sum256(binary)
	b := builtPlugin{p.Name, p.Module(), len(binary), hex.EncodeToString(sum[:]), append([]string{}, p.Grants...)}
	if output == "json" {
		return e.printJSON(b)
	}
	fmt.Fprintf(e.stdout, "%s: %s, sha256 %s\n\nplugins:\n  %s:\n    file: %s\n    sha256: %s\n",
		b.File, kib(int64(b.Size)), b.SHA256, b.Name, e.fromConfig(b.File), b.SHA256)
	if len(b.Grants) > 0 {
		fmt.Fprintf(e.stdout, "    grants: [%s]\n", strings.Join(b.Grants, ", "))
	}
	return nil
}

// fromConfig returns a path as the configuration has to name it.
func (e *environment) fromConfig(path string) string {
	if rel, err := filepath.Rel(filepath.Dir(e.options.ConfigPath()), path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}
