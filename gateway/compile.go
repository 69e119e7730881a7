package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/compiler"
	"github.com/penstock/penstock/gateway/internal/wasm"
)

// compileVerb is the verb by which this program becomes the compiler of a plugin.
const compileVerb = "compile-module"

// compileCommand compiles a plugin for another process of this program, which has
// checked it and built fuel counting in.
func (a *app) compileCommand() *cobra.Command {
	return &cobra.Command{
		Use:    compileVerb + " FOLDER",
		Short:  "Compile a plugin that comes by standard input; the gateway starts this itself",
		Hidden: true,
		Args:   exactly(1, "the folder of the compile cache"),
		RunE: func(cmd *cobra.Command, args []string) error {
			code, err := compiler.Read(os.Stdin)
			if err != nil {
				return err
			}
			return wasm.Compile(cmd.Context(), args[0], code)
		},
	}
}

// apart compiles plugins in a process of their own: this program, anew.
func apart() wasm.Apart {
	return compiler.Program{Name: "penstock", Args: []string{compileVerb}}.Run
}
