package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// providerState is one line of the list of providers.
type providerState struct {
	Name string `json:"name"`
	// Configured says that the configuration has it; WellKnown that it needs no more there than
	// its key.
	Configured bool          `json:"configured"`
	WellKnown  bool          `json:"well_known"`
	Dialect    llm.Dialect   `json:"dialect"`
	Also       []llm.Dialect `json:"also,omitempty"`
	BaseURL    string        `json:"base_url"`
	// Env are the variables that the key may be in, EnvSet is the one that is set.
	Env    []string `json:"env,omitempty"`
	EnvSet string   `json:"env_set,omitempty"`
}

func (e *environment) providersCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "providers",
		Short:   "List the configured providers and the well-known ones, and whether their keys are set",
		Example: "  penstock providers\n  penstock providers -o json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.options.LoadWithoutSecrets(cmd.Context())
			if err != nil {
				return err
			}
			list := e.providerStates(c)
			if output == "json" {
				return e.printJSON(list)
			}
			return e.printProviders(list)
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// providerStates lists the configured providers by name, then the well-known ones that are
// not configured. It shows no secret, only which variable has one.
func (e *environment) providerStates(c *config.Config) []providerState {
	known := map[string]config.Known{}
	for _, k := range config.KnownProviders() {
		known[k.Name] = k
	}
	var list []providerState
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		p := c.Providers[name]
		k, isKnown := known[name]
		list = append(list, providerState{Name: name, Configured: true, WellKnown: isKnown, Dialect: p.Dialect, Also: p.Also,
			BaseURL: p.BaseURL, Env: k.Env, EnvSet: e.firstSet(k.Env)})
	}
	for _, k := range config.KnownProviders() {
		if _, ok := c.Providers[k.Name]; !ok {
			url := k.BaseURL
			if k.URLForm != "" {
				url = k.URLForm
			}
			list = append(list, providerState{Name: k.Name, WellKnown: true, Dialect: k.Dialect, Also: k.Also, BaseURL: url, Env: k.Env, EnvSet: e.firstSet(k.Env)})
		}
	}
	return list
}

// firstSet returns the first of these environment variables that is set.
func (e *environment) firstSet(names []string) string {
	for _, name := range names {
		if strings.TrimSpace(e.options.Getenv(name)) != "" {
			return name
		}
	}
	return ""
}

func (e *environment) printProviders(list []providerState) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROVIDER\tCONFIGURED\tDIALECT\tKEY\tADDRESS")
	for _, p := range list {
		dialects := string(p.Dialect)
		for _, also := range p.Also {
			dialects += ", " + string(also)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Name, yesOrDash(p.Configured), dialects, p.key(), p.BaseURL)
	}
	return w.Flush()
}

// key says where the key is, or which variable to set.
func (p *providerState) key() string {
	switch {
	case p.EnvSet != "":
		return p.EnvSet + " is set"
	case len(p.Env) == 0:
		return "-"
	case p.Configured:
		return "as configured"
	}
	return "set " + p.Env[0]
}

func yesOrDash(yes bool) string {
	if yes {
		return "yes"
	}
	return "-"
}
