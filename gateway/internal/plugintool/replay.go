package plugintool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/penstock/penstock/gateway/internal/calllog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
)

// Replayed is what became of a recorded call when it was made again.
type Replayed struct {
	File   string `json:"file"`
	Plugin string `json:"plugin"`
	Hook   string `json:"hook"`
	Same   bool   `json:"same"`
	// Error says what differs.
	Error string `json:"error,omitempty"`
	Fuel  int64  `json:"fuel"`
}

// RecordedCalls reads the calls of a request that were recorded beside the ledger.
func RecordedCalls(c *config.Config, id string) ([]calllog.Call, error) {
	dir := calllog.Dir(string(c.Ledger.URL))
	if dir == "" {
		return nil, errors.New("the ledger is not a file, so no calls are recorded")
	}
	calls, err := calllog.Read(dir, id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(calls) == 0 {
		return nil, hint.Add(fmt.Errorf("no calls are recorded of request %s", id),
			"set record: true for the plugin; the last 1,000 requests are kept")
	}
	return calls, err
}

// SaveCalls writes the calls of a request as cases into a folder, and returns the paths
// of those that were written.
func SaveCalls(dir, id string, calls []calllog.Call) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var paths []string
	for _, call := range calls {
		path := filepath.Join(dir, id+"-"+call.File)
		if err := os.WriteFile(path, call.Text, 0o600); err != nil { // it holds prompts
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// Replay makes calls again, each in the module that the configuration names for its
// plugin now.
func (r *Runner) Replay(ctx context.Context, c *config.Config, calls []calllog.Call) ([]Replayed, error) {
	var replayed []Replayed
	for _, plugin := range pluginsOf(calls) {
		of, err := r.replayPlugin(ctx, c, plugin, calls)
		if err != nil {
			return nil, err
		}
		replayed = append(replayed, of...)
	}
	return replayed, nil
}

// pluginsOf returns the names of the plugins that were called, each once.
func pluginsOf(calls []calllog.Call) []string {
	var names []string
	for _, c := range calls {
		if !slices.Contains(names, c.Plugin) {
			names = append(names, c.Plugin)
		}
	}
	return names
}

// replayPlugin makes the calls of one plugin.
func (r *Runner) replayPlugin(ctx context.Context, c *config.Config, name string, calls []calllog.Call) ([]Replayed, error) {
	p, ok := c.Plugins.Own[name]
	if !ok {
		return nil, fmt.Errorf("%s was called, a plugin that the configuration does not name any more", name)
	}
	binary, err := readModule(p.File)
	if err != nil {
		return nil, err
	}
	var recorded []cases.Case
	var replayed []Replayed
	for _, call := range calls {
		if call.Plugin != name {
			continue
		}
		parsed, err := cases.Parse(call.File, call.Text)
		if err != nil {
			return nil, err
		}
		for _, one := range parsed {
			recorded, replayed = append(recorded, one), append(replayed, Replayed{File: call.File, Plugin: name, Hook: one.Hook, Same: true})
		}
	}
	trials, err := cases.Run(ctx, r.host, wasm.Spec{Name: name, Wasm: binary, MaxMemory: int64(p.MaxMemory), Fuel: p.Fuel}, recorded)
	for i, t := range trials {
		if replayed[i].Fuel = t.Fuel; t.Err != nil {
			replayed[i].Same, replayed[i].Error = false, t.Err.Error()
		}
	}
	return replayed, err
}
