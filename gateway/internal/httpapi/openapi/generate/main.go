// Command generate writes openapi.yaml and openapi.json from the declaration in this package and
// the Go types of the replies.
//
//	go run ./gateway/internal/httpapi/openapi/generate          # write both
//	go run ./gateway/internal/httpapi/openapi/generate -check   # exit 1 if they are out of date
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/penstock/penstock/gateway/internal/generated"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

const folder = "gateway/internal/httpapi/openapi"

func run(args []string) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	check := flags.Bool("check", false, "compare instead of writing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	files, err := generate(root)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := generated.Finish(filepath.Join(root, folder, name), text, *check, "go run ./"+folder+"/generate"); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the files of the document. root is the module's folder.
func generate(root string) (map[string][]byte, error) {
	d, err := newDocument(root)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	j := json.NewEncoder(&text)
	j.SetIndent("", " ")
	j.SetEscapeHTML(false)
	if err := j.Encode(d); err != nil {
		return nil, err
	}
	asYAML, err := yaml.JSONToYAML(text.Bytes())
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"openapi.json": text.Bytes(), "openapi.yaml": asYAML}, nil
}
