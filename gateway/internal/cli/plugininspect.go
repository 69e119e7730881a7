package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/plugintool"
)

func (e *environment) pluginInspectCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "inspect FILE",
		Short:   "Show what a module is, what it needs, and every fault that would keep it from loading",
		Long:    "The module is read, not run. The exit code is 1 if it would not load.",
		Example: "  penstock plugin inspect first-router/first-router.wasm -o json",
		Args:    exactly(1, "a module's file"),
		RunE: func(_ *cobra.Command, args []string) error {
			sheet, err := plugintool.Inspect(args[0])
			if err != nil {
				return err
			}
			if output == "json" {
				err = e.printJSON(sheet)
			} else {
				err = printModule(e.stdout, args[0], sheet)
			}
			if err == nil && len(sheet.Faults) > 0 {
				err = hint.Add(fmt.Errorf("%s would not load", args[0]), "sdk/ABI.md says what a module must look like")
			}
			return err
		},
	}
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// printModule prints what is known of a module.
func printModule(out io.Writer, file string, s *plugintool.Inspection) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	line("file", "%s, %s", file, kib(int64(s.Size)))
	line("sha256", "%s", s.SHA256)
	if m := s.Manifest; m != nil {
		line("plugin", "%s %s: %s", dash(m.Name), m.Version, dash(m.Description))
		line("asks for", "%s", list(m.Grants))
		if m.Hook != "" || m.Reads != nil {
			line("router", "called with %s, reads %s", dash(m.Hook), list(m.Reads))
		}
		var tests []json.RawMessage
		_ = json.Unmarshal(m.Tests, &tests) // the manifest has been read
		line("own tests", "%d", len(tests))
	} else {
		line("plugin", "no manifest in the file%s", ownManifest(s.Describes))
	}
	line("usable as", "%s", list(s.Kinds))
	line("hooks", "%s", list(s.Hooks))
	line("imports", "%s", imports(s.Imports))
	line("needs grants", "%s", list(s.Grants))
	line("memory", "%s at first, %s an instance at most", kib(s.MemoryInitial), kib(s.MemoryDefault))
	for _, fault := range s.Faults {
		line("FAULT", "%s", fault)
	}
	return w.Flush()
}

func ownManifest(describes bool) string {
	if describes {
		return "; the module returns one when it runs"
	}
	return ""
}

// imports lists the functions that a module imports. Of WASI, which is a stub, it only
// counts them: some compilers import many that are never called.
func imports(all []string) string {
	own := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return strings.HasPrefix(name, "wasi_") })
	if n := len(all) - len(own); n > 0 {
		own = append(own, fmt.Sprintf("%d of WASI, which is a stub here", n))
	}
	return list(own)
}

// list joins words.
func list(words []string) string { return dash(strings.Join(words, ", ")) }
