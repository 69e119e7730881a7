package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/wasm"
)

// shownReplay is what came of a recorded call as machines read it.
type shownReplay struct {
	File   string `json:"file"`
	Plugin string `json:"plugin"`
	Hook   string `json:"hook"`
	Same   bool   `json:"same"`
	// Error says what differs.
	Error string `json:"error,omitempty"`
	Fuel  int64  `json:"fuel"`
}

func (a *app) pluginReplayCommand() *cobra.Command {
	var save, output string
	cmd := &cobra.Command{
		Use:   "replay REQUEST-ID",
		Short: "Make a request's recorded calls again and compare the answers byte for byte",
		Long: "A plugin with `record: true` in the configuration has its calls recorded beside the ledger, those of the\n" +
			"last 1,000 requests. The modules are those that the configuration names now, so a new version of a plugin\n" +
			"can be held against what the old one did.",
		Example: "  penstock plugin replay req_01k9zq6m3c8v7e2x5d4r1t0wbn\n" +
			"  penstock plugin replay req_01k9zq6m3c8v7e2x5d4r1t0wbn --save first-router/tests",
		Args: exactly(1, "a request's id, as in the header x-penstock-request-id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.load(cmd.Context())
			if err != nil {
				return err
			}
			calls, err := findCalls(c, args[0])
			if err != nil {
				return err
			}
			if save != "" {
				return a.saveCalls(save, args[0], calls)
			}
			rows, err := a.replay(cmd.Context(), c, calls)
			if err != nil {
				return err
			}
			return a.showReplay(output, rows)
		},
	}
	cmd.Flags().StringVar(&save, "save", "", "write the calls as cases into this folder instead")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func findCalls(c *config.Config, id string) ([]recordedCall, error) {
	dir := callsDir(string(c.Ledger))
	if dir == "" {
		return nil, errors.New("the ledger is not a file, so no calls are recorded")
	}
	calls, err := readCalls(dir, id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(calls) == 0 {
		return nil, hint(fmt.Errorf("no calls are recorded of request %s", id),
			"set record: true for the plugin; the last 1,000 requests are kept")
	}
	return calls, err
}

// saveCalls copies the cases out of the gateway's folder, from which they go one day.
func (a *app) saveCalls(dir, id string, calls []recordedCall) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, call := range calls {
		path := filepath.Join(dir, id+"-"+call.file)
		if err := os.WriteFile(path, call.text, 0o600); err != nil { // prompts stand in it
			return err
		}
		fmt.Fprintln(a.stdout, path)
	}
	return nil
}

// replay makes the calls again, each in the module that its plugin has now.
func (a *app) replay(ctx context.Context, c *config.Config, calls []recordedCall) ([]shownReplay, error) {
	host, err := a.pluginHost(io.Discard)
	if err != nil {
		return nil, err
	}
	defer host.Close(ctx)
	var rows []shownReplay
	for _, name := range pluginsOf(calls) {
		of, err := replayPlugin(ctx, host, c, name, calls)
		if err != nil {
			return nil, err
		}
		rows = append(rows, of...)
	}
	return rows, nil
}

// pluginsOf names the plugins that were called, each once.
func pluginsOf(calls []recordedCall) []string {
	var names []string
	for _, c := range calls {
		if !slices.Contains(names, c.plugin) {
			names = append(names, c.plugin)
		}
	}
	return names
}

// replayPlugin makes the calls of one plugin.
func replayPlugin(ctx context.Context, host *wasm.Host, c *config.Config, name string, calls []recordedCall) ([]shownReplay, error) {
	p, ok := c.Plugins.Own[name]
	if !ok {
		return nil, fmt.Errorf("%s was called, a plugin that the configuration does not name any more", name)
	}
	binary, err := readModule(p.File)
	if err != nil {
		return nil, err
	}
	var cases []wasm.Case
	var rows []shownReplay
	for _, call := range calls {
		if call.plugin != name {
			continue
		}
		more, err := wasm.ParseCases(call.file, call.text)
		if err != nil {
			return nil, err
		}
		for _, one := range more {
			cases, rows = append(cases, one), append(rows, shownReplay{File: call.file, Plugin: name, Hook: one.Hook, Same: true})
		}
	}
	trials, err := host.Try(ctx, wasm.Spec{Name: name, Wasm: binary, MaxMemory: int64(p.MaxMemory), Fuel: p.Fuel}, cases)
	for i, t := range trials {
		if rows[i].Fuel = t.Fuel; t.Err != nil {
			rows[i].Same, rows[i].Error = false, t.Err.Error()
		}
	}
	return rows, err
}

func (a *app) showReplay(output string, rows []shownReplay) error {
	differ := 0
	for _, r := range rows {
		if !r.Same {
			differ++
		}
	}
	if output == "json" {
		if err := a.printJSON(map[string]any{"calls": rows, "differing": differ}); err != nil {
			return err
		}
	} else if err := tellReplay(a.stdout, rows); err != nil {
		return err
	}
	if differ > 0 {
		return hint(fmt.Errorf("%d of %d calls are answered differently now", differ, len(rows)),
			"the module or its settings have changed since; --save keeps the calls as cases")
	}
	return nil
}

func tellReplay(out io.Writer, rows []shownReplay) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\tPLUGIN\tHOOK\tFUEL")
	for _, r := range rows {
		mark := "same"
		if !r.Same {
			mark = "DIFFERS"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", mark, r.Plugin, r.Hook, r.Fuel)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if !r.Same {
			fmt.Fprintf(out, "\n%s\n  %s\n", r.File, strings.ReplaceAll(r.Error, "\n", "\n  "))
		}
	}
	return nil
}
