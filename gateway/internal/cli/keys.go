package cli

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
)

func (e *environment) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Manage virtual keys",
		Long: "Callers authenticate with virtual keys in place of a provider's key. The ledger keeps only their hashes.\n" +
			"The commands work on the ledger that the configuration names, or with --admin on a running gateway.",
		Args: exactly(0, "one of create, list, show, change, rotate, revoke"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	e.addAdmin(cmd)
	cmd.AddCommand(e.keysCreateCommand(), e.keysListCommand(), e.keysShowCommand(), e.keysChangeCommand(), e.keysRotateCommand(), e.keysRevokeCommand())
	return cmd
}

const (
	keysPath = "/admin/v1/keys"
	keyPath  = keysPath + "/{id}"
)

func (e *environment) keysCreateCommand() *cobra.Command {
	var s admin.KeySpec
	var tags []string
	var output string
	cmd := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Create a key and print it, once",
		Example: "  penstock keys create --name search-bot --team search --budget 5usd/day --tag usecase=support --expires 30d\n" +
			"  penstock keys create --name ops --role admin -o json\n" +
			"  penstock keys create --name mine --admin http://gateway.internal:8081",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if s.Name == "" {
				return &usageError{hint.Add(fmt.Errorf("a key needs a name"), "penstock keys create --name search-bot")}
			}
			if s.Tags, err = parseTags(tags); err != nil {
				return &usageError{err}
			}
			spec, err := s.Parse(time.Now())
			if err != nil {
				return &usageError{flagError(err)}
			}
			key, err := callIdentity(cmd.Context(), e, identityCall{http.MethodPost, keysPath, "", nil, s}, func(ctx context.Context, a keys.Access) (admin.Key, error) {
				key, token, err := a.Create(ctx, spec)
				return admin.NewKeyOf(&key, token), err
			})
			if err != nil {
				return err
			}
			return e.printNewKey(output, key)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&s.Name, "name", "", "what the key is for (required)")
	fl.StringVar(&s.Team, "team", "", "team that the spending is booked to")
	fl.StringVar(&s.User, "user", "", "user that the spending is booked to")
	fl.StringSliceVar(&s.Roles, "role", nil, "role: viewer, member and admin are those of the admin API, others are for policies")
	fl.StringSliceVar(&s.Models, "models", nil, "models that may be asked for, with * (default: all)")
	fl.StringArrayVar(&tags, "tag", nil, "NAME=VALUE, put on every request")
	fl.StringVar(&s.Budget, "budget", "", "spending limit, such as 5usd/day")
	fl.StringVar(&s.Expires, "expires", "", "when it stops working, such as 30d or 2027-01-31")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// parseTags parses tags that are written NAME=VALUE.
func parseTags(list []string) (map[string]string, error) {
	var tags map[string]string
	for _, tag := range list {
		name, value, ok := strings.Cut(tag, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--tag %s: write NAME=VALUE, such as usecase=support", tag)
		}
		if tags == nil {
			tags = map[string]string{}
		}
		tags[name] = value
	}
	return tags, nil
}

// printNewKey prints a key with its secret, which cannot be read again.
func (e *environment) printNewKey(output string, k admin.Key) error {
	if output == "json" {
		return e.printJSON(k)
	}
	fmt.Fprintln(e.stdout, k.Secret)
	fmt.Fprintf(e.stderr, "This is key %s (%s). It is not shown again; callers send it as their API key.\n", k.ID, oneLine(k.Name))
	return nil
}

