package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/keys"
)

func (e *environment) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Manage virtual keys",
		Long:  "Callers authenticate with virtual keys in place of a provider's key. The ledger keeps only their hashes.",
		Args:  exactly(0, "one of create, list, rotate, revoke"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.keysCreateCommand(), e.keysListCommand(), e.keysRotateCommand(), e.keysRevokeCommand())
	return cmd
}

// withKeys calls do with the virtual keys. The gateway may be running.
func (e *environment) withKeys(ctx context.Context, do func(*keys.Keys) error) error {
	k, l, err := e.options.OpenKeys(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	return do(k)
}

// keyFlags are the flags that describe a new key.
type keyFlags struct {
	spec            keys.Spec
	tags            []string
	budget, expires string
	output          string
}

func (e *environment) keysCreateCommand() *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Create a key and print it, once",
		Example: "  penstock keys create --name search-bot --team search --budget 5usd/day --tag usecase=support --expires 30d\n" +
			"  penstock keys create --name ops --role admin -o json",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			spec, err := f.parse()
			if err != nil {
				return &usageError{err}
			}
			return e.withKeys(cmd.Context(), func(k *keys.Keys) error {
				key, token, err := k.Create(cmd.Context(), spec)
				if err != nil {
					return err
				}
				return e.printNewKey(f.output, key, token)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.spec.Name, "name", "", "what the key is for (required)")
	fl.StringVar(&f.spec.Team, "team", "", "team that the spending is booked to")
	fl.StringVar(&f.spec.User, "user", "", "user that the spending is booked to")
	fl.StringSliceVar(&f.spec.Roles, "role", nil, "role; admin opens the admin API")
	fl.StringSliceVar(&f.spec.Models, "models", nil, "models that may be asked for, with * (default: all)")
	fl.StringArrayVar(&f.tags, "tag", nil, "NAME=VALUE, put on every request")
	fl.StringVar(&f.budget, "budget", "", "spending limit, such as 5usd/day")
	fl.StringVar(&f.expires, "expires", "", "when it stops working, such as 30d or 2027-01-31")
	addOutput(cmd, &f.output, "table", "json")
	return cmd
}

func (f *keyFlags) parse() (keys.Spec, error) {
	s := f.spec
	if s.Name == "" {
		return s, hint.Add(fmt.Errorf("a key needs a name"), "penstock keys create --name search-bot")
	}
	for _, tag := range f.tags {
		name, value, ok := strings.Cut(tag, "=")
		if !ok || name == "" {
			return s, fmt.Errorf("--tag %s: write NAME=VALUE, such as usecase=support", tag)
		}
		if s.Tags == nil {
			s.Tags = map[string]string{}
		}
		s.Tags[name] = value
	}
	var err error
	if f.budget != "" {
		if s.Budget, err = keys.ParseBudget(f.budget); err != nil {
			return s, fmt.Errorf("--budget: %w", err)
		}
	}
	if f.expires != "" {
		if s.Expires, err = keys.ParseExpiry(f.expires, time.Now()); err != nil {
			return s, fmt.Errorf("--expires: %w", err)
		}
	}
	return s, nil
}

// keyJSON is a key as JSON.
type keyJSON struct {
	ID         string            `json:"id"`
	Key        string            `json:"key,omitempty"`
	Name       string            `json:"name"`
	Team       string            `json:"team,omitempty"`
	User       string            `json:"user,omitempty"`
	Roles      []string          `json:"roles,omitempty"`
	Models     []string          `json:"models,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	BudgetUSD  json.Number       `json:"budget_usd,omitempty"`
	Window     string            `json:"budget_window,omitempty"`
	Created    time.Time         `json:"created"`
	Expires    *time.Time        `json:"expires,omitempty"`
	State      string            `json:"state"`
	ReplacedBy string            `json:"replaced_by,omitempty"`
}

func toJSON(k keys.Key) keyJSON {
	s := keyJSON{ID: k.ID, Name: k.Name, Team: k.Team, User: k.User, Roles: k.Roles, Models: k.Models, Tags: k.Tags,
		Created: k.Created.UTC(), State: k.State(time.Now()), ReplacedBy: k.ReplacedBy}
	if k.Budget.Max > 0 {
		s.BudgetUSD, s.Window = json.Number(k.Budget.Max.Decimal()), k.Budget.Window
	}
	if !k.Expires.IsZero() {
		expires := k.Expires.UTC()
		s.Expires = &expires
	}
	return s
}

// printNewKey prints a key with its secret, which cannot be read again.
func (e *environment) printNewKey(output string, k keys.Key, token keys.Token) error {
	if output == "json" {
		s := toJSON(k)
		s.Key = token.Reveal()
		return e.printJSON(s)
	}
	fmt.Fprintln(e.stdout, token.Reveal())
	fmt.Fprintf(e.stderr, "This is key %s (%s). It is not shown again; callers send it as their API key.\n", k.ID, oneLine(k.Name))
	return nil
}

func (e *environment) keysListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the keys, without their secrets",
		Example: "  penstock keys list\n  penstock keys list -o json",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withKeys(cmd.Context(), func(k *keys.Keys) error {
				list, err := k.List(cmd.Context())
				if err != nil {
					return err
				}
				return e.printKeys(output, list)
			})
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) printKeys(output string, list []keys.Key) error {
	rows := make([]keyJSON, len(list))
	for i, k := range list {
		rows[i] = toJSON(k)
	}
	if output == "json" {
		return e.printJSON(rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(e.stderr, "There are no keys yet: penstock keys create --name search-bot")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tTEAM\tUSER\tBUDGET\tTAGS\tEXPIRES\tSTATE")
	for _, r := range rows {
		budget, expires := "-", "-"
		if r.BudgetUSD != "" {
			budget = "$" + r.BudgetUSD.String() + "/" + r.Window
		}
		if r.Expires != nil {
			expires = r.Expires.Format("2006-01-02 15:04")
		}
		fmt.Fprintln(w, cells(r.ID, r.Name, dash(r.Team), dash(r.User), budget, dash(joinTags(r.Tags)), expires, r.State))
	}
	return w.Flush()
}

// dash returns a dash for an empty value.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func joinTags(tags map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, name+"="+tags[name])
	}
	return strings.Join(all, ",")
}

func (e *environment) keysRotateCommand() *cobra.Command {
	var output string
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:     "rotate ID",
		Short:   "Replace a key; the old one stays valid for the overlap",
		Example: "  penstock keys rotate h4Gk2mPq --overlap 24h",
		Args:    exactly(1, "the id of a key, as penstock keys list shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withKeys(cmd.Context(), func(k *keys.Keys) error {
				key, token, err := k.Rotate(cmd.Context(), args[0], overlap)
				if err != nil {
					return hint.Add(err, "penstock keys list shows the ids")
				}
				return e.printNewKey(output, key, token)
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key stays valid")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) keysRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "Revoke a key, within a second, for good",
		Example: "  penstock keys revoke h4Gk2mPq",
		Args:    exactly(1, "the id of a key, as penstock keys list shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withKeys(cmd.Context(), func(k *keys.Keys) error {
				if err := k.Revoke(cmd.Context(), args[0]); err != nil {
					return hint.Add(err, "penstock keys list shows the ids")
				}
				fmt.Fprintf(e.stdout, "revoked %s\n", args[0])
				return nil
			})
		},
	}
}
