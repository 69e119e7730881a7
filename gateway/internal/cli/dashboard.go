package cli

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) dashboardCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "dashboard",
		Short: "Print a link that signs you in to the running gateway's dashboard",
		Long: "The link works once, within ten minutes. It comes from the admin API of the running gateway, at the address that the\n" +
			"configuration names. If that needs a key (admin: {auth: key}), put one with the role admin into " + adminKey + ".",
		Example: "  penstock dashboard\n  xdg-open \"$(penstock dashboard)\"",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.options.LoadWithoutSecrets(cmd.Context())
			if err != nil {
				return err
			}
			reply, err := e.callAdmin(cmd.Context(), http.MethodPost, "/admin/v1/sign-in", nil)
			if err != nil {
				return err
			}
			var link struct{ Path string }
			if err := json.Unmarshal(reply, &link); err != nil {
				return fmt.Errorf("read the gateway's answer: %w", err)
			}
			_, err = fmt.Fprintln(e.stdout, server.Reachable(c.Admin.Listen, c.Admin.TLS.Enabled())+link.Path)
			return err
		},
	}
}