func (e *environment) keysListCommand() *cobra.Command {
	var output string
	var f keys.Filter
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the keys, without their secrets",
		Example: "  penstock keys list\n  penstock keys list --team search --state active -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := everyPage(f.Limit, f.After, func(after string, limit int) ([]admin.Key, string, error) {
				page := f
				page.After, page.Limit = after, limit
				query := url.Values{"team": {f.Team}, "user": {f.User}, "state": {f.State}, "after": {after}, "limit": {strconv.Itoa(limit)}}
				l, err := callIdentity(cmd.Context(), e, identityCall{http.MethodGet, keysPath, "", query, nil}, func(ctx context.Context, a keys.Access) (admin.KeyList, error) {
					list, next, err := a.Page(ctx, page)
					return admin.KeyListOf(list, next), err
				})
				return l.Keys, l.Next, err
			})
			if err != nil {
				return err
			}
			return e.printKeys(output, list)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.Team, "team", "", "only those of a team")
	fl.StringVar(&f.User, "user", "", "only those of a user")
	fl.StringVar(&f.State, "state", "", "only those in a state: "+strings.Join(keys.States(), ", "))
	addPaging(cmd, &f.Limit, &f.After)
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) printKeys(output string, list []admin.Key) error {
	if output == "json" {
		return e.printJSON(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(e.stderr, "There are no such keys. One is made by: penstock keys create --name search-bot")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tTEAM\tUSER\tBUDGET\tTAGS\tEXPIRES\tLAST USED\tSTATE")
	for _, k := range list {
		fmt.Fprintln(w, cells(k.ID, k.Name, dash(k.Team), dash(k.User), dash(budgetText(&k)), dash(joinTags(k.Tags)), minuteOf(k.Expires), minuteOf(k.Used), k.State))
	}
	return w.Flush()
}

func budgetText(k *admin.Key) string {
	if k.BudgetUSD == "" {
		return ""
	}
	return "$" + k.BudgetUSD.String() + "/" + k.Window
}

// minuteOf formats a time that is exact to a minute; nil as a dash.
func minuteOf(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format("2006-01-02 15:04")
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

func (e *environment) keysShowCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one key, without its secret",
		Example: "  penstock keys show h4Gk2mPq",
		Args:    exactly(1, "the id of a key, as penstock keys list shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := callIdentity(cmd.Context(), e, identityCall{http.MethodGet, keyPath, args[0], nil, nil}, func(ctx context.Context, a keys.Access) (admin.Key, error) {
				key, err := a.Get(ctx, args[0])
				return admin.KeyOf(&key), err
			})
			if err != nil {
				return hint.Add(err, keysHint)
			}
			return e.printKey(output, key)
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

const keysHint = "penstock keys list shows the ids"

func (e *environment) printKey(output string, k admin.Key) error {
	if output == "json" {
		return e.printJSON(k)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	for _, row := range [][2]string{{"id", k.ID}, {"name", k.Name}, {"state", k.State}, {"team", k.Team}, {"user", k.User}, {"roles", strings.Join(k.Roles, ", ")},
		{"models", strings.Join(k.Models, ", ")}, {"tags", joinTags(k.Tags)}, {"budget", budgetText(&k)}, {"created", k.Created.Format("2006-01-02 15:04")},
		{"made by", k.MadeBy}, {"last used", minuteOf(k.Used)}, {"expires", minuteOf(k.Expires)}, {"replaced by", k.ReplacedBy}} {
		fmt.Fprintln(w, cells(row[0], dash(row[1])))
	}
	return w.Flush()
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
			if overlap < 0 {
				return &usageError{fmt.Errorf("--overlap %s: write how long the old key stays valid, such as 0s or 24h", overlap)}
			}
			key, err := callIdentity(cmd.Context(), e, identityCall{http.MethodPost, keyPath + "/rotate", args[0], nil, admin.Rotation{Overlap: overlap.String()}},
				func(ctx context.Context, a keys.Access) (admin.Key, error) {
					key, token, err := a.Rotate(ctx, args[0], overlap)
					return admin.NewKeyOf(&key, token), err
				})
			if err != nil {
				return hint.Add(err, keysHint)
			}
			return e.printNewKey(output, key)
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", admin.UsualOverlap, "how long the old key stays valid")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) keysRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "Revoke a key, and the keys made with it, within a second, for good",
		Example: "  penstock keys revoke h4Gk2mPq",
		Args:    exactly(1, "the id of a key, as penstock keys list shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			done, err := callIdentity(cmd.Context(), e, identityCall{http.MethodDelete, keyPath, args[0], nil, nil}, func(ctx context.Context, a keys.Access) (admin.Revocation, error) {
				ended, err := a.Revoke(ctx, args[0])
				return admin.Revocation{Revoked: ended}, err
			})
			if err != nil {
				return hint.Add(err, keysHint)
			}
			if len(done.Revoked) == 0 {
				fmt.Fprintf(e.stdout, "%s was revoked before\n", oneLine(args[0]))
				return nil
			}
			fmt.Fprintf(e.stdout, "revoked %s\n", strings.Join(done.Revoked, ", "))
			return nil
		},
	}
}
