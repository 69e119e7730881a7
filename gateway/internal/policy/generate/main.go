// Command generate writes the published schemas of a policy's input, decision and settings from
// their declarations in package policy.
//
//	go run ./gateway/internal/policy/generate          # write policies/schema
//	go run ./gateway/internal/policy/generate -check   # exit 1 if it is out of date
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/penstock/penstock/gateway/internal/policy"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	dir := flags.String("dir", "policies/schema", "the `folder` of the schemas, from the root of the repository")
	check := flags.Bool("check", false, "compare instead of writing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	errs := []error{
		finish(filepath.Join(*dir, "input.json"), policy.InputSchema(), *check),
		finish(filepath.Join(*dir, "decision.json"), policy.DecisionSchema(), *check),
	}
	for _, name := range []string{"limits", "models", "teams"} {
		schema, err := policy.SettingsSchema(name)
		if err == nil {
			err = finish(filepath.Join(*dir, name+".json"), schema, *check)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// finish writes a schema, or compares it with the file.
func finish(path string, schema []byte, check bool) error {
	if !check {
		return os.WriteFile(path, schema, 0o644)
	}
	have, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, schema) {
		return fmt.Errorf("%s is out of date; run go run ./gateway/internal/policy/generate", path)
	}
	return nil
}
