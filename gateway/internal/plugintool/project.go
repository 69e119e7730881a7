// Package plugintool is what a plugin's author works with: it starts, builds, inspects,
// tests, fuzzes, times, replays and signs a plugin. It returns what it found; the command
// line prints it. Nothing here runs while requests are served.
package plugintool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
)

// manifestFile is the file of a project that describes its plugin.
const manifestFile = "penstock.json"

// Project is a folder with a plugin's sources, as Create writes it.
type Project struct {
	dir string
	// manifest is the content of the manifest file.
	manifest []byte

	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Lang   string   `json:"lang"`
	Grants []string `json:"grants"`
}

// Open reads the manifest of the project in a folder.
func Open(dir string) (*Project, error) {
	manifest, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Add(fmt.Errorf("%s is not a plugin's project: it has no %s", dir, manifestFile),
			"penstock plugin new first-router --lang go --kind router starts one")
	}
	if err != nil {
		return nil, err
	}
	p := &Project{dir: dir, manifest: manifest}
	if err := json.Unmarshal(manifest, p); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, manifestFile), err)
	}
	if err := CheckName(p.Name); err != nil {
		return nil, fmt.Errorf("%s: name: %w", filepath.Join(dir, manifestFile), err)
	}
	return p, nil
}

// Module returns the path of the module that the project builds.
func (p *Project) Module() string { return filepath.Join(p.dir, p.Name+".wasm") }

// Build compiles the project, writes its manifest into the module and returns the module.
// What the compiler prints goes to output.
func (p *Project) Build(ctx context.Context, output io.Writer) ([]byte, error) {
	if err := p.findCompiler(ctx); err != nil {
		return nil, err
	}
	if err := p.make(ctx, io.Discard, output, "OUT="+p.Name+".wasm"); err != nil {
		return nil, fmt.Errorf("build %s: %w", p.Name, err)
	}
	binary, err := p.writeManifest()
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", p.Name, err)
	}
	return binary, nil
}

// make runs make in the project's folder.
func (p *Project) make(ctx context.Context, stdout, stderr io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "make", append([]string{"-s", "--no-print-directory", "-C", p.dir}, args...)...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	// The flags of a make that runs this program must not reach the project's.
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=", "MFLAGS=")
	return cmd.Run()
}

// findCompiler returns an error that says what to install if make or the compiler is
// missing. An SDK's Makefile prints the compiler's name, or what to install.
func (p *Project) findCompiler(ctx context.Context) error {
	if _, err := exec.LookPath("make"); err != nil {
		return hint.Add(errors.New("make is not installed"), "install it: apt-get install make, or xcode-select --install")
	}
	var stdout, stderr bytes.Buffer
	err := p.make(ctx, &stdout, &stderr, "compiler")
	if err == nil && strings.TrimSpace(stdout.String()) != "" {
		return nil
	}
	why, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
	if why == "" || strings.HasPrefix(why, "make: ") {
		why = "there is no compiler"
	}
	return hint.Add(fmt.Errorf("%s in %s: %s", p.Name, p.Lang, why), "then build again: penstock plugin build %s", p.dir)
}

// writeManifest writes the manifest into the module that make has built.
func (p *Project) writeManifest() ([]byte, error) {
	binary, err := os.ReadFile(p.Module())
	if err != nil {
		return nil, err
	}
	if binary, err = wasm.WithManifest(binary, p.manifest, cases.CheckTests); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	// A gateway that watches the file must not read half of it.
	next := p.Module() + ".new"
	if err := os.WriteFile(next, binary, 0o644); err != nil {
		return nil, err
	}
	return binary, os.Rename(next, p.Module())
}
