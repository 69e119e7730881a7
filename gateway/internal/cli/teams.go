package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	teamsPath = "/admin/v1/teams"
	teamPath  = teamsPath + "/{id}"
	teamsHint = "penstock teams list shows the names"
)

func (e *environment) teamsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "teams",
		Short: "Manage teams, which bound the keys of their name",
		Long: "A team bounds what its keys may ask for, puts tags on their requests, and has members with roles.\n" +
			"Blocking a team stops its keys at once. A name that only keys have is no team, and bounds nothing.",
		Args: exactly(0, "one of create, list, show, change, block, unblock, remove, add-member, remove-member"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	e.addAdmin(cmd)
	cmd.AddCommand(e.teamsCreateCommand(), e.teamsListCommand(), e.teamsShowCommand(), e.teamsChangeCommand(), e.teamsBlockCommand(true), e.teamsBlockCommand(false),
		e.teamsRemoveCommand(), e.teamsAddMemberCommand(), e.teamsRemoveMemberCommand())
	return cmd
}

// teamCommand is a command about one team, which prints it as call returns it.
func (e *environment) teamCommand(use, short, example string, call func(cmd *cobra.Command, args []string) (keys.Team, error)) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example,
		Args: exactly(strings.Count(use, " "), strings.ToLower(strings.Join(strings.Fields(use)[1:], " and "))),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := call(cmd, args)
			if err != nil {
				return hint.Add(err, teamsHint)
			}
			if output == "json" {
				return e.printJSON(t)
			}
			return e.printTeams([]keys.Team{t})
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) teamsCreateCommand() *cobra.Command {
	var s admin.TeamSpec
	var tags, members, admins []string
	cmd := e.teamCommand("create NAME", "Create a team", "  penstock teams create search --models 'gpt-5*' --tag cost_center=42 --admin-member alice --member bob",
		func(cmd *cobra.Command, args []string) (t keys.Team, err error) {
			s.Name = args[0]
			if s.Tags, err = parseTags(tags); err != nil {
				return t, &usageError{err}
			}
			s.Members = membersOf(members, admins)
			return callIdentity(cmd.Context(), e, identityCall{http.MethodPost, teamsPath, "", nil, s}, func(ctx context.Context, a keys.Access) (keys.Team, error) {
				return a.CreateTeam(ctx, s.Team())
			})
		})
	fl := cmd.Flags()
	fl.StringSliceVar(&s.Models, "models", nil, "models that its keys may ask for at most, with * (default: all)")
	fl.StringArrayVar(&tags, "tag", nil, "NAME=VALUE, put on every request of its keys")
	fl.StringSliceVar(&members, "member", nil, "user that is a member")
	fl.StringSliceVar(&admins, "admin-member", nil, "user that is a member and manages its keys")
	return cmd
}

func membersOf(members, admins []string) map[string]string {
	if len(members)+len(admins) == 0 {
		return nil
	}
	all := map[string]string{}
	for _, user := range members {
		all[user] = llm.RoleMember
	}
	for _, user := range admins {
		all[user] = llm.RoleAdmin
	}
	return all
}

func (e *environment) teamsListCommand() *cobra.Command {
	return listCommand(e, "List the teams with their members", "  penstock teams list -o json", func(ctx context.Context, after string, page url.Values, limit int) ([]keys.Team, string, error) {
		l, err := callIdentity(ctx, e, identityCall{http.MethodGet, teamsPath, "", page, nil}, func(ctx context.Context, a keys.Access) (l admin.TeamList, err error) {
			l.Teams, l.Next, err = a.Teams(ctx, after, limit)
			return l, err
		})
		return l.Teams, l.Next, err
	}, e.printTeams)
}

