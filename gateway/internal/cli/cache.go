package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
)

func (e *environment) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Forget cached replies of a running gateway",
		Args:  exactly(0, "purge"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.cachePurgeCommand())
	return cmd
}

func (e *environment) cachePurgeCommand() *cobra.Command {
	var model, namespace string
	var all bool
	cmd := &cobra.Command{
		Use:   "purge --all | --model NAME | --namespace NAME",
		Short: "Forget cached replies",
		Long: "The running gateway is asked through its admin API, at the address that the configuration names. Where that asks\n" +
			"for a key (admin: {auth: key}), the key is taken from $PENSTOCK_ADMIN_KEY.",
		Example: "  penstock cache purge --model smart\n  penstock cache purge --all",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			what := url.Values{}
			for name, value := range map[string]string{"model": model, "namespace": namespace} {
				if value != "" {
					what.Set(name, value)
				}
			}
			if all {
				what.Set("all", "true")
			}
			if len(what) != 1 {
				return &usageError{hint.Add(errors.New("say one of --all, --model and --namespace"), "penstock cache purge --help shows examples")}
			}
			if err := e.askAdmin(cmd.Context(), http.MethodDelete, "/admin/v1/cache?"+what.Encode()); err != nil {
				return fmt.Errorf("purge the cache: %w", err)
			}
			fmt.Fprintln(e.stdout, "purged")
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "everything")
	cmd.Flags().StringVar(&model, "model", "", "replies to requests for this model, or of this target")
	cmd.Flags().StringVar(&namespace, "namespace", "", "replies of this namespace of the cache")
	return cmd
}

// adminPatience bounds a call of the admin API.
const adminPatience = 10 * time.Second

// askAdmin calls the admin API of the gateway that runs with this configuration.
func (e *environment) askAdmin(ctx context.Context, method, path string) error {
	c, err := e.options.Load(ctx)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, adminPatience)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, method, reachable(c.Admin.Listen)+path, nil)
	if err != nil {
		return err
	}
	if key := e.options.Getenv("PENSTOCK_ADMIN_KEY"); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return hint.Add(err, "is the gateway running, with this configuration? its admin API listens at %s", c.Admin.Listen)
	}
	defer resp.Body.Close()
	return adminError(resp, c.Admin.Auth)
}

// adminError is what the admin API says against a call.
func adminError(resp *http.Response, auth config.AdminAuth) error {
	if resp.StatusCode < 300 {
		return nil
	}
	var reply struct{ Error struct{ Message string } }
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err == nil {
		err = json.Unmarshal(body, &reply)
	}
	if err != nil || reply.Error.Message == "" {
		return fmt.Errorf("the admin API answered %s", resp.Status)
	}
	err = errors.New(reply.Error.Message)
	if auth == config.AuthKey && resp.StatusCode == http.StatusUnauthorized {
		return hint.Add(err, "put a key with the role admin into PENSTOCK_ADMIN_KEY; penstock keys create --role admin makes one")
	}
	return err
}
