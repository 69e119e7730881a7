// Command generate writes the published schemas of a policy's input, decision and settings from
// their declarations in package policy.
//
//	go run ./gateway/internal/policy/generate          # write policies/schema
//	go run ./gateway/internal/policy/generate -check   # exit 1 if it is out of date
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/penstock/penstock/gateway/internal/generated"
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
	finish := func(name string, schema []byte) error {
		return generated.Finish(filepath.Join(*dir, name+".json"), schema, *check, "go run ./gateway/internal/policy/generate")
	}
	errs := []error{finish("input", policy.InputSchema()), finish("decision", policy.DecisionSchema())}
	for _, name := range []string{"limits", "models", "teams"} {
		schema, err := policy.SettingsSchema(name)
		if err == nil {
			err = finish(name, schema)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
