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
		route, err := g.world.Load().routes.Find(alias)
		if err != nil {
			continue
		}
		for i, t := range route.Targets {
			if !t.Price.Known {
				list = append(list, g.unpriced(c, alias, i, t))
			}
		}
	}
	if file := c.Ledger.File(); file != ":memory:" {
		if dir := filepath.Dir(file); !isFolder(dir) {
			list = append(list, place(c.Fault("ledger", "", "the folder %s does not exist, so serve cannot start; create it", dir)))
		}
	}
	return list
}

// unpriced says that a target has no price, and how it may be given one.
func (g *gateway) unpriced(c *config.Config, alias string, i int, t *llm.Target) string {
	list, n := "targets", i
	if n >= len(c.Models[alias].Targets) {
		list, n = "fallback", n-len(c.Models[alias].Targets)
	}
	name := t.Model
	if p := c.Providers[t.Provider].Catalog; p != "" {
		name = p + "/" + t.Model
	}
	msg := "no price known for " + t.ID + ", so its cost is not counted and hard limits in USD refuse it"
	if near := g.catalog.Near(name); len(near) > 0 {
		msg += "; similar names: " + strings.Join(near, ", ")
	}
	return place(c.Fault(fmt.Sprintf("%s.%s[%d]", config.Path("models", alias), list, n), "", "%s; or write price: {input: …, output: …} at the target", msg))
}

// place is a fault on one line.
func place(f config.Fault) string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.File, f.Line, f.Col, f.Path, f.Message)
}

func isFolder(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}
