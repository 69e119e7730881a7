package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
)

func (e *environment) cacheStatsCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show the cache's size, hit ratio, and what it has saved",
		Long: "Calls the admin API of the running gateway, at the address that the configuration names. If that needs a key\n" +
			"(admin: {auth: key}), put one with the role admin into " + adminKey + ".\n\n" +
			"Counts are since the start of the gateway. Hits, similar and coalesced requests asked no target; of a partial one's\n" +
			"embeddings some were stored. The hit ratio is the share of the former among all requests that the cache was on for.\n" +
			"penstock spend shows the same over time, by model, team and more.",
		Example: "  penstock cache stats\n  penstock cache stats -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			reply, err := e.callAdmin(cmd.Context(), http.MethodGet, "/admin/v1/cache", nil)
			if err != nil {
				return fmt.Errorf("read the cache's figures: %w", err)
			}
			if output == "json" {
				_, err := e.stdout.Write(reply)
				return err
			}
			var stats admin.CacheStats
			if err := json.Unmarshal(reply, &stats); err != nil {
				return fmt.Errorf("read the gateway's answer: %w", err)
			}
			return e.printCacheStats(&stats)
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) printCacheStats(s *admin.CacheStats) error {
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	line := func(name, format string, values ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, values...))
	}
	const mib = 1 << 20
	line("since", "%s", s.Since.Format("2006-01-02 15:04:05 MST"))
	line("size", "%.1f of %.1f MiB", float64(s.Bytes)/mib, float64(s.MaxBytes)/mib)
	line("entries", "%d", s.Entries)
	line("gone", "%d evicted, %d expired, %d not let in", s.Evicted, s.Expired, s.Rejected)
	r := s.Requests
	line("requests", "%d hit, %d similar, %d coalesced, %d partial, %d miss, %d off", r.Hit, r.Similar, r.Coalesced, r.Partial, r.Miss, r.Off)
	if s.HitRatio != nil {
		line("hit ratio", "%.1f %%", *s.HitRatio*100)
	}
	line("saved", "%s USD", s.SavedUSD)
	return w.Flush()
}
