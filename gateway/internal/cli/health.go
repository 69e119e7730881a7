package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) healthCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the running gateway whether it is ready: exit code 0 or 1",
		Long: "For the health checks of containers, which have no curl. It asks /readyz at the address that the configuration names.\n" +
			"The certificate is not verified, since nothing secret is sent.",
		Example: "  penstock health -c /etc/penstock/penstock.yaml",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := context.WithTimeout(cmd.Context(), timeout)
			defer stop()
			answer, err := e.askReady(ctx)
			if err == nil {
				fmt.Fprintln(e.stdout, answer)
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	return cmd
}

// maxReady bounds the answer of /readyz, in bytes.
const maxReady = 4 << 10

// askReady returns the answer of /readyz, or an error if it is not that the gateway is ready.
func (e *environment) askReady(ctx context.Context) (string, error) {
	c, err := e.options.LoadWithoutSecrets(ctx)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.Reachable(c.Listen, c.TLS.Enabled())+"/readyz", nil)
	if err != nil {
		return "", err
	}
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	if c.TLS.Auto.Enabled() { // there is a certificate for the domains only
		t.TLSClientConfig.ServerName = string(c.TLS.Auto.Domains[0])
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return "", hint.Add(fmt.Errorf("no gateway answers at %s: %w", c.Listen, err), "start it with penstock serve, or name its configuration with -c")
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReady))
	if err != nil {
		return "", fmt.Errorf("read the gateway's answer: %w", err)
	}
	answer := strings.TrimSpace(string(text))
	if resp.StatusCode != http.StatusOK {
		return "", hint.Add(fmt.Errorf("the gateway answers with status %d: %s", resp.StatusCode, answer), "GET /readyz at the admin listener (%s) says why", c.Admin.Listen)
	}
	return answer, nil
}
