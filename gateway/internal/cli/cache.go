package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
)

func (e *environment) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Show and purge cached replies, and measure the similarity cache",
		Args:  exactly(0, "purge, stats, eval or shadow"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.cachePurgeCommand(), e.cacheStatsCommand(), e.cacheEvalCommand(), e.cacheShadowCommand())
	return cmd
}

func (e *environment) cachePurgeCommand() *cobra.Command {
	var all bool
	names := map[admin.What]*string{}
	cmd := &cobra.Command{
		Use:   "purge --all | --model NAME | --namespace NAME | --team NAME | --key ID | --tag NAME=VALUE | --id ID",
		Short: "Purge cached replies",
		Long: "Calls the admin API of the running gateway, at the address that the configuration names. If that needs a key\n" +
			"(admin: {auth: key}), put one with the role admin into " + adminKey + ". Gateways that share replies in a store (cache.store)\n" +
			"forget them within a second.",
		Example: "  penstock cache purge --model smart\n  penstock cache purge --tag usecase=faq\n  penstock cache purge --id 8f14e45fceea167a",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			what := url.Values{}
			for name, value := range names {
				if *value != "" {
					what.Set(string(name), *value)
				}
			}
			if all {
				what.Set("all", "true")
			}
			if len(what) != 1 {
				return &usageError{hint.Add(errors.New("give one of --all, --model, --namespace, --team, --key, --tag and --id"), "penstock cache purge --help shows examples")}
			}
			if _, err := e.callAdmin(cmd.Context(), http.MethodDelete, "/admin/v1/cache?"+what.Encode(), nil); err != nil {
				return fmt.Errorf("purge the cache: %w", err)
			}
			fmt.Fprintln(e.stdout, "purged")
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "everything")
	for _, what := range admin.Purges() {
		names[what] = cmd.Flags().String(string(what), "", purgeHelp(what))
	}
	return cmd
}

// purgeHelp says what a flag of purge names.
func purgeHelp(w admin.What) string {
	switch w {
	case admin.PurgeModel:
		return "replies to requests for this model, or of this target"
	case admin.PurgeNamespace:
		return "replies of this namespace of the cache"
	case admin.PurgeTeam:
		return "replies to requests of this team"
	case admin.PurgeKey:
		return "replies to requests of the virtual key with this id"
	case admin.PurgeTag:
		return "replies to requests with this tag, as NAME=VALUE"
	}
	return "the reply that answers similar requests under this id, as x-penstock-cache-id gave it"
}
