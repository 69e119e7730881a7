// Command generate writes the gateway's catalogue from the models.dev facts and the
// overlay of package source. The result depends on these two files only.
//
//	go run ./gateway/internal/catalog/generate          # write catalog.tsv
//	go run ./gateway/internal/catalog/generate -check   # exit 1 if it is out of date
//
// Without the facts, -check reports that and succeeds.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/penstock/penstock/gateway/internal/catalog/source"
	"github.com/penstock/penstock/gateway/internal/generated"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "gateway/internal/catalog")
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	facts := flags.String("facts", filepath.Join(root, "../shared/prices/models.dev.api.json"), "the models.dev `file`")
	check := flags.Bool("check", false, "compare instead of writing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	table, err := generate(*facts)
	if errors.Is(err, fs.ErrNotExist) && *check {
		fmt.Fprintf(out, "catalog: not checked, %s does not exist\n", *facts)
		return nil
	}
	if err != nil {
		return err
	}
	return generated.Finish(filepath.Join(dir, "catalog.tsv"), table, *check, "go generate ./gateway/internal/catalog")
}

func generate(factsFile string) ([]byte, error) {
	raw, err := os.ReadFile(factsFile)
	if err != nil {
		return nil, err
	}
	facts, err := source.Read(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", factsFile, err)
	}
	if err := facts.Complete(); err != nil {
		return nil, err
	}
	return source.Table(facts.Rows, "generate from the models.dev facts (MIT) and overlay.tsv"), nil
}

// moduleRoot returns the nearest parent folder with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("run this inside the module")
		}
		dir = filepath.Dir(dir)
	}
}
