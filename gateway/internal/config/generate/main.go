// Command generate writes the reference of the configuration file from the declarations in
// package config.
//
//	go run ./gateway/internal/config/generate          # write examples/operate/configuration.md
//	go run ./gateway/internal/config/generate -check   # exit 1 if it is out of date
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/generated"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	path := flags.String("file", "examples/operate/configuration.md", "the `file`, from the root of the repository")
	check := flags.Bool("check", false, "compare instead of writing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	want, err := config.Reference()
	if err != nil {
		return err
	}
	return generated.Finish(*path, want, *check, "go run ./gateway/internal/config/generate")
}
