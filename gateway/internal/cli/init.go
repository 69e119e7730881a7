package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "init [FILE]",
		Short:   "Write a first configuration, with comments, that runs as it is",
		Example: "  penstock init && penstock serve",
		Args:    atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			path := server.DefaultConfig
			if len(args) == 1 {
				path = args[0]
			}
			if err := writeNew(path, config.Example()); err != nil {
				return err
			}
			fmt.Fprintf(e.stdout, "wrote %s; start with: penstock serve -c %s\n", path, path)
			return nil
		},
	}
}

// writeNew writes a file that must not exist.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return hint.Add(fmt.Errorf("%s already exists and is not overwritten", path), "give another name: penstock init FILE")
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
