package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check [FILE]",
		Short:   "Read the configuration, its policies and plugins, and say everything that is wrong",
		Example: "  penstock check penstock.yaml",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.config = args[0]
			}
			c, err := a.load(cmd.Context())
			if err != nil {
				return err
			}
			for _, warning := range c.Warnings() {
				fmt.Fprintln(a.stderr, "warning:", warning)
			}
			g, err := a.rehearse(cmd.Context(), c)
			if err != nil {
				return err
			}
			for _, warning := range g.warnings(c) {
				fmt.Fprintln(a.stderr, "warning:", warning)
			}
			if err := g.close(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s ok: %d providers, %d models\n", describe(a.configPath()), len(c.Providers), len(c.Models))
			return nil
		},
	}
}

// warnings are what a configuration means that its writer may not have meant, and that
// only shows beside the catalog and the disk.
func (g *gateway) warnings(c *config.Config) []string {
	var list []string
	for _, alias := range slices.Sorted(maps.Keys(c.Models)) {
		if strings.Contains(alias, "*") {
			continue // it depends on what is asked for
		}
		route, err := g.world.Load().routes.Named(alias)
		if err != nil {
			continue
		}
		for i, t := range route.Targets {
			list = append(list, g.doubts(c, targetPath(c.Models[alias], alias, i), t)...)
		}
	}
	if file := c.Ledger.File(); file != ":memory:" {
		if dir := filepath.Dir(file); !isFolder(dir) {
			list = append(list, place(c.Fault("ledger", "", "the folder %s does not exist, so serve cannot start; create it", dir)))
		}
	}
	return list
}

// targetPath is where a route's i-th target stands in the configuration.
func targetPath(m config.Model, alias string, i int) string {
	if n := i - len(m.Targets); n >= 0 {
		return fmt.Sprintf("%s.fallback[%d]", config.Path("models", alias), n)
	}
	return fmt.Sprintf("%s.targets[%d]", config.Path("models", alias), i)
}

// doubts are what speaks against a target: nobody knows its price, or the catalog says
// that it is on its way out or does not chat.
func (g *gateway) doubts(c *config.Config, path string, t *llm.Target) (list []string) {
	say := func(format string, args ...any) { list = append(list, place(c.Fault(path, "", format, args...))) }
	entry, known := g.catalog.Lookup(c.Providers[t.Provider].Catalog, t.Model)
	if known && entry.Deprecated {
		say("%s is deprecated by its provider", t.ID)
	}
	if known && !entry.Chat {
		say("%s is not a model for chat", t.ID)
	}
	if !t.Price.Known {
		say("no price known for %s, so its cost is not counted and hard limits in USD refuse it%s; write price: {input: …, output: …} at the target", t.ID, g.similar(c, t))
	}
	return list
}

// similar names models with a price whose names are like a target's.
func (g *gateway) similar(c *config.Config, t *llm.Target) string {
	name := t.Model
	if p := c.Providers[t.Provider].Catalog; p != "" {
		name = p + "/" + t.Model
	}
	near := g.catalog.Near(name)
	if len(near) == 0 {
		return ""
	}
	return "; similar names: " + strings.Join(near, ", ")
}

// place is a fault on one line.
func place(f config.Fault) string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.File, f.Line, f.Col, f.Path, f.Message)
}

func isFolder(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}
