package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/server"
)

// The states of a finding. Only a fault makes doctor fail.
const (
	stateOK      = "ok"
	stateWarning = "warning"
	stateFault   = "fault"
)

// finding is what doctor has found about one thing.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"`
	Text  string `json:"text"`
	// Fix is what to do about it; empty when nothing is wrong.
	Fix string `json:"fix,omitempty"`
}

// findings collects what doctor finds.
type findings struct{ all []finding }

func (f *findings) ok(check, format string, args ...any) {
	f.all = append(f.all, finding{Check: check, State: stateOK, Text: fmt.Sprintf(format, args...)})
}

func (f *findings) warn(check, fix, format string, args ...any) {
	f.all = append(f.all, finding{check, stateWarning, fmt.Sprintf(format, args...), fix})
}

func (f *findings) fault(check, fix, format string, args ...any) {
	f.all = append(f.all, finding{check, stateFault, fmt.Sprintf(format, args...), fix})
}

func (f *findings) count(state string) (n int) {
	for i := range f.all {
		if f.all[i].State == state {
			n++
		}
	}
	return n
}

func (e *environment) doctorCommand() *cobra.Command {
	var output string
	var offline bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the configuration, ports, database, clock, providers and permissions, and say how to mend what is wrong",
		Long: "doctor changes nothing and spends nothing; providers are asked for their list of models with each key. It exits with\n" +
			"status 1 if something is a fault; warnings are what works and is probably not meant.",
		Example: "  penstock doctor\n  penstock doctor --offline -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := e.examine(cmd.Context(), offline)
			if err := e.printFindings(output, f); err != nil {
				return err
			}
			if n := f.count(stateFault); n > 0 {
				return &codeError{fmt.Errorf("doctor has found %d faults", n), exitFault}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "ask no provider")
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// examine makes all checks. Those after the configuration need a valid one.
func (e *environment) examine(ctx context.Context, offline bool) *findings {
	f := new(findings)
	c, err := e.options.Load(ctx)
	if err != nil {
		f.configurationFault(err)
		return f
	}
	s, err := server.OpenDry(ctx, e.options, c)
	if err != nil {
		f.configurationFault(err)
		return f
	}
	defer s.Close(ctx)
	f.ok("configuration", "%s is valid: %d providers, %d models", describe(e.options.ConfigPath()), len(c.Providers), len(c.Models))
	for _, w := range append(c.Warnings(), s.Warnings()...) {
		f.warn("configuration", "change the setting that it names", "%s", w)
	}
	f.checkPorts(ctx, c)
	f.checkLedger(ctx, c)
	f.checkPermissions(e.options.ConfigPath(), c)
	f.checkSettings(c, !c.Policies.IsZero() || e.hasBudgets(ctx, c))
	if !offline {
		f.checkProviders(s.CheckProviders(ctx))
	}
	return f
}

// hasBudgets reports whether a key has a budget. A ledger that cannot be read is another check's.
func (e *environment) hasBudgets(ctx context.Context, c *config.Config) bool {
	if _, err := os.Stat(c.Ledger.File()); err != nil {
		return false
	}
	k, _, l, err := e.options.OpenKeys(ctx)
	if err != nil {
		return false
	}
	defer l.Close()
	list, err := k.List(ctx)
	return err == nil && slices.ContainsFunc(list, func(k keys.Key) bool { return k.Budget.Max > 0 })
}

// configurationFault adds a finding for each fault of a configuration.
func (f *findings) configurationFault(err error) {
	fix := "penstock check lists every fault with its line"
	var faults config.Faults
	if errors.As(err, &faults) {
		for _, one := range faults {
			f.fault("configuration", fix, "%v", one)
		}
		return
	}
	if h := hint.Of(err); h != "" {
		fix = h
	}
	f.fault("configuration", fix, "%v", err)
}

func (e *environment) printFindings(output string, f *findings) error {
	if output == "json" {
		return e.printJSON(f.all)
	}
	p := newPainter(e.stdout)
	looks := map[string]style{stateOK: green, stateWarning: amber, stateFault: red}
	for i := range f.all {
		x := &f.all[i]
		p.paint(looks[x.State], fmt.Sprintf("%-8s", x.State))
		lines := strings.Split(strings.TrimSpace(x.Text), "\n")
		p.text(fmt.Sprintf("%-14s %s\n", x.Check, oneLine(lines[0])))
		for _, line := range lines[1:] {
			p.text(strings.Repeat(" ", 23) + oneLine(strings.TrimSpace(line)) + "\n")
		}
		if x.Fix != "" {
			p.text(strings.Repeat(" ", 23) + "fix: " + oneLine(x.Fix) + "\n")
		}
	}
	p.text(fmt.Sprintf("%d ok, %d warnings, %d faults\n", f.count(stateOK), f.count(stateWarning), f.count(stateFault)))
	return p.err
}