func (e *environment) printTeams(list []keys.Team) error {
	if len(list) == 0 {
		fmt.Fprintln(e.stderr, "There are no teams yet: penstock teams create search")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tMODELS\tTAGS\tMEMBERS\tSTATE")
	for _, t := range list {
		var members []string
		for user, role := range t.Members {
			members = append(members, user+" ("+role+")")
		}
		slices.Sort(members)
		fmt.Fprintln(w, cells(t.Name, dash(strings.Join(t.Models, ",")), dash(joinTags(t.Tags)), dash(strings.Join(members, ", ")), stateText(t.Blocked)))
	}
	return w.Flush()
}

func stateText(blocked bool) string {
	if blocked {
		return "blocked"
	}
	return "active"
}

func (e *environment) teamsShowCommand() *cobra.Command {
	return e.teamCommand("show NAME", "Show one team", "  penstock teams show search", func(cmd *cobra.Command, args []string) (keys.Team, error) {
		return callIdentity(cmd.Context(), e, identityCall{http.MethodGet, teamPath, args[0], nil, nil}, func(ctx context.Context, a keys.Access) (keys.Team, error) {
			return a.Team(ctx, args[0])
		})
	})
}

func (e *environment) teamsChangeCommand() *cobra.Command {
	var models, tags []string
	var allModels, noTags bool
	cmd := e.teamCommand("change NAME", "Change a team's models or tags, for all of its keys at once", "  penstock teams change search --models 'gpt-5*,claude-*'",
		func(cmd *cobra.Command, args []string) (t keys.Team, err error) {
			var c admin.TeamChange
			if cmd.Flags().Changed("models") || allModels {
				c.Models = &models
			}
			if cmd.Flags().Changed("tag") || noTags {
				parsed, err := parseTags(tags)
				if err != nil {
					return t, &usageError{err}
				}
				c.Tags = &parsed
			}
			if c == (admin.TeamChange{}) {
				return t, &usageError{fmt.Errorf("nothing is to be changed: name it with --models or --tag")}
			}
			return e.changeTeam(cmd.Context(), args[0], c)
		})
	fl := cmd.Flags()
	fl.StringSliceVar(&models, "models", nil, "models that its keys may ask for at most, with *, in place of those before")
	fl.BoolVar(&allModels, "all-models", false, "let its keys ask for every model")
	fl.StringArrayVar(&tags, "tag", nil, "NAME=VALUE, in place of the tags before")
	fl.BoolVar(&noTags, "no-tags", false, "remove the tags")
	cmd.MarkFlagsMutuallyExclusive("models", "all-models")
	cmd.MarkFlagsMutuallyExclusive("tag", "no-tags")
	return cmd
}

func (e *environment) changeTeam(ctx context.Context, name string, c admin.TeamChange) (keys.Team, error) {
	return callIdentity(ctx, e, identityCall{http.MethodPatch, teamPath, name, nil, c}, func(ctx context.Context, a keys.Access) (keys.Team, error) {
		return a.ChangeTeam(ctx, name, keys.TeamChange(c))
	})
}

func (e *environment) teamsBlockCommand(blocked bool) *cobra.Command {
	verb, short := "unblock", "Let a blocked team's keys work again"
	if blocked {
		verb, short = "block", "Stop a team's keys, within a second"
	}
	return e.teamCommand(verb+" NAME", short, "  penstock teams "+verb+" search", func(cmd *cobra.Command, args []string) (keys.Team, error) {
		return e.changeTeam(cmd.Context(), args[0], admin.TeamChange{Blocked: &blocked})
	})
}

func (e *environment) teamsRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a team whose keys have ended",
		Example: "  penstock teams remove search",
		Args:    exactly(1, "the name of a team"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := callIdentity(cmd.Context(), e, identityCall{http.MethodDelete, teamPath, args[0], nil, nil}, func(ctx context.Context, a keys.Access) (admin.Removal, error) {
				return admin.Removal{Removed: args[0]}, a.RemoveTeam(ctx, args[0])
			})
			if err != nil {
				return hint.Add(err, teamsHint)
			}
			fmt.Fprintf(e.stdout, "removed %s\n", oneLine(args[0]))
			return nil
		},
	}
}

func (e *environment) teamsAddMemberCommand() *cobra.Command {
	var role string
	cmd := e.teamCommand("add-member TEAM USER", "Make a user a member of a team, or change its role there", "  penstock teams add-member search alice --role admin",
		func(cmd *cobra.Command, args []string) (keys.Team, error) {
			return callIdentity(cmd.Context(), e, identityCall{http.MethodPost, teamPath + "/members", args[0], nil, admin.Membership{User: args[1], Role: role}},
				func(ctx context.Context, a keys.Access) (keys.Team, error) {
					return a.AddMember(ctx, args[0], args[1], role)
				})
		})
	addWord(cmd, &role, "role", "role in the team", llm.RoleMember, llm.RoleAdmin)
	return cmd
}

func (e *environment) teamsRemoveMemberCommand() *cobra.Command {
	return e.teamCommand("remove-member TEAM USER", "End a membership, and stop the user's keys in the team", "  penstock teams remove-member search alice",
		func(cmd *cobra.Command, args []string) (keys.Team, error) {
			return callIdentity(cmd.Context(), e, identityCall{http.MethodDelete, teamPath + "/members", args[0], url.Values{"user": {args[1]}}, nil},
				func(ctx context.Context, a keys.Access) (keys.Team, error) {
					return a.RemoveMember(ctx, args[0], args[1])
				})
		})
}
