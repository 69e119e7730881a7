package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
)

func (e *environment) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Purge cached replies, and measure the similarity cache",
		Args:  exactly(0, "purge, eval or shadow"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.cachePurgeCommand(), e.cacheEvalCommand(), e.cacheShadowCommand())
	return cmd
}

func (e *environment) cachePurgeCommand() *cobra.Command {
	var model, namespace, id string
	var all bool
	cmd := &cobra.Command{
		Use:   "purge --all | --model NAME | --namespace NAME | --id ID",
		Short: "Purge cached replies",
		Long: "Calls the admin API of the running gateway, at the address that the configuration names. If that needs a key\n" +
			"(admin: {auth: key}), put one with the role admin into " + adminKey + ".",
		Example: "  penstock cache purge --model smart\n  penstock cache purge --id 8f14e45fceea167a",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			what := url.Values{}
			for name, value := range map[string]string{"model": model, "namespace": namespace, "id": id} {
				if value != "" {
					what.Set(name, value)
				}
			}
			if all {
				what.Set("all", "true")
			}
			if len(what) != 1 {
				return &usageError{hint.Add(errors.New("give one of --all, --model, --namespace and --id"), "penstock cache purge --help shows examples")}
			}
			if _, err := e.callAdmin(cmd.Context(), http.MethodDelete, "/admin/v1/cache?"+what.Encode(), nil); err != nil {
				return fmt.Errorf("purge the cache: %w", err)
			}
			fmt.Fprintln(e.stdout, "purged")
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "everything")
	cmd.Flags().StringVar(&model, "model", "", "replies to requests for this model, or of this target")
	cmd.Flags().StringVar(&namespace, "namespace", "", "replies of this namespace of the cache")
	cmd.Flags().StringVar(&id, "id", "", "the reply that answers similar requests under this id, as x-penstock-cache-id gave it")
	return cmd
}
