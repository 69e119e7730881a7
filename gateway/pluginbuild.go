package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/wasm"
)

func (a *app) pluginBuildCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "build [FOLDER]",
		Short: "Compile a plugin's project and put its manifest into the module",
		Long: "It runs make in the project, writes penstock.json into the module and prints what belongs into the\n" +
			"gateway's configuration. The path there is relative to the configuration, or to this folder without one.",
		Example: "  penstock plugin build first-router",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := openProject(folder(args))
			if err != nil {
				return err
			}
			if err := p.compiler(cmd.Context()); err != nil {
				return err
			}
			if err := p.make(cmd.Context(), io.Discard, a.stderr, "OUT="+p.Name+".wasm"); err != nil {
				return fmt.Errorf("build %s: %w", p.Name, err)
			}
			binary, err := p.label()
			if err != nil {
				return fmt.Errorf("build %s: %w", p.Name, err)
			}
			return a.showBuilt(output, p, binary)
		},
	}
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// folder is the one that a command line names, else the current one.
func folder(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// label puts the manifest into the module that make has built.
func (p *pluginProject) label() ([]byte, error) {
	binary, err := os.ReadFile(p.file())
	if err != nil {
		return nil, err
	}
	if binary, err = wasm.WithManifest(binary, p.text); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	// A gateway that watches the file must not see half of it.
	next := p.file() + ".new"
	if err := os.WriteFile(next, binary, 0o644); err != nil {
		return nil, err
	}
	return binary, os.Rename(next, p.file())
}

// builtPlugin is a built module as machines read it.
type builtPlugin struct {
	Name   string   `json:"name"`
	File   string   `json:"file"`
	Size   int      `json:"size"`
	SHA256 string   `json:"sha256"`
	Grants []string `json:"grants"`
}

func (a *app) showBuilt(output string, p *pluginProject, binary []byte) error {
	sum := sha256.Sum256(binary)
	b := builtPlugin{p.Name, p.file(), len(binary), hex.EncodeToString(sum[:]), append([]string{}, p.Grants...)}
	if output == "json" {
		return a.printJSON(b)
	}
	fmt.Fprintf(a.stdout, "%s: %s, sha256 %s\n\nplugins:\n  %s:\n    file: %s\n    sha256: %s\n",
		b.File, kib(int64(b.Size)), b.SHA256, b.Name, a.fromConfig(b.File), b.SHA256)
	if len(b.Grants) > 0 {
		fmt.Fprintf(a.stdout, "    grants: [%s]\n", strings.Join(b.Grants, ", "))
	}
	return nil
}

// fromConfig is a path as the configuration has to name it.
func (a *app) fromConfig(path string) string {
	if rel, err := filepath.Rel(filepath.Dir(a.configPath()), path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}
