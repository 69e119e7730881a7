package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
)

const (
	usersPath = "/admin/v1/users"
	userPath  = usersPath + "/{id}"
	usersHint = "penstock users list shows the names"
)

func (e *environment) usersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "users",
		Short: "Manage users, who bound the roles of their keys",
		Long: "A user's keys have at most the user's roles on the admin API. Blocking a user stops its keys at once.\n" +
			"A name that only keys have is no user, and bounds nothing.",
		Args: exactly(0, "one of create, list, change, block, unblock, remove"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	e.addAdmin(cmd)
	cmd.AddCommand(e.usersCreateCommand(), e.usersListCommand(), e.usersChangeCommand(), e.usersBlockCommand(true), e.usersBlockCommand(false), e.usersRemoveCommand())
	return cmd
}

// userCommand is a command about one user, whom it prints as call returns it.
func (e *environment) userCommand(use, short, example string, call func(ctx context.Context, name string) (keys.User, error)) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: use + " NAME", Short: short, Example: example,
		Args: exactly(1, "the name of a user"),
		RunE: func(cmd *cobra.Command, args []string) error {
			u, err := call(cmd.Context(), args[0])
			if err != nil {
				return hint.Add(err, usersHint)
			}
			if output == "json" {
				return e.printJSON(u)
			}
			return e.printUsers([]keys.User{u})
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) usersCreateCommand() *cobra.Command {
	var s admin.UserSpec
	cmd := e.userCommand("create", "Create a user", "  penstock users create alice --role member", func(ctx context.Context, name string) (keys.User, error) {
		s.Name = name
		return callIdentity(ctx, e, identityCall{http.MethodPost, usersPath, "", nil, s}, func(ctx context.Context, a keys.Access) (keys.User, error) {
			return a.CreateUser(ctx, s.User())
		})
	})
	cmd.Flags().StringSliceVar(&s.Roles, "role", nil, "role that its keys may have on the admin API: viewer, member, admin (default: none)")
	return cmd
}

func (e *environment) usersListCommand() *cobra.Command {
	return listCommand(e, "List the users", "  penstock users list -o json", func(ctx context.Context, after string, page url.Values, limit int) ([]keys.User, string, error) {
		l, err := callIdentity(ctx, e, identityCall{http.MethodGet, usersPath, "", page, nil}, func(ctx context.Context, a keys.Access) (l admin.UserList, err error) {
			l.Users, l.Next, err = a.Users(ctx, after, limit)
			return l, err
		})
		return l.Users, l.Next, err
	}, e.printUsers)
}

func (e *environment) printUsers(list []keys.User) error {
	if len(list) == 0 {
		fmt.Fprintln(e.stderr, "There are no users yet: penstock users create alice --role member")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLES\tSTATE")
	for _, u := range list {
		fmt.Fprintln(w, cells(u.Name, dash(strings.Join(u.Roles, ",")), stateText(u.Blocked)))
	}
	return w.Flush()
}

func (e *environment) changeUser(ctx context.Context, name string, c admin.UserChange) (keys.User, error) {
	return callIdentity(ctx, e, identityCall{http.MethodPatch, userPath, name, nil, c}, func(ctx context.Context, a keys.Access) (keys.User, error) {
		return a.ChangeUser(ctx, name, keys.UserChange(c))
	})
}

func (e *environment) usersChangeCommand() *cobra.Command {
	roles := []string{}
	cmd := e.userCommand("change", "Change a user's roles, for all of its keys at once", "  penstock users change alice --role viewer", func(ctx context.Context, name string) (keys.User, error) {
		return e.changeUser(ctx, name, admin.UserChange{Roles: &roles})
	})
	cmd.Flags().StringSliceVar(&roles, "role", []string{}, "roles in place of those before; without the flag none are left")
	return cmd
}

func (e *environment) usersBlockCommand(blocked bool) *cobra.Command {
	verb, short := "unblock", "Let a blocked user's keys work again"
	if blocked {
		verb, short = "block", "Stop a user's keys, within a second"
	}
	return e.userCommand(verb, short, "  penstock users "+verb+" alice", func(ctx context.Context, name string) (keys.User, error) {
		return e.changeUser(ctx, name, admin.UserChange{Blocked: &blocked})
	})
}

func (e *environment) usersRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a user whose keys have ended",
		Example: "  penstock users remove alice",
		Args:    exactly(1, "the name of a user"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := callIdentity(cmd.Context(), e, identityCall{http.MethodDelete, userPath, args[0], nil, nil}, func(ctx context.Context, a keys.Access) (admin.Removal, error) {
				return admin.Removal{Removed: args[0]}, a.RemoveUser(ctx, args[0])
			})
			if err != nil {
				return hint.Add(err, usersHint)
			}
			fmt.Fprintf(e.stdout, "removed %s\n", oneLine(args[0]))
			return nil
		},
	}
}
