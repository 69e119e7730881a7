package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// report returns the tables of all scenarios and the figures. It depends on the seed and the
// size only.
func (r results) report(seed uint64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Seed %d. Times are from a request's arrival to its last byte; 429s are those of targets, per request.\n", seed)
	for _, p := range plans(sizeOf(false), seed) {
		r.table(&b, r[p.scenario.name])
	}
	fmt.Fprintln(&b, "\nFigures")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range r.figures() {
		state := "met"
		if !f.met {
			state = "MISSED"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", state, f.value, f.goal, f.what)
	}
	w.Flush()
	return b.String()
}

func (r results) table(b *strings.Builder, list []*result) {
	s := list[0].scenario
	fmt.Fprintf(b, "\n%s: %s; %s, %d requests\n", s.name, s.about, hours(s.length), len(list[0].served))
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "policy\tfailed\tp50 s\tp99 s")
	if len(s.incidents) > 0 {
		fmt.Fprintf(w, "\tp99 s %s", s.incidents[0].kind())
	}
	fmt.Fprint(w, "\t$ / 1000\tquality\t429s")
	if s.agents > 0 {
		fmt.Fprint(w, "\tkept")
	}
	fmt.Fprintln(w, "\tshares %\t")
	for _, one := range list {
		one.row(w)
	}
	w.Flush()
}

func (in *incident) kind() string {
	if in.slower > 0 {
		return "degraded"
	}
	return "in outage"
}

func (r *result) row(w *tabwriter.Writer) {
	s := r.scenario
	fmt.Fprintf(w, "%s\t%.2f %%\t%.2f\t%.2f", r.policy.name, 100*r.failed(), r.quantile(0.5, 0, s.length).Seconds(), r.quantile(0.99, 0, s.length).Seconds())
	if len(s.incidents) > 0 {
		fmt.Fprintf(w, "\t%.2f", r.quantile(0.99, s.incidents[0].from, s.incidents[0].to).Seconds())
	}
	fmt.Fprintf(w, "\t%.3f\t%.3f\t%.3f %%", 1000*r.meanCost(), r.meanQuality(), 100*r.refusals())
	if s.agents > 0 {
		fmt.Fprintf(w, "\t%.1f %%", 100*r.affinity())
	}
	var shares []string
	for _, share := range r.shares(0, s.length+24*time.Hour) {
		shares = append(shares, fmt.Sprintf("%.0f", 100*share))
	}
	fmt.Fprintf(w, "\t%s\t\n", strings.Join(shares, " "))
}

func hours(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}

// write writes the report and the curves into a folder.
func (r results) write(folder, report string) error {
	if err := os.WriteFile(filepath.Join(folder, "results.txt"), []byte(report), 0o644); err != nil {
		return err
	}
	charts := r.charts()
	for name, text := range charts {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
