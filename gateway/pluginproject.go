package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/penstock/penstock/gateway/internal/wasm"
)

// manifestFile is what a project says about its plugin.
const manifestFile = "penstock.json"

// pluginProject is a folder with a plugin's project, as plugin new writes it.
type pluginProject struct {
	dir string
	// text is the manifest as it stands in its file.
	text   []byte
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Lang   string   `json:"lang"`
	Grants []string `json:"grants"`
}

// openProject reads the manifest of the project in a folder.
func openProject(dir string) (*pluginProject, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint(fmt.Errorf("%s is not a plugin's project: it has no %s", dir, manifestFile),
			"penstock plugin new first-router --lang go --kind router starts one")
	}
	if err != nil {
		return nil, err
	}
	p := &pluginProject{dir: dir, text: text}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, manifestFile), err)
	}
	if err := pluginName(p.Name); err != nil {
		return nil, fmt.Errorf("%s: name: %w", filepath.Join(dir, manifestFile), err)
	}
	return p, nil
}

// file is the module that the project builds.
func (p *pluginProject) file() string { return filepath.Join(p.dir, p.Name+".wasm") }

// make runs make in the project. What it prints goes to out and talk.
func (p *pluginProject) make(ctx context.Context, out, talk io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "make", append([]string{"-s", "--no-print-directory", "-C", p.dir}, args...)...)
	cmd.Stdout, cmd.Stderr = out, talk
	// A make that runs this one must not hand down its flags.
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=", "MFLAGS=")
	return cmd.Run()
}

// compiler makes sure that there is one: an SDK's Makefile prints it, or says what to
// install.
func (p *pluginProject) compiler(ctx context.Context) error {
	if _, err := exec.LookPath("make"); err != nil {
		return hint(errors.New("make is not installed"), "install it: apt-get install make, or xcode-select --install")
	}
	var out, talk bytes.Buffer
	err := p.make(ctx, &out, &talk, "compiler")
	if err == nil && strings.TrimSpace(out.String()) != "" {
		return nil
	}
	why, _, _ := strings.Cut(strings.TrimSpace(talk.String()), "\n")
	if why == "" || strings.HasPrefix(why, "make: ") {
		why = "there is no compiler"
	}
	return hint(fmt.Errorf("%s in %s: %s", p.Name, p.Lang, why), "then build again: penstock plugin build %s", p.dir)
}

// pluginHost is the gateway's own host. What plugins log goes to the given writer.
func (a *app) pluginHost(log io.Writer) (*wasm.Host, error) {
	g := &gateway{app: a, log: slog.New(slog.NewTextHandler(log, nil))}
	return g.openHost()
}

// readModule reads a module's file.
func readModule(file string) ([]byte, error) {
	binary, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint(fmt.Errorf("there is no module %s", file), "penstock plugin build makes it")
	}
	return binary, err
}

// moduleName is what a module is called that has no project.
func moduleName(file string) string {
	return strings.TrimSuffix(filepath.Base(file), ".wasm")
}
